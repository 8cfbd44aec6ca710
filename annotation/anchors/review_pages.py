"""Pages of the review of anchors: the bench, the disagreements, the batches and their reports."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path, reverse
from django.views.decorators.http import require_safe

from annotation.accounts.models import User
from annotation.accounts.permissions import role_required
from annotation.anchors import engine
from annotation.anchors.answers import ADJUDICATION, REVIEW
from annotation.anchors.overview import batch_to_work_on
from annotation.anchors.services.review_stage import REASONS
from annotation.common.errors import NotFoundError
from annotation.review.batches import get_batch
from annotation.review.models import Batch
from annotation.sources.pages import region_page
from annotation.sources.selectors import get_region


@require_safe
def bench(request: HttpRequest, region_id: int) -> HttpResponse:
    """One anchor at a time, decided by keyboard; `?batch=` names the batch, else the newest with work in it."""
    return _bench(request, region_id, REVIEW)


@require_safe
def disagreements(request: HttpRequest, region_id: int) -> HttpResponse:
    """What two people answered differently, settled by a third."""
    return _bench(request, region_id, ADJUDICATION)


@require_safe
def batches(request: HttpRequest, region_id: int) -> HttpResponse:
    """Every batch with how far it is; starting one; files out and in."""
    forms = [{"name": row["name"], "label": row["label"]} for row in engine.review_form()]
    page = {"attributes": forms, "links": _links(region_id)}
    return region_page(request, region_id, "anchors/batches.html", active="anchors", page=page)


@role_required("editor")
@require_safe
def report(request: HttpRequest, region_id: int, batch_id: int) -> HttpResponse:
    """Acceptance, agreement, confusion and time of one batch."""
    batch = _batch(request, region_id, batch_id)
    labels = {row["name"]: row["label"] for row in engine.review_form()}
    page = {"batch": {"id": batch.pk, "name": batch.name}, "labels": labels, "links": _links(region_id)}
    return region_page(request, region_id, "anchors/report.html", active="anchors", page=page)


def _bench(request: HttpRequest, region_id: int, stage: str) -> HttpResponse:
    batch = None
    asked = request.GET.get("batch", "")
    user = request.user
    if isinstance(user, User) and user.is_authenticated:
        if asked:
            batch = _batch(request, region_id, int(asked) if asked.isdigit() and len(asked) < 19 else 0)
        else:
            batch = _newest(user, region_id, stage)
    links = _links(region_id)
    if batch is not None:
        links["report"] = reverse("anchor-report", args=[region_id, batch.pk])
    page: dict[str, Any] = {
        "stage": stage,
        "batch": {"id": batch.pk, "name": batch.name} if batch else None,
        "schema": engine.review_form(),
        "max_words": engine.MAX_SUMMARY_WORDS,
        "reasons": REASONS,
        "lease_seconds": settings.REVIEW_LEASE_SECONDS,
        "may_report": isinstance(user, User) and user.is_editor,
        "links": links,
    }
    return region_page(request, region_id, "anchors/bench.html", active="anchors", page=page)


def _batch(request: HttpRequest, region_id: int, batch_id: int) -> Batch:
    """The batch, or the 404 that a foreign region gets too."""
    try:
        get_region(request.user, region_id)  # type: ignore[arg-type]
        return get_batch(region_id, batch_id, REVIEW)
    except NotFoundError as error:
        raise Http404(error.detail) from error


def _newest(user: User, region_id: int, stage: str) -> Batch | None:
    try:
        return batch_to_work_on(user, get_region(user, region_id), stage)
    except NotFoundError:
        return None


def _links(region_id: int) -> dict[str, str]:
    names = {"bench": "anchor-bench", "disagreements": "anchor-disagreements", "batches": "anchor-batches"}
    return {name: reverse(view, args=[region_id]) for name, view in names.items()}


review_pages = [
    path("regions/<int:region_id>/anchors/review/", bench, name="anchor-bench"),
    path("regions/<int:region_id>/anchors/disagreements/", disagreements, name="anchor-disagreements"),
    path("regions/<int:region_id>/anchors/batches/", batches, name="anchor-batches"),
    path("regions/<int:region_id>/anchors/batches/<int:batch_id>/", report, name="anchor-report"),
]
