"""What every page of a region shares: who may open it, and what its modules are told."""

from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from annotation.common.errors import NotFoundError
from annotation.review.selectors import flagged_to
from annotation.sources.base_layers import BaseLayer
from annotation.sources.models import Region
from annotation.sources.selectors import get_region


def region_data(region: Region) -> dict[str, Any]:
    """The region as the browser's modules know it."""
    bounds = list(region.area.extent) if region.area else None
    return {"id": region.pk, "name": region.name, "zoom": region.zoom, "bounds": bounds}


def shown_layer(layer: BaseLayer) -> dict[str, Any]:
    """What a page needs to show a layer of another server, and to say of it."""
    names = (
        "title", "kind", "template", "attribution", "attribution_url", "licence", "osm_use", "min_zoom", "max_zoom",
        "captured", "east_m", "north_m",
    )  # fmt: skip
    return {"id": layer.pk, **{name: getattr(layer, name) for name in names}}


def permit(response: HttpResponse, directive: str, sources: list[str]) -> HttpResponse:
    """Let this page alone speak to these sources besides, as a directive of its content security policy."""
    before: dict[str, list[str]] = getattr(response, "_csp_update", None) or {}
    response._csp_update = {**before, directive: [*before.get(directive, []), *sources]}  # type: ignore[attr-defined]
    return response


def region_page(
    request: HttpRequest,
    region_id: int,
    template: str,
    *,
    active: str,
    page: dict[str, Any] | None = None,
    layers: bool = False,
) -> HttpResponse:
    """Render a page of a region; a missing region and a foreign one are the same 404.

    Args:
        layers: the page shows imagery of other servers: it lists the region's, and its policy lets the browser load
            images from exactly their hosts.
    """
    if not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path())
    try:
        region = get_region(request.user, region_id)
    except NotFoundError as error:
        raise Http404(error.detail) from error
    context: dict[str, Any] = {
        "region": region,
        "active": active,
        "flagged": flagged_to(request.user, region.pk),
        "page": {"region": region_data(region), **(page or {})},
    }
    offered = list(BaseLayer.objects.for_region(region.pk)) if layers else []
    if layers:
        context["page"]["layers"] = [shown_layer(layer) for layer in offered]
    response = render(request, template, context)
    return permit(response, "img-src", sorted({host for layer in offered for host in layer.hosts}))
