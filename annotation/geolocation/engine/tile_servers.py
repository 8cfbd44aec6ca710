"""Tiles of a server that an admin named: which addresses may be asked, and how politely."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from annotation.common.engine import Progress, stop_if_asked
from annotation.geolocation.errors import TileAddressError, TileServerError
from mlcore.files import whole_file
from mlcore.geometry.webmercator import TileAddress

MOST_BYTES = 2 * 2**20
"""Of one tile."""
TIMEOUT_S = 20.0
ATTEMPTS = 4
WAIT_S, LONGEST_WAIT_S = 1.0, 60.0
AGAIN = {408, 425, 429, 500, 502, 503, 504}
EMPTY = {204, 404, 410}
AGENT = "Mapwright (reference imagery; https://wiki.openstreetmap.org/wiki/Tile_usage)"
PLACES = {
    "{z}": "z", "{x}": "x", "{y}": "y", "{-y}": "flipped", "{tilematrix}": "z", "{tilecol}": "x", "{tilerow}": "y",
}  # fmt: skip
_PLACE = re.compile(r"\{[^{}]*\}")


@dataclass(frozen=True)
class TileServer:
    """Where tiles come from.

    Attributes:
        template: checked by `check_template`.
        allowed: hosts an administrator allowed by name: they may be private, and speak plain http.
        per_second: requests a second at most.
    """

    template: str
    allowed: tuple[str, ...] = ()
    per_second: float = 8.0

    def url_of(self, tile: TileAddress) -> str:
        values = {"z": tile.z, "x": tile.x, "y": tile.y, "flipped": 2**tile.z - 1 - tile.y}
        return _PLACE.sub(lambda match: str(values[PLACES[match[0].lower()]]), self.template)


def check_template(template: str, allowed: Collection[str]) -> str:
    """The template itself: https, a host without places, and z, x and y of XYZ, TMS or WMTS in its path or query.

    Raises:
        TileAddressError: what is wrong with it.
    """
    template = template.strip()
    try:
        parts = urlsplit(template)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise TileAddressError(f"this is no address: {error}") from error
    by_name = host.rstrip(".").lower() in {one.rstrip(".").lower() for one in allowed}
    if parts.scheme != "https" and not (parts.scheme == "http" and by_name):
        raise TileAddressError("give an address that begins with https://")
    if not host or "{" in parts.netloc or "@" in parts.netloc or parts.fragment or not template.isprintable():
        raise TileAddressError("the address names one host, without user, password, subdomain places or fragment")
    places = [place.lower() for place in _PLACE.findall(template)]
    if unknown := [place for place in places if place not in PLACES]:
        raise TileAddressError(f"{unknown[0]} is no place of a tile: use {{z}}, {{x}} and {{y}}, or those of WMTS")
    if missing := {"z", "x", "y"} - {PLACES[place].replace("flipped", "y") for place in places}:
        raise TileAddressError(
            f"the address lacks the place of {', '.join(sorted(missing))}: name {{z}}, {{x}} and {{y}}"
        )
    return template


def fetch_tiles(
    server: TileServer, tiles: Iterable[TileAddress], folder: Path, progress: Progress
) -> dict[TileAddress, Path]:
    """Files of the tiles that the server has; those that lie in the folder already are not asked for again.

    Tiles are asked for one after the other, no more than `per_second`; what passes (too many requests, a server that is
    being restarted) is tried again later, as the server asks.

    Raises:
        TileServerError: it gives no tiles; the message says why.
        StoppedError: asked to stop; what came stays.
    """
    found: dict[TileAddress, Path] = {}
    turn = 0.0
    with httpx.Client(timeout=TIMEOUT_S, follow_redirects=False, trust_env=False) as client:
        for tile in tiles:
            path = folder / f"{tile.z}-{tile.x}-{tile.y}"
            if not path.is_file():
                stop_if_asked(progress)
                time.sleep(max(0.0, turn - time.monotonic()))
                turn = time.monotonic() + 1 / server.per_second
                content = _tile(client, server, tile, progress)
                folder.mkdir(parents=True, exist_ok=True)
                with whole_file(path) as scratch:
                    scratch.write_bytes(content)
            if path.stat().st_size:
                found[tile] = path
    return found


def _tile(client: httpx.Client, server: TileServer, tile: TileAddress, progress: Progress) -> bytes:
    """The tile's bytes; none where the server has no such tile."""
    wait_s, why = WAIT_S, ""
    for attempt in range(ATTEMPTS):
        if attempt:
            _wait(wait_s, progress)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)
        try:
            status, headers, content = _send(client, server, tile)
        except (httpx.TransportError, OSError) as error:
            why = f"no answer ({type(error).__name__})"
            continue
        if status in EMPTY:
            return b""
        if status == 200:
            return content
        why = f"answers {status}"
        if status not in AGAIN:
            break
        wait_s = max(wait_s, _asked_for(headers))
    host = urlsplit(server.template).hostname
    hint = "redirects are not followed, give the final address" if why.startswith("answers 3") else (
        "check the address, the key and its terms of use, then prepare the set again: what came stays"
    )  # fmt: skip
    raise TileServerError(f"the server {host} {why} for tile {tile.z}/{tile.x}/{tile.y}: {hint}")


def _wait(seconds: float, progress: Progress) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        stop_if_asked(progress)
        time.sleep(min(left, 0.5))


def _send(client: httpx.Client, server: TileServer, tile: TileAddress) -> tuple[int, httpx.Headers, bytes]:
    """Connect to the address that was checked, whatever the name leads to by now; TLS is verified for the name."""
    from mlcore.anchors.generators.hosts import ForbiddenHostError, UnknownHostError, checked_address

    asked = server.url_of(tile)
    parts = urlsplit(asked)
    host = parts.hostname or ""
    try:
        address = asyncio.run(checked_address(asked, server.allowed))
    except UnknownHostError as error:
        raise OSError(str(error)) from error
    except ForbiddenHostError as error:
        raise TileServerError(
            f"{host} leads to an address that is not public: an administrator can allow the host by name "
            "(MAPWRIGHT_REFERENCE_HOSTS)"
        ) from error
    url = httpx.URL(asked).copy_with(host=f"[{address}]" if ":" in address else address)
    headers = {"Host": parts.netloc, "Accept": "image/*", "Accept-Encoding": "identity", "User-Agent": AGENT}
    extensions = {"sni_hostname": host} if parts.scheme == "https" else {}
    deadline = time.monotonic() + TIMEOUT_S
    with client.stream("GET", url, headers=headers, extensions=extensions) as response:
        content = bytearray()
        for chunk in response.iter_raw():
            content += chunk
            if time.monotonic() > deadline:
                raise TimeoutError(f"{host} sends a tile for longer than {TIMEOUT_S:g} s")
            if len(content) > MOST_BYTES:
                raise TileServerError(f"tiles of {host} are larger than {MOST_BYTES >> 20} MiB: these are no map tiles")
        return response.status_code, response.headers, bytes(content)


def _asked_for(headers: httpx.Headers) -> float:
    from mlcore.anchors.generators.backoff import retry_after_s

    return min(retry_after_s(headers.get("retry-after")) or 0.0, LONGEST_WAIT_S)
