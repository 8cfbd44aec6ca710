"""The page of map edits on their way out."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from annotation.sources.pages import region_page


@require_safe
def edits(request: HttpRequest, region_id: int) -> HttpResponse:
    """Accepted changes and the changesets made of them."""
    return region_page(request, region_id, "edits/edits.html", active="edits")
