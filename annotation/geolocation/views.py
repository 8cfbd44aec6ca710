"""The page of reference imagery, for admins."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from annotation.accounts.models import Role, User
from annotation.accounts.permissions import role_required
from annotation.geolocation.services.register import SUFFIXES


@role_required(Role.ADMIN)
@require_safe
def reference_imagery(request: HttpRequest) -> HttpResponse:
    """Sets, their bases, the feature database and its job, and the form of a new set."""
    page = {
        "limits": {
            "suffixes": SUFFIXES,
            "bytes": settings.MAX_UPLOAD_BYTES,
            "tiles": settings.REFERENCE_MAX_TILES,
            "per_second": settings.REFERENCE_TILES_PER_SECOND,
        },
        "folder": bool(settings.REFERENCE_FOLDER),
        "people": [
            {"id": one.pk, "name": one.get_username()}
            for one in User.objects.filter(is_active=True).order_by("username")
            if not one.is_admin
        ],
    }
    return render(request, "geolocation/references.html", {"page": page, "active": "references"})
