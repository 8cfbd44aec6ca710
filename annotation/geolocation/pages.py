"""Pages of images without a place: the list with its drop zone, and the review of one."""

from __future__ import annotations

from typing import Any, cast

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from annotation.accounts.models import User
from annotation.accounts.permissions import role_required
from annotation.common.errors import NotFoundError
from annotation.geolocation import selectors
from annotation.geolocation.services.images import MOST_FILES, SUFFIXES
from annotation.sources.pages import region_data
from annotation.sources.selectors import visible_regions


@role_required("editor")
@require_safe
def images_page(request: HttpRequest) -> HttpResponse:
    """Images are dropped here, looked for, and listed."""
    page = {
        "regions": _regions(request),
        "limits": {"suffixes": SUFFIXES, "files": MOST_FILES, "bytes": settings.MAX_UPLOAD_BYTES},
        "links": {"image": reverse("image", args=[0])},
    }
    return render(request, "geolocation/images.html", {"page": page, "active": "images"})


@role_required("editor")
@require_safe
def image_page(request: HttpRequest, image_id: int) -> HttpResponse:
    """One image over the map: where it may lie, compared, adjusted, confirmed."""
    try:
        image = selectors.get_image(cast(User, request.user), image_id)
    except NotFoundError as error:
        raise Http404(error.detail) from error
    page = {
        "image": {"id": image.pk, "name": image.original_name},
        "regions": _regions(request),
        "links": {"images": reverse("images"), "image": reverse("image", args=[0])},
    }
    return render(request, "geolocation/image.html", {"page": page, "active": "images"})


def _regions(request: HttpRequest) -> list[dict[str, Any]]:
    return [region_data(region) for region in visible_regions(cast(User, request.user)).order_by("name")]
