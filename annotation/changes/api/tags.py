"""Tags of an accepted building over HTTP."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.accounts.permissions import IsEditor
from annotation.changes.selectors import get_change
from annotation.changes.services.set_tags import set_tags
from annotation.changes.tagging import MAX_CHARS
from annotation.review.api.http import parse, person


class TagValue(serializers.CharField):
    """A value as it came in: blanks alone are no empty value, which would take the tag off."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=MAX_CHARS, allow_blank=True, trim_whitespace=False, **options)


class TagsInput(serializers.Serializer):
    version = serializers.IntegerField(min_value=0, max_value=2**31 - 1, help_text="of its item in the queue")
    tags = serializers.DictField(
        child=TagValue(),
        help_text="all that are set, over those that it has; an empty value takes off what the map has",
    )
    seen = serializers.DictField(
        child=TagValue(), required=False, allow_null=True,
        default=None,
        help_text="those set before, as they were seen: where somebody set others meanwhile it answers 409",
    )  # fmt: skip


class TagsOutput(serializers.Serializer):
    tags_set = serializers.DictField(child=serializers.CharField(allow_blank=True))


class TagsView(APIView):
    permission_classes = [IsEditor]

    @extend_schema(request=TagsInput, responses=TagsOutput)
    def put(self, request: Request, change_id: int) -> Response:
        """Set the tags of an accepted building that is in no changeset yet; they take the place of those set before."""
        user = person(request)
        change = get_change(user, change_id)
        set_tags(user=user, change=change, **parse(TagsInput, request.data))
        return Response(TagsOutput({"tags_set": change.tags_set}).data)
