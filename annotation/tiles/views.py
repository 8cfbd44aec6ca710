"""The page of one tile."""

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from annotation.sources.pages import region_page
from annotation.tiles.engine import address_of, place_of
from annotation.tiles.models import Tile


@require_safe
def tile(request: HttpRequest, region_id: int, z: int, x: int, y: int) -> HttpResponse:
    """Image and map of one tile side by side, with all that is known of it."""
    if z > 24 or x >= 2**z or y >= 2**z:
        raise Http404("There is no such tile.")
    tile_id = Tile.objects.filter(region=region_id, z=z, x=x, y=y).values_list("pk", flat=True).first()
    page = {
        "tile": {"id": tile_id, "z": z, "x": x, "y": y},
        "place": place_of(address_of(z, x, y)),
        "links": {"search": reverse("search")},
    }
    return region_page(request, region_id, "tiles/tile.html", active="overview", page=page)
