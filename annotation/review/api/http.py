"""What the views of every queue-based stage do first: who asks, and is the input usable."""

from typing import Any, cast

from rest_framework.request import Request
from rest_framework.serializers import Serializer

from annotation.accounts.models import User


def person(request: Request) -> User:
    """The signed-in person; permissions ran before."""
    return cast(User, request.user)


def parse(kind: type[Serializer], data: Any) -> dict[str, Any]:
    """Validated input, or a 400 that names the fields."""
    form = kind(data=data)
    form.is_valid(raise_exception=True)
    return form.validated_data
