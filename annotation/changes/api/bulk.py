"""Rejections of many over HTTP: begun with a count that a person said yes to, gone through and taken back by chunks."""

from __future__ import annotations

from collections import Counter
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.accounts.permissions import IsEditor
from annotation.changes.api.groups import LeftOutItem
from annotation.changes.asked import filters_in, wanted_of_text
from annotation.changes.models import BulkRejection, ChangeDecision
from annotation.changes.services import reject_many
from annotation.changes.services.review_stage import REASONS
from annotation.common.models import MAX_ID
from annotation.review.api.http import parse, person
from annotation.sources.selectors import get_region


class BulkInput(serializers.Serializer):
    query = serializers.CharField(
        max_length=12_000, required=False, allow_blank=True, default="",
        help_text="the filters as in an address, such as kind=add&max_square_m=8; every open change that fits is meant",
    )  # fmt: skip
    items = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=MAX_ID), required=False, allow_null=True, default=None,
        max_length=reject_many.MOST, help_text="only these of them, by their items",
    )  # fmt: skip
    expected = serializers.IntegerField(
        min_value=1,
        max_value=reject_many.MOST,
        help_text="how many the person said yes to; 409 where that changed",
    )
    reason = serializers.ChoiceField(choices=REASONS[ChangeDecision.REJECT.value])
    comment = serializers.CharField(max_length=4000, required=False, allow_blank=True, default="")
    idempotency_key = serializers.UUIDField()

    def validate_query(self, value: str) -> str:
        return filters_in(value)


class ReasonCount(serializers.Serializer):
    reason = serializers.CharField()
    number = serializers.IntegerField()


class BulkOutput(serializers.Serializer):
    id = serializers.IntegerField()
    reason = serializers.CharField()
    comment = serializers.CharField(allow_blank=True)
    total = serializers.IntegerField()
    done = serializers.IntegerField(help_text="gone through")
    rejected = serializers.IntegerField(help_text="of those gone through")
    left_out = ReasonCount(many=True)
    examples = LeftOutItem(many=True, help_text="the first ones that were left out, and why")
    undoing = serializers.BooleanField()
    undone = serializers.IntegerField(help_text="of those rejected, gone through again")
    kept = ReasonCount(many=True, help_text="whose rejection stayed")
    finished = serializers.BooleanField(help_text="nothing is left to go through")


def _told(bulk: BulkRejection) -> dict[str, Any]:
    undoing = bulk.undo_begun_at is not None
    finished = bulk.undone >= len(bulk.rejected) if undoing else bulk.done >= len(bulk.wanted)
    told = {
        "id": bulk.pk, "reason": bulk.reason, "comment": bulk.comment, "total": len(bulk.wanted), "done": bulk.done,
        "rejected": len(bulk.rejected), "left_out": _by_reason(bulk.left_out), "examples": bulk.left_out[:5],
        "undoing": undoing, "undone": bulk.undone, "kept": _by_reason(bulk.kept), "finished": finished,
    }  # fmt: skip
    return dict(BulkOutput(told).data)


def _by_reason(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    counted = Counter(one["reason"] for one in rows)
    return [{"reason": reason, "number": number} for reason, number in counted.most_common()]


class BulkRejectionsView(APIView):
    permission_classes = [IsEditor]

    @extend_schema(operation_id="regions_bulk_rejections", responses=BulkOutput(many=True))
    def get(self, request: Request, region_id: int) -> Response:
        """One's own of the last day, the newest first: what was broken off can be gone on with, or taken back."""
        user = person(request)
        found = reject_many.recent(user, get_region(user, region_id))
        return Response([_told(one) for one in found])

    @extend_schema(request=BulkInput, responses={201: BulkOutput})
    def post(self, request: Request, region_id: int) -> Response:
        """Settle which open changes are to be rejected together; none is until its first chunk is gone through."""
        user = person(request)
        region = get_region(user, region_id)
        data = parse(BulkInput, request.data)
        bulk = reject_many.begin(user=user, region=region, wanted=wanted_of_text(data.pop("query")), **data)
        return Response(_told(bulk), status=status.HTTP_201_CREATED)


class BulkRejectionView(APIView):
    permission_classes = [IsEditor]

    @extend_schema(responses=BulkOutput)
    def get(self, request: Request, bulk_id: int) -> Response:
        """How far a rejection of many is."""
        return Response(_told(reject_many.get(person(request), bulk_id)))


class NextChunkView(APIView):
    permission_classes = [IsEditor]

    @extend_schema(request=None, responses=BulkOutput)
    def post(self, request: Request, bulk_id: int) -> Response:
        """Reject the next chunk; what others hold, decided or were given is left out, with its reason."""
        return Response(_told(reject_many.go_on(user=person(request), bulk_id=bulk_id)))


class UndoChunkView(APIView):
    permission_classes = [IsEditor]

    @extend_schema(request=None, responses=BulkOutput)
    def post(self, request: Request, bulk_id: int) -> Response:
        """Reopen the next chunk of what was rejected; from then on nothing more is rejected."""
        return Response(_told(reject_many.take_back(user=person(request), bulk_id=bulk_id)))
