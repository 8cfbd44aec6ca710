"""Pages for machines: the figures that a monitor reads."""

from __future__ import annotations

import hmac

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.request import split_domain_port
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from annotation.operation import report

LOOPBACK = {"127.0.0.1", "::1"}


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """Figures in Prometheus' text format, for who brings the token, or, where there is none, for this machine alone."""
    if not _may_read(request):
        return HttpResponse("not for you: bring the token of MAPWRIGHT_METRICS_TOKEN\n", "text/plain", status=403)
    return HttpResponse(report.text(), content_type=report.CONTENT_TYPE)


def _may_read(request: HttpRequest) -> bool:
    """A request that a proxy forwarded comes from elsewhere, whatever address it arrives from.

    One that says nothing of it is known by the name that was asked for, which is the site's then.
    """
    if settings.METRICS_TOKEN:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        wanted = settings.METRICS_TOKEN.encode()
        return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), wanted)
    forwarded = any(name in request.headers for name in ("X-Forwarded-For", "X-Real-Ip", "Forwarded"))
    name, _ = split_domain_port(request.get_host())
    return (
        request.META.get("REMOTE_ADDR") in LOOPBACK and name.strip("[]") in {*LOOPBACK, "localhost"} and not forwarded
    )
