"""OAuth2 as openstreetmap.org does it: authorization code with PKCE, tokens that don't expire."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import secrets
import time
from urllib.parse import parse_qsl, urlencode

from tests.osm_server.apply import RefusedError
from tests.osm_server.store import Store

CODE_S = 600
CLIENT, SECRET = "mapwright-test", "the secret of the client"
PAGE = """<!doctype html><html lang="en"><head><title>Authorize access</title></head><body>
<h1>Authorize access to your account</h1><p>{client} asks for: {scope}</p>
<form method="post" action="/oauth2/authorize">{fields}
<label>Name <input name="name" value="{name}"></label><button name="decision" value="yes">Authorize</button>
<button name="decision" value="no">Deny</button></form></body></html>"""


def page(query: str, name: str) -> bytes:
    """What a person sees who is asked."""
    asked = _checked(dict(parse_qsl(query)))
    fields = "".join(
        f'<input type="hidden" name="{html.escape(key)}" value="{html.escape(value)}">' for key, value in asked.items()
    )
    text = PAGE.format(client=asked["client_id"], scope=html.escape(asked["scope"]), fields=fields, name=name)
    return text.encode()


def decide(store: Store, body: bytes) -> str:
    """Where the person is sent back to."""
    told = dict(parse_qsl(body.decode()))
    asked = _checked(told)
    if told.get("decision") != "yes":
        return f"{asked['redirect_uri']}?{urlencode({'error': 'access_denied', 'state': asked.get('state', '')})}"
    code = secrets.token_urlsafe(24)
    person = store.person(told.get("name") or "mapper")
    said = (asked["client_id"], asked["redirect_uri"], asked["scope"], asked["code_challenge"])
    store.run("INSERT INTO codes VALUES (?, ?, ?, ?, ?, ?, ?)", code, person, *said, time.time())
    return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked.get('state', '')})}"


def token(store: Store, body: bytes) -> bytes:
    """A token for a code, once."""
    told = dict(parse_qsl(body.decode()))
    if told.get("client_id") != CLIENT or told.get("client_secret", SECRET) != SECRET:
        raise RefusedError(401, json.dumps({"error": "invalid_client"}))
    with store.transaction():
        row = store.one("SELECT * FROM codes WHERE code = ?", told.get("code", ""))
        store.run("DELETE FROM codes WHERE code = ?", told.get("code", ""))
    digest = hashlib.sha256(told.get("code_verifier", "").encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    if (
        row is None
        or told.get("grant_type") != "authorization_code"
        or row["redirect"] != told.get("redirect_uri")
        or row["challenge"] != challenge
        or time.time() - row["made"] > CODE_S
    ):
        raise RefusedError(400, json.dumps({"error": "invalid_grant"}))
    given = secrets.token_urlsafe(32)
    store.run("INSERT INTO tokens VALUES (?, ?, ?)", given, row["user"], row["scopes"])
    told_back = {"access_token": given, "token_type": "Bearer", "scope": row["scopes"], "created_at": int(time.time())}
    return json.dumps(told_back).encode()


def revoke(store: Store, body: bytes) -> None:
    store.run("DELETE FROM tokens WHERE token = ?", dict(parse_qsl(body.decode())).get("token", ""))


def _checked(asked: dict[str, str]) -> dict[str, str]:
    wanted = ("response_type", "client_id", "redirect_uri", "scope", "state", "code_challenge", "code_challenge_method")
    missing = [name for name in wanted if not asked.get(name)]
    if missing or asked["response_type"] != "code" or asked["code_challenge_method"] != "S256":
        raise RefusedError(400, f"the request lacks {missing}")
    if asked["client_id"] != CLIENT:
        raise RefusedError(401, "Client authentication failed due to unknown client")
    return {name: asked[name] for name in wanted}
