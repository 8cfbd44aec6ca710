"""OAuth2 of the map's server: authorization code with PKCE (RFC 6749, RFC 7636)."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass
from urllib.parse import urlencode

from annotation.edits.engine.server import MapServer, send
from annotation.edits.errors import SignInFailedError

SCOPES = "read_prefs write_api"
"""To know whose account it is, and to edit the map; nothing else."""
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Challenge:
    """What belongs to one attempt to sign in, kept in the session until its answer comes."""

    state: str
    verifier: str


def new_challenge() -> Challenge:
    return Challenge(secrets.token_urlsafe(32), secrets.token_urlsafe(48))


def authorize_url(server: MapServer, challenge: Challenge, redirect_uri: str) -> str:
    """The page of the map's site that asks the person."""
    digest = hashlib.sha256(challenge.verifier.encode()).digest()
    asked = {
        "response_type": "code",
        "client_id": server.client_id,
        "redirect_uri": redirect_uri,
        "scope": SCOPES,
        "state": challenge.state,
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    return f"{server.site_url}/oauth2/authorize?{urlencode(asked)}"


def fetch_token(server: MapServer, challenge: Challenge, redirect_uri: str, code: str) -> str:
    """The token for the code that the site sent back.

    Raises:
        SignInFailedError: the site gives none, or one that may not edit.
    """
    asked = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        "client_id": server.client_id,
        "code_verifier": challenge.verifier,
    }
    if server.client_secret:
        asked["client_secret"] = server.client_secret
    reply = send(
        server, "POST", f"{server.site_url}/oauth2/token", body=urlencode(asked).encode(), content_type=FORM
    )  # fmt: skip
    try:
        told = json.loads(reply.body)
        token, scopes = told["access_token"], str(told.get("scope", SCOPES)).split()
    except (ValueError, KeyError, TypeError) as error:
        raise SignInFailedError(
            f"the map's server gave no token (it answers {reply.status}): sign in again; if it stays so, an "
            "administrator checks MAPWRIGHT_OSM_CLIENT_ID and the redirect address registered there"
        ) from error
    if not isinstance(token, str) or not token or "write_api" not in scopes:
        raise SignInFailedError("this sign-in may not edit the map: sign in again and allow it to modify the map")
    return token


def revoke_token(server: MapServer, token: str) -> None:
    """Tell the site that the token is not used any more."""
    asked = {"token": token, "client_id": server.client_id}
    if server.client_secret:
        asked["client_secret"] = server.client_secret
    send(server, "POST", f"{server.site_url}/oauth2/revoke", body=urlencode(asked).encode(), content_type=FORM)
