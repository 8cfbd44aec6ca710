"""The page of map edits on their way out."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from annotation.changes.views import to_josm
from annotation.sources.engine import shown_imagery
from annotation.sources.models import Region
from annotation.sources.pages import region_page
from annotation.sources.selectors import imagery_in_use


@require_safe
@to_josm
def edits(request: HttpRequest, region_id: int) -> HttpResponse:
    """Accepted changes and the changesets made of them."""
    region = Region.objects.filter(pk=region_id).first()
    imagery = imagery_in_use(region) if region is not None else None
    page = {"imagery": shown_imagery(imagery) if imagery is not None else None}
    return region_page(request, region_id, "edits/edits.html", active="edits", page=page)
