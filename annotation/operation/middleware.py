"""Knows each request by an id: who really asks, how long the answer took, and which lines of the log belong to it."""

from __future__ import annotations

import ipaddress
import logging
import re
import time
import uuid
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.functional import LazyObject, empty

from annotation.common.logs import about
from annotation.operation.report import REQUESTS

HEADER = "X-Request-ID"
WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{8,64}")
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
PROBES = ("/health/", "/metrics/")
logger = logging.getLogger("mapwright.requests")


class Requests:
    """Names, times and tells every request.

    A proxy of `MAPWRIGHT_TRUSTED_PROXIES` is believed in what it says of the client's address and of the id; anybody
    else is not. The answer carries the id in `X-Request-ID`.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        trusted = is_trusted(request.META.get("REMOTE_ADDR", ""))
        name = _given_id(request) if trusted else ""
        name = name or uuid.uuid4().hex
        if trusted:
            _take_address(request)
        with about(request=name, user=lambda: _known_person(request)):
            response = self.get_response(request)
            response[HEADER] = name
            took = time.perf_counter() - started
            view = request.resolver_match.view_name if request.resolver_match else "none"
            method = request.method if request.method in METHODS else "other"
            REQUESTS.labels(view, method, f"{response.status_code // 100}xx").observe(took)
            _tell(request, response, view, took)
        return response


def is_trusted(address: str) -> bool:
    """Whether a request from this address comes from one of our proxies; `unix` stands for a socket."""
    if not address:
        return "unix" in settings.TRUSTED_PROXIES
    try:
        peer = ipaddress.ip_address(address)
    except ValueError:
        return False
    networks = (ipaddress.ip_network(one, strict=False) for one in settings.TRUSTED_PROXIES if one != "unix")
    return any(peer in network for network in networks)


def _given_id(request: HttpRequest) -> str:
    given = request.headers.get(HEADER, "")
    return given if WELL_FORMED.fullmatch(given) else ""


def _take_address(request: HttpRequest) -> None:
    """The last address that no proxy of ours has: what is left of it, anybody may have written."""
    for hop in reversed(request.headers.get("X-Forwarded-For", "").split(",")):
        address = hop.strip()
        try:
            ipaddress.ip_address(address)
        except ValueError:
            return
        request.META["REMOTE_ADDR"] = address
        if not is_trusted(address):
            return


def _known_person(request: HttpRequest) -> int | None:
    """Who asks, where the request has found out already: no session is read for the sake of a log."""
    user = request.__dict__.get("user")
    if isinstance(user, LazyObject):
        user = user.__dict__.get("_wrapped")
    return None if user is None or user is empty else getattr(user, "pk", None)


def _path_without_token(request: HttpRequest) -> str:
    """The path, or, where it carries a token that opens what it names, the route that it took."""
    match = request.resolver_match
    if match is not None and any(name.endswith("token") for name in match.kwargs):
        return f"/{match.route}"
    return request.path


def _tell(request: HttpRequest, response: HttpResponse, view: str, took: float) -> None:
    """One line a request; the query is left out, as it may hold what nobody else is to know."""
    path = _path_without_token(request)
    told = {"method": request.method, "path": path, "view": view, "status": response.status_code}
    level = logging.DEBUG if request.path.startswith(PROBES) else logging.INFO
    logger.log(
        level, "%s %s %s", request.method, path, response.status_code,
        extra={"told": {**told, "ms": round(took * 1000, 1)}},
    )  # fmt: skip
