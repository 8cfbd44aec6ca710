"""One place where errors become answers of the API: `{code, detail}` and any data the caller needs."""

import errno
from typing import Any

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import OperationalError
from redis.exceptions import ConnectionError as RedisConnectionError
from rest_framework.exceptions import APIException
from rest_framework.response import Response
from rest_framework.views import exception_handler, set_rollback

from annotation.common.errors import DomainError

FULL = {errno.ENOSPC, errno.EDQUOT}


def handle(exc: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: DomainError -> {code, detail, ...}; DRF's own errors get a code too."""
    if isinstance(exc, DomainError):
        return _answer(exc.status, exc.code, exc.detail, exc.data)
    if isinstance(exc, RequestDataTooBig):
        return _answer(413, "too_large", "the request is larger than this server takes: send less at once")
    if isinstance(exc, SuspiciousOperation):
        return _answer(400, "invalid", "the request is malformed")
    if isinstance(exc, RecursionError):
        return _answer(400, "invalid", "the JSON is nested too deeply")
    if isinstance(exc, RedisConnectionError | OperationalError):
        return _answer(503, "unavailable", "a service of this server does not answer: try again in a minute")
    if isinstance(exc, OSError) and exc.errno in FULL:
        return _answer(507, "disk_full", "the disk of this server is full: free some space, then try again")
    response = exception_handler(exc, context)
    if response is not None and isinstance(exc, APIException):
        if isinstance(response.data, dict) and "detail" in response.data:
            response.data = {"code": getattr(exc, "default_code", "error"), **response.data}
        else:
            response.data = {"code": "invalid", "detail": "some fields can't be used as given", "fields": response.data}
    return response


def _answer(status: int, code: str, detail: str, data: dict[str, Any] | None = None) -> Response:
    set_rollback()
    return Response({"code": code, "detail": detail, **(data or {})}, status=status)
