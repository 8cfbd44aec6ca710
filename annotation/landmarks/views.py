"""Pages of the search: the one box with what it finds, and the landmarks of a region."""

from __future__ import annotations

from typing import Any, cast

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from annotation.accounts.models import User
from annotation.sources.pages import region_data, region_page
from annotation.sources.selectors import visible_regions


@require_safe
@login_required
def search(request: HttpRequest) -> HttpResponse:
    """Tiles and landmarks by words, coordinates, a photo or another tile."""
    regions = visible_regions(cast(User, request.user)).order_by("name")
    page: dict[str, Any] = {
        "regions": [region_data(region) for region in regions],
        "links": {"landmarks": reverse("landmarks", args=[0])},
    }
    return render(request, "landmarks/search.html", {"page": page, "active": "search"})


@require_safe
def landmarks(request: HttpRequest, region_id: int) -> HttpResponse:
    """Landmarks of a region on its map: added by hand, from a table, from the map's own tags."""
    page = {"links": {"search": reverse("search")}}
    return region_page(request, region_id, "landmarks/landmarks.html", active="landmarks", page=page)
