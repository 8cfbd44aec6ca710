"""Pages of the suspected changes: the queue and the list."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from annotation.consistency.engine import offset_of_region
from annotation.consistency.selectors import latest_scan
from annotation.learning.models import GENERAL
from annotation.sources.pages import region_page


@require_safe
def queue(request: HttpRequest, region_id: int) -> HttpResponse:
    """One candidate at a time, decided by keyboard."""
    links = {name: reverse(name, args=[region_id]) for name in ("edits", "changes", "region")}
    scan = latest_scan(region_id)
    page = {"lease_seconds": settings.REVIEW_LEASE_SECONDS, "links": links, "offset": offset_of_region(region_id)}
    page["first_look"] = scan is not None and scan.model.kind == GENERAL
    return region_page(request, region_id, "changes/queue.html", active="queue", page=page)


@require_safe
def changes(request: HttpRequest, region_id: int) -> HttpResponse:
    """Every candidate of a region, filtered and sorted."""
    return region_page(request, region_id, "changes/changes.html", active="changes")
