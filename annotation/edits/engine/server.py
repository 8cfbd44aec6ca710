"""One request to the server of the map: to a checked address, without redirects, with bounds on time and size."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from annotation.edits.errors import ForbiddenServerError, NoAnswerError, NotSentError, ServerAddressError

AGENT = "Mapwright (https://wiki.openstreetmap.org/wiki/API_v0.6)"
CONNECT_S = 10.0
ANSWER_S = 60.0
UPLOAD_S = 330.0
"""Of an upload: a little more than the time after which the API gives a request up itself."""
MOST_BYTES = 2**20
MOST_CHANGE_BYTES = 64 * 2**20
"""Of the download of a changeset: 10,000 elements, some with 2,000 nodes."""


@dataclass(frozen=True)
class MapServer:
    """Where edits go, checked by `check_server`.

    Attributes:
        api_url: before `/api/0.6/`, without a slash at the end.
        site_url: the web site of the same map, where people sign in and look at changesets.
        client_id, client_secret: of the application registered there; the secret is empty for a public one.
        allowed: hosts an administrator allowed by name: they may be private, and speak plain http.
    """

    api_url: str
    site_url: str
    client_id: str = ""
    client_secret: str = ""
    allowed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reply:
    """What came back.

    Attributes:
        retry_after_s: what the server asks for, if it asks for a wait.
    """

    status: int
    body: bytes
    retry_after_s: float | None = None

    @property
    def text(self) -> str:
        """The beginning of the answer on one line, to be shown."""
        return " ".join(self.body[:600].decode("utf-8", "replace").split())[:300]


def check_server(api_url: str, site_url: str, allowed: Collection[str]) -> tuple[str, str]:
    """Both addresses without a slash at the end: https and one host each, plain http only of hosts allowed by name.

    Raises:
        ServerAddressError: what is wrong with one of them.
    """
    return _checked(api_url, "MAPWRIGHT_OSM_API_URL", allowed), _checked(site_url, "MAPWRIGHT_OSM_SITE_URL", allowed)


def _checked(url: str, name: str, allowed: Collection[str]) -> str:
    try:
        parts = urlsplit(url.strip())
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise ServerAddressError(f"{name} is no address: {error}") from error
    by_name = host.rstrip(".").lower() in {one.rstrip(".").lower() for one in allowed}
    if parts.scheme != "https" and not (parts.scheme == "http" and by_name):
        raise ServerAddressError(f"{name} begins with https://, or names a host of MAPWRIGHT_OSM_HOSTS")
    if not host or "@" in parts.netloc or parts.query or parts.fragment or parts.path.strip("/"):
        raise ServerAddressError(f"{name} names one host alone, such as https://master.apis.dev.openstreetmap.org")
    return f"{parts.scheme}://{parts.netloc}"


def send(
    server: MapServer,
    method: str,
    url: str,
    *,
    body: bytes = b"",
    content_type: str = "text/xml; charset=utf-8",
    token: str = "",
    answer_s: float = ANSWER_S,
    most_bytes: int = MOST_BYTES,
) -> Reply:
    """One request and its whole answer; secrets travel in body and header alone.

    Raises:
        NotSentError: no connection came about, so the server knows nothing of it.
        NoAnswerError: it may have taken effect.
        ForbiddenServerError: the host leads to an address that may not be asked.
    """
    headers = {}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    if body:
        headers["Content-Type"] = content_type
    return ask(method, url, body, headers, server.allowed, "MAPWRIGHT_OSM_HOSTS", answer_s, most_bytes)


def ask(
    method: str,
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    allowed: Collection[str],
    setting: str,
    answer_s: float,
    most_bytes: int,
) -> Reply:
    """One request to whatever server, its address checked; errors as of `send`.

    Args:
        allowed: hosts that an administrator allowed by name, in the variable `setting`.
        answer_s: without a byte; the whole takes at most twice as long, and the time to connect, which is no longer.
    """
    connect_s = min(CONNECT_S, answer_s)
    parts = urlsplit(url)
    address = _address(url, allowed, setting)
    headers = {"Host": parts.netloc, "User-Agent": AGENT, "Accept-Encoding": "identity", **headers}
    try:
        target = httpx.URL(url).copy_with(host=f"[{address}]" if ":" in address else address)
    except httpx.InvalidURL as error:
        raise ServerAddressError(f"this address can't be asked: {error}") from error
    extensions: dict[str, Any] = {"sni_hostname": parts.hostname} if parts.scheme == "https" else {}
    extensions["timeout"] = httpx.Timeout(answer_s, connect=connect_s).as_dict()
    request = httpx.Request(method, target, content=body, headers=headers, extensions=extensions)
    try:
        return asyncio.run(_answer(request, connect_s + 2 * answer_s, most_bytes))
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise NotSentError(f"{parts.hostname} can't be reached ({type(error).__name__})") from error
    except (httpx.TransportError, OSError) as error:
        raise NoAnswerError(f"{parts.hostname} gave no whole answer ({type(error).__name__})") from error


async def _answer(request: httpx.Request, most_s: float, most_bytes: int) -> Reply:
    """The whole answer; a server that sends byte by byte, of a header or a body, is not waited for any longer."""
    content = bytearray()
    async with asyncio.timeout(most_s), httpx.AsyncClient(follow_redirects=False, trust_env=False) as client:
        response = await client.send(request, stream=True)
        try:
            async for chunk in response.aiter_raw():
                content += chunk
                if len(content) > most_bytes:
                    raise OSError(f"more than {most_bytes >> 20} MiB")
        finally:
            await response.aclose()
    return Reply(response.status_code, bytes(content), _asked_for(response.headers))


def _address(url: str, allowed: Collection[str], setting: str) -> str:
    """The address that was checked is the one connected to, whatever the name leads to a moment later."""
    from mlcore.anchors.generators.hosts import ForbiddenHostError, UnknownHostError, checked_address

    host = urlsplit(url).hostname
    try:
        return asyncio.run(checked_address(url, allowed))
    except UnknownHostError as error:
        raise NotSentError(f"the name {host} can't be resolved") from error
    except ForbiddenHostError as error:
        raise ForbiddenServerError(
            f"{host} leads to an address that is not public: an administrator can allow the host by name ({setting})"
        ) from error


def _asked_for(headers: httpx.Headers) -> float | None:
    from mlcore.anchors.generators.backoff import retry_after_s

    return retry_after_s(headers.get("retry-after"))
