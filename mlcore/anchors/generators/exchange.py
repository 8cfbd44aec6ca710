"""One question to an OpenAI-compatible endpoint, and what came back, read with suspicion."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from mlcore.anchors.generators.backoff import retry_after_s
from mlcore.anchors.generators.endpoint import Endpoint
from mlcore.anchors.generators.hosts import UnknownHostError, checked_address

MAX_BODY = 1 << 20
MAX_TOKENS_TOLD = 10_000_000
AGAIN = {408, 409, 425, 429, 500, 502, 503, 504, 529}
HOPELESS = {401: "its key is refused", 403: "access is refused", 404: "it does not know the address or the model"}


class AskError(Exception):
    """A request that brought no answer.

    Attributes:
        reason: timeout, unreachable, rate_limited, server_error, refused, bad_request or junk.
        passing: another attempt may help.
        hopeless: no other tile will fare better: the key or the address is wrong.
        wait_s: how long the server asks to be left alone.
    """

    def __init__(
        self, reason: str, detail: str, *, passing: bool = False, hopeless: bool = False, wait_s: float | None = None
    ) -> None:
        super().__init__(detail)
        self.reason, self.passing, self.hopeless, self.wait_s = reason, passing, hopeless, wait_s


@dataclass(frozen=True)
class Reply:
    """What the model wrote, and the tokens the server counted (None where it doesn't say)."""

    text: str
    tokens_in: int | None
    tokens_out: int | None


async def ask(client: httpx.AsyncClient, endpoint: Endpoint, allowed: Collection[str], body: dict[str, Any]) -> Reply:
    """Send one request; redirects are not followed, nothing but 1 MiB of JSON is read, the whole takes timeout_s.

    Raises:
        AskError: why there is no reply.
        ForbiddenHostError: the host is, or has become, one that must not be asked.
    """
    try:
        async with asyncio.timeout(endpoint.timeout_s):
            status, headers, content = await _send(client, endpoint, allowed, body)
    except (TimeoutError, httpx.TimeoutException) as error:
        raise AskError("timeout", f"no answer within {endpoint.timeout_s:g} s", passing=True) from error
    except (httpx.TransportError, UnknownHostError, OSError) as error:
        raise AskError("unreachable", f"no connection ({type(error).__name__})", passing=True) from error
    if status in AGAIN:
        reason = "rate_limited" if status == 429 else "server_error"
        raise AskError(reason, f"answered {status}", passing=True, wait_s=retry_after_s(headers.get("retry-after")))
    if status in HOPELESS:
        raise AskError("refused", f"answered {status}: {HOPELESS[status]}", hopeless=True)
    if 300 <= status < 400:
        raise AskError("refused", f"answered {status}: redirects are not followed, set its final url", hopeless=True)
    if status in (400, 422):
        raise AskError("bad_request", f"answered {status}: it does not take the request")
    if status != 200:
        raise AskError("server_error" if status >= 500 else "refused", f"answered {status}", passing=status >= 500)
    return _read(content)


async def _send(
    client: httpx.AsyncClient, endpoint: Endpoint, allowed: Collection[str], body: dict[str, Any]
) -> tuple[int, httpx.Headers, bytes]:
    """Connect to the checked address, whatever the name leads to by now; TLS is still verified for the name."""
    address = await checked_address(endpoint.chat_url, allowed)
    parts = urlsplit(endpoint.chat_url)
    host = parts.hostname or ""
    url = httpx.URL(endpoint.chat_url).copy_with(host=f"[{address}]" if ":" in address else address)
    headers = {"Host": parts.netloc, "Accept": "application/json", "Accept-Encoding": "identity"}
    if endpoint.key:
        headers["Authorization"] = f"Bearer {endpoint.key}"
    extensions = {"sni_hostname": host} if parts.scheme == "https" else {}
    async with client.stream("POST", url, json=body, headers=headers, extensions=extensions) as response:
        content = bytearray()
        async for chunk in response.aiter_raw():
            content += chunk
            if len(content) > MAX_BODY:
                raise AskError("junk", f"the answer is larger than {MAX_BODY >> 20} MiB")
        return response.status_code, response.headers, bytes(content)


def _read(content: bytes) -> Reply:
    """The first choice of a chat completion."""
    try:
        found = json.loads(content)
        message = found["choices"][0]["message"]
        text = message["content"]
    except (ValueError, RecursionError, LookupError, TypeError) as error:
        raise AskError("junk", "the answer is no chat completion") from error
    if not isinstance(text, str):
        raise AskError("junk", "the answer holds no text")
    usage = found.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    return Reply(text, _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens")))


def _count(value: object) -> int | None:
    valid = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_TOKENS_TOLD
    return int(str(value)) if valid else None
