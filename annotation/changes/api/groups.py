"""Groups of suggestions over HTTP: what lies around one, all of it moved at once, and taken back at once."""

import json
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.accounts.permissions import IsReviewer
from annotation.changes import group
from annotation.changes.api.tags import TagValue
from annotation.changes.models import ChangeKind, GroupMove
from annotation.changes.selectors import get_change
from annotation.changes.services.move_group import Wanted, move_group, take_back
from annotation.common.models import MAX_ID
from annotation.review.api.http import parse, person
from annotation.review.api.serializers import MAX_PAYLOAD_CHARS

FARTHEST_M = 100
MOVABLE = ""
STANDINGS = (MOVABLE, "decided", "held", "flagged", "removal")
DOUBTS = ("", "older_image", "newer_map")
LEFT_OUT = (
    "decided",
    "held",
    "flagged",
    "changed",
    "withdrawn",
    "exported",
    "removal",
    "shape",
    "elsewhere",
    "refused",
)


class GroupQuery(serializers.Serializer):
    reach = serializers.ChoiceField(
        choices=list(group.REACHES), required=False, default="tile",
        help_text="the tile of the suggestion, or the tiles around it as well",
    )  # fmt: skip


class TileShift(serializers.Serializer):
    """How far the image lies off the map on the tile, by the scan's registration."""

    east_m = serializers.FloatField()
    north_m = serializers.FloatField()
    confidence = serializers.FloatField()
    origin = serializers.CharField()


class GroupMember(serializers.Serializer):
    item = serializers.IntegerField()
    change = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=ChangeKind.choices)
    version = serializers.IntegerField()
    geometry = serializers.JSONField(help_text="GeoJSON; of a removal, the shape now in the map")
    confidence = serializers.FloatField()
    standing = serializers.ChoiceField(
        choices=STANDINGS, help_text="why this person can't move it; empty where they may"
    )
    decided_by = serializers.CharField(allow_null=True)
    doubt = serializers.ChoiceField(choices=DOUBTS, help_text="what to look at twice before it is accepted")


class GroupOutput(serializers.Serializer):
    members = GroupMember(many=True)
    more = serializers.IntegerField(help_text="so many more lie farther away than those that can be moved at once")
    offset = TileShift(allow_null=True)


class WantedInput(serializers.Serializer):
    item = serializers.IntegerField(min_value=1, max_value=MAX_ID)
    version = serializers.IntegerField(min_value=0, max_value=2**31 - 1)
    geometry = serializers.DictField(
        required=False,
        allow_null=True,
        default=None,
        help_text="a draft of the shape, moved instead of the proposed one",
    )
    tags = serializers.DictField(
        child=TagValue(), required=False, default=dict,
        help_text="tags that an editor set of it, as its answer would carry them",
    )  # fmt: skip

    def validate_geometry(self, value: dict[str, Any] | None) -> dict[str, Any] | None:
        try:
            text = json.dumps(value, allow_nan=False)
        except (ValueError, RecursionError) as error:
            raise serializers.ValidationError("numbers must be finite and nesting reasonable") from error
        if len(text) > MAX_PAYLOAD_CHARS:
            raise serializers.ValidationError(f"at most {MAX_PAYLOAD_CHARS} characters of JSON")
        return value


class MoveInput(serializers.Serializer):
    east_m = serializers.FloatField(min_value=-FARTHEST_M, max_value=FARTHEST_M)
    north_m = serializers.FloatField(min_value=-FARTHEST_M, max_value=FARTHEST_M)
    items = serializers.ListField(child=WantedInput(), min_length=1, max_length=group.MOST)
    idempotency_key = serializers.UUIDField()
    layers = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=MAX_ID), required=False, max_length=100, default=list,
        help_text="imagery of other servers that they were looked at on",
    )  # fmt: skip


class MovedItem(serializers.Serializer):
    item = serializers.IntegerField()
    version = serializers.IntegerField()


class LeftOutItem(serializers.Serializer):
    item = serializers.IntegerField()
    reason = serializers.ChoiceField(choices=LEFT_OUT)
    detail = serializers.CharField()


class MoveOutput(serializers.ModelSerializer):
    moved = MovedItem(many=True)
    left_out = LeftOutItem(many=True)

    class Meta:
        model = GroupMove
        fields = ["id", "change", "east_m", "north_m", "moved", "left_out", "created_at", "undone_at"]
        read_only_fields = fields


class TakenBackItem(MovedItem):
    lease_token = serializers.IntegerField(allow_null=True)


class TakenBackOutput(serializers.Serializer):
    taken_back = TakenBackItem(many=True, help_text="open again, and leased to whoever took them back")
    left_out = LeftOutItem(many=True)


class GroupView(APIView):
    permission_classes = [IsReviewer]

    @extend_schema(parameters=[GroupQuery], responses=GroupOutput)
    def get(self, request: Request, change_id: int) -> Response:
        """The suggestions around one, the nearest first: which of them this person may move, and why not the others."""
        user = person(request)
        reach = parse(GroupQuery, request.query_params)["reach"]
        return Response(GroupOutput(group.group_of(user, get_change(user, change_id), reach)).data)


class MoveView(APIView):
    permission_classes = [IsReviewer]

    @extend_schema(request=MoveInput, responses=MoveOutput)
    def post(self, request: Request, change_id: int) -> Response:
        """Accept suggestions around one with their shapes moved by a common offset; the others are named with why."""
        user = person(request)
        change = get_change(user, change_id)
        data = parse(MoveInput, request.data)
        wanted = [Wanted(one["item"], one["version"], one["geometry"], one["tags"]) for one in data.pop("items")]
        return Response(MoveOutput(move_group(user=user, change=change, wanted=wanted, **data)).data)


class TakeBackView(APIView):
    permission_classes = [IsReviewer]

    @extend_schema(request=None, responses=TakenBackOutput)
    def post(self, request: Request, group_move_id: int) -> Response:
        """Take a whole move back; what was answered anew or exported since stays, and is named."""
        return Response(TakenBackOutput(take_back(user=person(request), move_id=group_move_id).undone).data)
