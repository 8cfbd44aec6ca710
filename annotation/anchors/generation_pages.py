"""The page of the generators: what describes a region's tiles, how far, at what price."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.views.decorators.http import require_safe

from annotation.sources.pages import region_page


@require_safe
def generators(request: HttpRequest, region_id: int) -> HttpResponse:
    """Generators of a region, and starting one."""
    page = {"links": {"batches": reverse("anchor-batches", args=[region_id])}}
    return region_page(request, region_id, "anchors/generators.html", active="anchors", page=page)


generation_pages = [path("regions/<int:region_id>/anchors/", generators, name="anchors")]
