"""Which addresses of tiles a browser may be sent to, and which hosts they lead to."""

from __future__ import annotations

import re
from collections.abc import Collection
from itertools import product
from urllib.parse import urlsplit

from annotation.sources.errors import LayerAddressError

XYZ, WMS = "xyz", "wms"
PLACES = {
    XYZ: ({"{z}", "{x}"}, {"{y}", "{-y}"}),
    WMS: ({"{bbox}"}, set()),
}
"""Of each kind: places that its address must name, and those of which it names one."""
MORE_PLACES = {XYZ: set(), WMS: {"{width}", "{height}", "{proj}"}}
MOST_SERVERS = 16
_PLACE = re.compile(r"\{[^{}]*\}")
_SWITCH = re.compile(r"\{switch:([a-z0-9-]+(?:,[a-z0-9-]+)*)\}")
_HOST = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")
_INSIDE = ("localhost", "local", "localdomain", "internal", "intranet", "lan", "home", "corp", "private", "arpa")
"""Last parts of names that lead nowhere but into somebody's own network."""


def check_address(template: str, kind: str, allowed: Collection[str] = ()) -> str:
    """The address of a layer's tiles, if browsers may be sent there: https, a public name, the places of a tile.

    Args:
        template: such as `https://{switch:a,b}.tiles.example.org/{z}/{x}/{-y}.png`, or of a WMS with `{bbox}`.
        kind: `xyz` (TMS counts from the south: `{-y}`) or `wms`.
        allowed: hosts an administrator allowed by name; they may be private, and speak plain http.

    Raises:
        LayerAddressError: what is wrong with it.
    """
    template = template.strip()
    if not template.isascii() or not template.isprintable() or set(template) & set(" \\\"'<>^`|"):
        raise LayerAddressError("the address has characters that an address can't have: write them as %20 and the like")
    for address in _each(template):
        _check_host(address, {one.rstrip(".").lower() for one in allowed})
    _check_places(_SWITCH.sub("", template), kind)
    return template


def sources_of(template: str) -> list[str]:
    """The origins that the tiles come from, as a content security policy names them: `https://tiles.example.org`."""
    found = []
    for address in _each(template):
        parts = urlsplit(address)
        found.append(f"{parts.scheme}://{parts.netloc}".lower())
    return list(dict.fromkeys(found))


def _each(template: str) -> list[str]:
    """The address with every choice of its `{switch:a,b}`."""
    choices = [match[1].split(",") for match in _SWITCH.finditer(template)]
    number = 1
    for one in choices:
        number *= len(one)
    if number > MOST_SERVERS:
        raise LayerAddressError(f"the address leads to {number} servers: name {MOST_SERVERS} at most")
    chosen = []
    for given in product(*choices):
        left = iter(given)
        chosen.append(_SWITCH.sub(lambda _, left=left: next(left), template))  # type: ignore[misc]
    return chosen


def _check_host(address: str, allowed: Collection[str]) -> None:
    try:
        parts = urlsplit(address)
        host, _ = (parts.hostname or "").rstrip(".").lower(), parts.port
    except ValueError as error:
        raise LayerAddressError(f"this is no address: {error}") from error
    if parts.scheme != "https" and not (parts.scheme == "http" and host in allowed):
        raise LayerAddressError("give an address that begins with https://")
    if not host or "{" in parts.netloc or "@" in parts.netloc or "#" in address:
        raise LayerAddressError(
            "the address names a host, without user, password or fragment; several are named by {switch:a,b,c}"
        )
    if host in allowed:
        return
    # Numbers, however they are written, are addresses without a name; their last part is never one of letters.
    if not _HOST.fullmatch(host) or host.rsplit(".", 1)[-1] in _INSIDE:
        raise LayerAddressError(
            f"{host[:100]} is no public name of a host; an administrator can allow it by name (MAPWRIGHT_LAYER_HOSTS)"
        )


def _check_places(template: str, kind: str) -> None:
    must, one_of = PLACES[kind]
    parts = urlsplit(template)
    named = set(_PLACE.findall(template))
    if unknown := sorted(named - must - one_of - MORE_PLACES[kind]):
        known = ", ".join(sorted(must | one_of | MORE_PLACES[kind]))
        raise LayerAddressError(f"{unknown[0]} is no place of a tile: use {known} or {{switch:a,b,c}}")
    if missing := sorted(must - named):
        raise LayerAddressError(f"the address lacks {' and '.join(missing)}")
    if one_of and len(named & one_of) != 1:
        raise LayerAddressError("the address names {y}, or {-y} where rows count from the south, and not both")
    if set(_PLACE.sub("", f"{parts.path}?{parts.query}")) & set("{}"):
        raise LayerAddressError("a brace of the address is not closed")
    if kind == WMS and "3857" not in template and "{proj}" not in template:
        raise LayerAddressError("ask the WMS for EPSG:3857 (crs= or srs=), or name {proj}: maps here have no other")
