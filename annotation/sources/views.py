"""Pages of the regions and of what comes in."""

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from annotation.accounts.models import Role
from annotation.accounts.permissions import has_role
from annotation.sources.pages import region_page


@require_safe
@login_required
def regions(request: HttpRequest) -> HttpResponse:
    """Every region this person may see."""
    return render(request, "sources/regions.html", {"page": {}, "active": "regions"})


@require_safe
@login_required
def region_new(request: HttpRequest) -> HttpResponse:
    """The form of a new region, for admins."""
    if not has_role(request.user, Role.ADMIN):
        raise PermissionDenied("Only admins create regions.")
    return render(request, "sources/region_new.html", {"page": {}, "active": "regions"})


@require_safe
def region(request: HttpRequest, region_id: int) -> HttpResponse:
    """One region: its map with the score grid, and the steps of the work."""
    return region_page(request, region_id, "sources/region.html", active="overview", layers=True)


@require_safe
def sources(request: HttpRequest, region_id: int) -> HttpResponse:
    """Imagery and map snapshots of a region, and the upload of new ones."""
    return region_page(request, region_id, "sources/sources.html", active="sources")


@require_safe
def layers(request: HttpRequest, region_id: int) -> HttpResponse:
    """Imagery of other servers that the region's pages offer; admins add some and try them here."""
    page = {"index": bool(settings.LAYER_INDEX)}
    return region_page(request, region_id, "sources/layers.html", active="sources", page=page, layers=True)
