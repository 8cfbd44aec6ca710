"""Seals a token so that a copy of the database alone opens nothing: it takes this deployment's secret as well.

Encrypt-then-MAC from the standard library: a key stream of HMAC-SHA256 in counter mode under a random nonce, and an
HMAC-SHA256 over nonce, text and context, each with a key of its own.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets

from django.conf import settings

NONCE, MAC = 16, 32


class SealBrokenError(Exception):
    """It was sealed under another secret, for another context, or is damaged."""


def seal(text: str, context: str) -> str:
    """The text sealed for one context, such as a person on a server, where alone it opens again."""
    nonce = secrets.token_bytes(NONCE)
    hidden = _mixed(text.encode(), nonce)
    return base64.urlsafe_b64encode(nonce + hidden + _mac(nonce + hidden, context)).decode()


def unseal(sealed: str, context: str) -> str:
    """The text of `seal`.

    Raises:
        SealBrokenError: it does not open.
    """
    try:
        content = base64.urlsafe_b64decode(sealed)
    except (binascii.Error, ValueError) as error:
        raise SealBrokenError from error
    body, mac = content[:-MAC], content[-MAC:]
    if len(body) < NONCE or not hmac.compare_digest(mac, _mac(body, context)):
        raise SealBrokenError
    return _mixed(body[NONCE:], body[:NONCE]).decode()


def _mixed(text: bytes, nonce: bytes) -> bytes:
    key = _key("stream")
    blocks = range(-(-len(text) // 32))
    stream = b"".join(hmac.digest(key, nonce + block.to_bytes(8, "big"), hashlib.sha256) for block in blocks)
    return bytes(a ^ b for a, b in zip(text, stream, strict=False))


def _mac(body: bytes, context: str) -> bytes:
    return hmac.digest(_key("mac"), len(body).to_bytes(8, "big") + body + context.encode(), hashlib.sha256)


def _key(use: str) -> bytes:
    return hmac.digest(settings.SECRET_KEY.encode(), f"mapwright token of a map server, {use}".encode(), hashlib.sha256)
