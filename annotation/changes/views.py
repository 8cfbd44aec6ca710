"""Pages of the suspected changes: the queue and the list."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from annotation.sources.pages import region_page


@require_safe
def queue(request: HttpRequest, region_id: int) -> HttpResponse:
    """One candidate at a time, decided by keyboard."""
    return region_page(request, region_id, "changes/queue.html", active="queue")


@require_safe
def changes(request: HttpRequest, region_id: int) -> HttpResponse:
    """Every candidate of a region, filtered and sorted."""
    return region_page(request, region_id, "changes/changes.html", active="changes")
