"""What every page of a region shares: who may open it, and what its modules are told."""

from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from annotation.common.errors import NotFoundError
from annotation.review.selectors import flagged_to
from annotation.sources.models import Region
from annotation.sources.selectors import get_region


def region_data(region: Region) -> dict[str, Any]:
    """The region as the browser's modules know it."""
    bounds = list(region.area.extent) if region.area else None
    return {"id": region.pk, "name": region.name, "zoom": region.zoom, "bounds": bounds}


def region_page(
    request: HttpRequest, region_id: int, template: str, *, active: str, page: dict[str, Any] | None = None
) -> HttpResponse:
    """Render a page of a region; a missing region and a foreign one are the same 404."""
    if not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path())
    try:
        region = get_region(request.user, region_id)
    except NotFoundError as error:
        raise Http404(error.detail) from error
    context = {
        "region": region,
        "active": active,
        "flagged": flagged_to(request.user, region.pk),
        "page": {"region": region_data(region), **(page or {})},
    }
    return render(request, template, context)
