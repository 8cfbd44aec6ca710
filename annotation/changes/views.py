"""Pages of the suspected changes: the queue, the list, and one of them."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_safe

from annotation.changes import selectors
from annotation.changes.tagging import building_values
from annotation.consistency.engine import offset_of_region
from annotation.consistency.selectors import latest_scan
from annotation.learning.models import GENERAL
from annotation.review.models import ItemState
from annotation.sources.pages import permit, region_page


def to_josm(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Lets a page speak to JOSM on the person's own machine (its remote control has this one address)."""

    @wraps(view)
    def permitted(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return permit(view(request, *args, **kwargs), "connect-src", ["http://127.0.0.1:8111"])

    return permitted


@require_safe
@to_josm
def queue(request: HttpRequest, region_id: int) -> HttpResponse:
    """One candidate at a time, decided by keyboard; `?change=` names the one to begin with, if it is still open."""
    links = {name: reverse(name, args=[region_id]) for name in ("edits", "changes", "region")}
    scan = latest_scan(region_id)
    page = {"lease_seconds": settings.REVIEW_LEASE_SECONDS, "links": links, "offset": offset_of_region(region_id)}
    asked = request.GET.get("change", "")
    if asked.isdecimal() and len(asked) < 19 and request.user.is_authenticated:
        found = selectors.place_in_queue(request.user, region_id, int(asked))
        if found is not None and found.state != ItemState.OPEN:
            return redirect("change", region_id, int(asked))
        page["first"] = found.pk if found is not None else None
    page |= {"building_values": building_values(), "asks_server": settings.OSM_UPLOAD}
    page["first_look"] = scan is not None and scan.model.kind == GENERAL
    return region_page(request, region_id, "changes/queue.html", active="queue", page=page, layers=True)


@require_safe
def changes(request: HttpRequest, region_id: int) -> HttpResponse:
    """Every candidate of a region, filtered and sorted."""
    page = {"models": selectors.models_behind(region_id)}
    return region_page(request, region_id, "changes/changes.html", active="changes", page=page)


@require_safe
@to_josm
def change(request: HttpRequest, region_id: int, change_id: int) -> HttpResponse:
    """One candidate with all that was said of it: to look at, to answer what a colleague said, to send as a link."""
    if request.user.is_authenticated and selectors.place_in_queue(request.user, region_id, change_id) is None:
        raise Http404("There is no such change.")
    page = {"change": change_id, "building_values": building_values(), "asks_server": settings.OSM_UPLOAD}
    return region_page(request, region_id, "changes/change.html", active="changes", page=page)
