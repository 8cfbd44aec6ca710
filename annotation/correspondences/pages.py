"""Pages of the correspondences: matching and batches, the control-point editor, disagreements, reports."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from annotation.accounts.models import User
from annotation.accounts.permissions import role_required
from annotation.common.errors import NotFoundError
from annotation.correspondences.answers import ADJUDICATION, REVIEW
from annotation.correspondences.engine import MOST_SCAN_SIDE, POINT_LIMITS
from annotation.correspondences.models import MapScan
from annotation.correspondences.services.map_scans import SCAN_SUFFIXES
from annotation.correspondences.services.review_stage import REASONS
from annotation.review.batches import get_batch
from annotation.review.models import Batch
from annotation.review.selectors import newest_to_work_on
from annotation.sources.pages import region_page
from annotation.sources.selectors import get_region


@require_safe
def overview_page(request: HttpRequest, region_id: int) -> HttpResponse:
    """Matching image and map, how far it is, batches of what came of it, every proposal."""
    page = {"links": _links(region_id), "agree_m": settings.CORRESPONDENCES_AGREE_M}
    return region_page(request, region_id, "correspondences/overview.html", active="correspondences", page=page)


@require_safe
def map_scans_page(request: HttpRequest, region_id: int) -> HttpResponse:
    """Pictures of maps: added, looked for, shown where they lie, their pairs sent to the review."""
    page = {
        "links": _links(region_id),
        "limits": {"suffixes": SCAN_SUFFIXES, "bytes": settings.MAX_UPLOAD_BYTES, "side": MOST_SCAN_SIDE},
        "has_scans": MapScan.objects.filter(region=region_id).exists(),
    }
    return region_page(request, region_id, "correspondences/map_scans.html", active="correspondences", page=page)


@require_safe
def editor(request: HttpRequest, region_id: int) -> HttpResponse:
    """One proposal at a time, with its control points; `?batch=` names the batch, else the newest with work in it."""
    return _editor(request, region_id, REVIEW)


@require_safe
def disagreements(request: HttpRequest, region_id: int) -> HttpResponse:
    """What two people answered differently, settled by a third."""
    return _editor(request, region_id, ADJUDICATION)


@role_required("editor")
@require_safe
def report(request: HttpRequest, region_id: int, matching_batch_id: int) -> HttpResponse:
    """Agreement, distances and errors of one batch."""
    batch = _batch(request, region_id, matching_batch_id)
    page = {"batch": {"id": batch.pk, "name": batch.name}, "links": _links(region_id)}
    return region_page(request, region_id, "correspondences/report.html", active="correspondences", page=page)


def _editor(request: HttpRequest, region_id: int, stage: str) -> HttpResponse:
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
        links["report"] = reverse("correspondence-report", args=[region_id, batch.pk])
    page: dict[str, Any] = {
        "stage": stage,
        "batch": {"id": batch.pk, "name": batch.name} if batch else None,
        "reasons": REASONS,
        "limits": POINT_LIMITS,
        "agree_m": settings.CORRESPONDENCES_AGREE_M,
        "lease_seconds": settings.REVIEW_LEASE_SECONDS,
        "may_report": isinstance(user, User) and user.is_editor,
        "links": links,
    }
    return region_page(request, region_id, "correspondences/editor.html", active="correspondences", page=page)


def _batch(request: HttpRequest, region_id: int, batch_id: int) -> Batch:
    """The batch, or the 404 that a foreign region gets too."""
    try:
        get_region(request.user, region_id)  # type: ignore[arg-type]
        return get_batch(region_id, batch_id, REVIEW)
    except NotFoundError as error:
        raise Http404(error.detail) from error


def _newest(user: User, region_id: int, stage: str) -> Batch | None:
    try:
        return newest_to_work_on(user, REVIEW, get_region(user, region_id).pk, stage)
    except NotFoundError:
        return None


def _links(region_id: int) -> dict[str, str]:
    names = {
        "bench": "correspondence-editor",
        "disagreements": "correspondence-disagreements",
        "batches": "correspondences",
        "scans": "map-scans",
    }
    return {name: reverse(view, args=[region_id]) for name, view in names.items()}
