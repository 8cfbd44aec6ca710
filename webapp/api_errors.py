"""One place where errors become answers of the API: `{code, detail}` and any data the caller needs."""

from typing import Any

from rest_framework.exceptions import APIException
from rest_framework.response import Response
from rest_framework.views import exception_handler

from annotation.common.errors import DomainError


def handle(exc: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: DomainError -> {code, detail, ...}; DRF's own errors get a code too."""
    if isinstance(exc, DomainError):
        return Response({"code": exc.code, "detail": exc.detail, **exc.data}, status=exc.status)
    response = exception_handler(exc, context)
    if response is not None and isinstance(exc, APIException):
        if isinstance(response.data, dict) and "detail" in response.data:
            response.data = {"code": getattr(exc, "default_code", "error"), **response.data}
        else:
            response.data = {"code": "invalid", "detail": "some fields can't be used as given", "fields": response.data}
    return response
