"""Who is signed in at the map's server."""

from __future__ import annotations

import logging

from django.conf import settings
from django.db import transaction

from annotation.accounts.models import User
from annotation.common.errors import DomainError
from annotation.edits.engine import Challenge, MapServer, OsmApi, check_server, fetch_token, revoke_token
from annotation.edits.errors import SignedOutError, UploadOffError
from annotation.edits.models import OsmAccount, Upload
from annotation.edits.services.uploads.sealing import SealBrokenError, seal, unseal
from annotation.review.services import audit

logger = logging.getLogger(__name__)
OFF = "Uploads are off here: an administrator switches them on with MAPWRIGHT_OSM_UPLOAD=1"


def server_in_use() -> MapServer:
    """The server that edits go to.

    Raises:
        UploadOffError: uploads are off, or no application is registered for them.
        ServerAddressError: its address can't be used.
    """
    if not settings.OSM_UPLOAD:
        raise UploadOffError(OFF)
    api_url, site_url = check_server(settings.OSM_API_URL, settings.OSM_SITE_URL, settings.OSM_HOSTS)
    if not settings.OSM_CLIENT_ID:
        raise UploadOffError(
            f"no application is registered for uploads: an administrator registers one at "
            f"{site_url}/oauth2/applications and names it with MAPWRIGHT_OSM_CLIENT_ID"
        )
    return MapServer(
        api_url, site_url, settings.OSM_CLIENT_ID, settings.OSM_CLIENT_SECRET, tuple(settings.OSM_HOSTS)
    )  # fmt: skip


def account_of(user: User | None) -> OsmAccount | None:
    """The person's account on the server in use."""
    return OsmAccount.objects.filter(user=user, server=server_in_use().api_url).first() if user else None


def api_of(account: OsmAccount) -> OsmApi:
    """Access in the account's name.

    Raises:
        SignedOutError: the token was sealed under another secret.
    """
    try:
        return OsmApi(server_in_use(), unseal(account.sealed_token, _context(account.user_id, account.server)))
    except SealBrokenError as error:
        raise SignedOutError("your sign-in at the map's server can't be read any more: sign in there again") from error


def open_to_all(upload: Upload) -> OsmApi:
    """What everybody may read of the server that an upload goes to, without anybody's token.

    Raises:
        ServerAddressError: its address can't be used any more.
    """
    allowed = tuple(settings.OSM_HOSTS)
    api_url, site_url = check_server(upload.server, upload.site, allowed)
    return OsmApi(MapServer(api_url, site_url, allowed=allowed))


def sign_in(*, user: User, challenge: Challenge, redirect_uri: str, code: str) -> OsmAccount:
    """Take the code that the map's site sent back, and keep the token.

    Raises:
        SignInFailedError, ServerError, UploadOffError: why there is no sign-in.
    """
    server = server_in_use()
    token = fetch_token(server, challenge, redirect_uri, code)
    person = OsmApi(server, token).person()
    with transaction.atomic():
        account, _ = OsmAccount.objects.update_or_create(
            user=user,
            server=server.api_url,
            defaults={
                "osm_id": person.id,
                "name": person.name[:255],
                "sealed_token": seal(token, _context(user.pk, server.api_url)),
            },
        )
        audit.record(actor=user, action="edits.signed_in", object_kind="osm_account", object_id=account.pk,
                     scope_id=None, server=server.api_url, name=account.name)  # fmt: skip
    return account


def sign_out(*, user: User) -> None:
    """Forget the token, and tell the map's site so; without an answer it is forgotten here all the same."""
    account = account_of(user)
    if account is None:
        return
    server = server_in_use()
    try:
        revoke_token(server, unseal(account.sealed_token, _context(user.pk, account.server)))
    except (DomainError, SealBrokenError) as error:
        logger.warning("the token of %s was not revoked at the map's site: %s", account, type(error).__name__)
    with transaction.atomic():
        account.delete()
        audit.record(actor=user, action="edits.signed_out", object_kind="osm_account", object_id=user.pk,
                     scope_id=None, server=server.api_url)  # fmt: skip


def _context(user_id: int, server: str) -> str:
    return f"{user_id} {server}"
