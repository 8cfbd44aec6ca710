"""The page of map edits on their way out, and the way to the map's site and back to sign in there."""

from typing import cast

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_safe

from annotation.accounts.models import Role, User
from annotation.accounts.permissions import role_required
from annotation.changes.services.second_person import waiting
from annotation.changes.views import to_josm
from annotation.common.errors import DomainError
from annotation.edits.engine import Challenge, authorize_url, new_challenge
from annotation.edits.services.uploads import accounts
from annotation.sources.engine import shown_imagery
from annotation.sources.models import Region
from annotation.sources.pages import region_page
from annotation.sources.selectors import imagery_in_use, visible_regions


@require_safe
@to_josm
def edits(request: HttpRequest, region_id: int) -> HttpResponse:
    """Accepted changes and the changesets made of them."""
    region = Region.objects.filter(pk=region_id).first()
    imagery = imagery_in_use(region) if region is not None else None
    said = [{"good": one.level == messages.SUCCESS, "text": str(one)} for one in messages.get_messages(request)]
    page = {
        "imagery": shown_imagery(imagery) if imagery is not None else None,
        "said": said,
        "areas": {"edits": settings.CHANGESET_EDITS, "km": settings.CHANGESET_KM},
        "second_waiting": waiting(region) if region is not None and region.second_person else 0,
    }
    return region_page(request, region_id, "edits/edits.html", active="edits", page=page)


@require_safe
def uploads(request: HttpRequest, region_id: int) -> HttpResponse:
    """What is in the map, and what became of it."""
    return region_page(request, region_id, "edits/uploads.html", active="edits")


@require_safe
@role_required(Role.ADMIN)
def webhooks(request: HttpRequest) -> HttpResponse:
    """Who is told of decisions, exports and uploads, and what could not be sent."""
    regions = visible_regions(cast(User, request.user)).order_by("name")
    page = {"regions": [{"id": pk, "name": name} for pk, name in regions.values_list("pk", "name")]}
    return render(request, "edits/webhooks.html", {"page": page, "active": "webhooks"})


PENDING = "osm_sign_in"
"""Of the session: the one attempt to sign in that is under way."""


@require_safe
@role_required(Role.EDITOR)
def osm_sign_in(request: HttpRequest) -> HttpResponse:
    """Send the person to the map's site, which asks whether this application may edit in their name."""
    back = request.GET.get("next", "")
    if not url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure()):
        back = "/"
    try:
        server = accounts.server_in_use()
    except DomainError as error:
        messages.error(request, error.detail)
        return HttpResponseRedirect(back)
    challenge = new_challenge()
    request.session[PENDING] = {**vars(challenge), "next": back}
    return HttpResponseRedirect(authorize_url(server, challenge, _redirect_uri(request)))


@require_safe
@role_required(Role.EDITOR)
def osm_signed_in(request: HttpRequest) -> HttpResponse:
    """The way back: only the answer to this session's own question is taken, once."""
    kept = request.session.pop(PENDING, None)
    if kept is None or request.GET.get("state") != kept["state"]:
        messages.error(request, "this sign-in was not asked for here, or answered already: sign in again")
        return HttpResponseRedirect("/" if kept is None else kept["next"])
    try:
        if "code" not in request.GET:
            raise DomainError("the map's site did not allow it: sign in again, and authorize Mapwright there")
        challenge = Challenge(kept["state"], kept["verifier"])
        account = accounts.sign_in(
            user=cast(User, request.user),
            challenge=challenge,
            redirect_uri=_redirect_uri(request),
            code=request.GET["code"][:1000],
        )
        messages.success(request, f"you are signed in as {account.name} at {accounts.server_in_use().site_url}")
    except DomainError as error:
        messages.error(request, error.detail)
    return HttpResponseRedirect(kept["next"])


def _redirect_uri(request: HttpRequest) -> str:
    return request.build_absolute_uri(reverse("osm-signed-in"))
