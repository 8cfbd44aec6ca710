"""The signature that says who sent a body, and when."""

from __future__ import annotations

import hashlib
import hmac


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """The header `Mapwright-Signature`: `t=<seconds since 1970>,v1=<HMAC-SHA256 of "t.body" as hex>`.

    A receiver computes the same over the timestamp, a dot and the bytes that came, compares in constant time, and
    refuses a timestamp that is minutes old, so that nobody can send an old body again.
    """
    mac = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
    return f"t={timestamp},v1={mac.hexdigest()}"
