"""What goes in and out of the batches' API."""

from rest_framework import serializers

from annotation.anchors.services.sampling import STRATA
from annotation.common.models import MAX_ID
from annotation.review.api.serializers import ProgressOutput, ShareOutput
from annotation.review.models import Batch, BatchPlan

PLANS = [plan for plan in BatchPlan.values if plan != BatchPlan.IMPORTED]
MAX_NUMBER = 1_000_000


class BatchInput(serializers.Serializer):
    """What to draw, for whom, and how much of it twice."""

    name = serializers.CharField(max_length=120)
    plan = serializers.ChoiceField(choices=PLANS, default=BatchPlan.RANDOM.value)
    number = serializers.IntegerField(min_value=1, max_value=MAX_NUMBER, default=500, help_text="not used by plan all")
    by = serializers.ChoiceField(choices=STRATA, default=STRATA[0], help_text="strata of plan stratified")
    generator = serializers.CharField(max_length=32, required=False, allow_blank=True, default="")
    seed = serializers.IntegerField(
        min_value=0, max_value=2**31 - 1, default=0, help_text="0 draws one; the same seed draws the same anchors"
    )
    second_share = serializers.FloatField(
        min_value=0, max_value=1, default=0.0, help_text="share that a second person answers, without seeing the first"
    )
    open_to_all = serializers.BooleanField(default=True)
    people = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=MAX_ID), default=list, max_length=200
    )


class BatchOutput(serializers.ModelSerializer):
    """A batch and how far it is."""

    created_by = serializers.CharField(source="created_by.username", default=None, read_only=True)
    people = serializers.SerializerMethodField(help_text="names")
    may_work = serializers.BooleanField(read_only=True)
    progress = ProgressOutput(read_only=True)
    disagreements = ProgressOutput(read_only=True)
    inspected = serializers.IntegerField(
        read_only=True, help_text="anchors with every answer asked for and nothing to settle"
    )
    acceptance = ShareOutput(read_only=True, help_text="accepted among accepted, corrected and rejected")

    class Meta:
        model = Batch
        fields = [
            "id", "name", "plan", "options", "second_share", "size", "open_to_all", "people", "created_by",
            "created_at", "closed_at", "may_work", "progress", "disagreements", "inspected", "acceptance",
        ]  # fmt: skip
        read_only_fields = fields

    def get_people(self, batch: Batch) -> list[str]:
        return sorted(person.username for person in batch.people.all())


class ImportOutput(serializers.Serializer):
    """What a file of annotations brought."""

    accepted = serializers.IntegerField()
    corrected = serializers.IntegerField()
    known = serializers.IntegerField(help_text="imported before")
    left_out = serializers.ListField(child=serializers.CharField())
    batch = serializers.IntegerField(allow_null=True)


class TasksQuery(serializers.Serializer):
    pictures = serializers.ChoiceField(
        choices=["addresses", "inline"], required=False, default="addresses",
        help_text="addresses of this server, seen by a browser that is signed in here; or the pictures in the file",
    )  # fmt: skip
