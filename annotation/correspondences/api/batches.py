"""Thin views of batches of correspondences: list, start, change, report, close."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.accounts.models import User
from annotation.accounts.permissions import IsEditor, ReadOrEditor
from annotation.common.models import MAX_ID
from annotation.correspondences import overview
from annotation.correspondences.answers import REVIEW, batch_answers
from annotation.correspondences.reports import report
from annotation.correspondences.services import batches
from annotation.review.api.http import parse, person
from annotation.review.api.serializers import BatchChange, ProgressOutput, ShareOutput
from annotation.review.batches import batches_of
from annotation.review.models import Batch, BatchPlan
from annotation.review.services import batch as batch_service
from annotation.review.services.batch import BatchWish
from annotation.sources.selectors import batch_of_region, colleagues, get_region

MAX_NUMBER = 1_000_000


class CorrespondenceBatchInput(serializers.Serializer):
    """What to draw, for whom, and how much of it twice."""

    name = serializers.CharField(max_length=120)
    plan = serializers.ChoiceField(choices=batches.PLANS, default=BatchPlan.RANDOM.value)
    number = serializers.IntegerField(min_value=1, max_value=MAX_NUMBER, default=500, help_text="not used by plan all")
    matcher = serializers.CharField(max_length=64, required=False, allow_blank=True, default="")
    scan = serializers.IntegerField(
        min_value=1, max_value=MAX_ID, required=False, allow_null=True, default=None,
        help_text="only proposals of this map scan",
    )  # fmt: skip
    no_match = serializers.BooleanField(default=False, help_text="also tiles without a match, to set points by hand")
    seed = serializers.IntegerField(
        min_value=0, max_value=2**31 - 1, default=0, help_text="0 draws one; the same seed draws the same proposals"
    )
    second_share = serializers.FloatField(
        min_value=0, max_value=1, default=0.0, help_text="share that a second person answers, without seeing the first"
    )
    open_to_all = serializers.BooleanField(default=True)
    people = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=MAX_ID), default=list, max_length=200
    )


class CorrespondenceBatchOutput(serializers.ModelSerializer):
    """A batch and how far it is."""

    created_by = serializers.CharField(source="created_by.username", default=None, read_only=True)
    people = serializers.SerializerMethodField(help_text="names")
    may_work = serializers.BooleanField(read_only=True)
    progress = ProgressOutput(read_only=True)
    disagreements = ProgressOutput(read_only=True)

    class Meta:
        model = Batch
        fields = [
            "id", "name", "plan", "options", "second_share", "size", "open_to_all", "people", "created_by",
            "created_at", "closed_at", "may_work", "progress", "disagreements",
        ]  # fmt: skip
        read_only_fields = fields

    def get_people(self, batch: Batch) -> list[str]:
        return sorted(person.username for person in batch.people.all())


class SpreadOutput(serializers.Serializer):
    """How many values there are, their median, and what nine of ten stay below."""

    number = serializers.IntegerField()
    median = serializers.FloatField(allow_null=True)
    p90 = serializers.FloatField(allow_null=True)


class AgreementOutput(serializers.Serializer):
    """Of proposals that two people answered without seeing one another."""

    twice = serializers.IntegerField()
    same = ShareOutput()
    agree_m = serializers.FloatField(help_text="two transforms agree where the tile's corners lie no farther apart")
    apart_m = SpreadOutput(help_text="metres between the two, of those where both took a transform")


class ReasonOutput(serializers.Serializer):
    """How often a reason was given."""

    decision = serializers.CharField()
    reason = serializers.CharField()
    number = serializers.IntegerField()


class ReviewerOutput(serializers.Serializer):
    """What one person answered, and how long it took."""

    reviewer = serializers.CharField()
    decisions = serializers.DictField(child=serializers.IntegerField())
    seconds = SpreadOutput()


class CorrespondenceReportOutput(serializers.Serializer):
    """What a batch came to; metres are on the ground."""

    inspected = serializers.IntegerField(help_text="proposals with every answer asked for and nothing to settle")
    outcomes = serializers.DictField(child=serializers.IntegerField())
    waiting = serializers.IntegerField(help_text="disagreements that nobody has settled")
    acceptance = ShareOutput(help_text="accepted among accepted, adjusted and rejected")
    agreement = AgreementOutput()
    moved_m = SpreadOutput(help_text="from the matcher's transform to the one that people set")
    fit_rmse_m = SpreadOutput(help_text="of the points that people's transforms were fitted to")
    check_rmse_m = SpreadOutput(help_text="of their check points")
    reasons = ReasonOutput(many=True)
    by_reviewer = ReviewerOutput(many=True)


class BatchesView(GenericAPIView):
    """Batches of a region's correspondences."""

    permission_classes = [ReadOrEditor]
    serializer_class = CorrespondenceBatchOutput
    queryset = Batch.objects.none()
    filter_backends: list[Any] = []

    @extend_schema(operation_id="correspondence_batches_list", responses=CorrespondenceBatchOutput(many=True))
    def get(self, request: Request, region_id: int) -> Response:
        """Batches of the region, newest first, with how far each is."""
        user = person(request)
        region = get_region(user, region_id)
        page = self.paginate_queryset(batches_of(REVIEW, region.pk)) or []
        shown = overview.described(page, user)
        return self.get_paginated_response(CorrespondenceBatchOutput(shown, many=True).data)

    @extend_schema(request=CorrespondenceBatchInput, responses={201: CorrespondenceBatchOutput})
    def post(self, request: Request, region_id: int) -> Response:
        """Draw proposals and queue them."""
        user = person(request)
        region = get_region(user, region_id)
        data = parse(CorrespondenceBatchInput, request.data)
        wish = BatchWish(
            name=data["name"],
            second_share=data["second_share"],
            open_to_all=data["open_to_all"],
            people=colleagues(region.pk, data["people"]),
        )
        plan = batches.Plan(**{name: data[name] for name in ("plan", "number", "matcher", "scan", "no_match", "seed")})
        return Response(_shown(batches.start(user=user, region=region, wish=wish, plan=plan), user), status=201)


class BatchView(APIView):
    permission_classes = [ReadOrEditor]

    @extend_schema(responses=CorrespondenceBatchOutput)
    def get(self, request: Request, matching_batch_id: int) -> Response:
        """One batch with how far it is."""
        user = person(request)
        batch, _ = batch_of_region(user, REVIEW, matching_batch_id)
        return Response(_shown(batch, user))

    @extend_schema(request=BatchChange, responses=CorrespondenceBatchOutput)
    def patch(self, request: Request, matching_batch_id: int) -> Response:
        """Rename a batch, or change for whom it is."""
        user = person(request)
        batch, region = batch_of_region(user, REVIEW, matching_batch_id)
        data = parse(BatchChange, request.data)
        people = colleagues(region.pk, data["people"]) if "people" in data else None
        batch = batch_service.change(
            user=user, batch=batch, name=data.get("name"), open_to_all=data.get("open_to_all"), people=people
        )
        return Response(_shown(batch, user))


class ReportView(APIView):
    permission_classes = [IsEditor]

    @extend_schema(responses=CorrespondenceReportOutput)
    def get(self, request: Request, matching_batch_id: int) -> Response:
        """Agreement, distances and errors of one batch; for editors, since it names who said what."""
        batch, _ = batch_of_region(person(request), REVIEW, matching_batch_id)
        return Response(CorrespondenceReportOutput(report(batch_answers(batch.pk))).data)


class CloseView(APIView):
    permission_classes = [IsEditor]

    @extend_schema(request=None, responses=CorrespondenceBatchOutput)
    def post(self, request: Request, matching_batch_id: int) -> Response:
        """Take what is undecided out of the queue; answers stay."""
        user = person(request)
        batch, region = batch_of_region(user, REVIEW, matching_batch_id)
        return Response(_shown(batches.close(user=user, region=region, batch_id=batch.pk), user))


def _shown(batch: Batch, user: User) -> Any:
    return CorrespondenceBatchOutput(overview.described([batch], user)[0]).data
