"""What goes in and out of the API of the pipeline."""

from rest_framework import serializers

from annotation.changes.api.serializers import ChangeImagery, ChangeOnTile, ChangeSnapshot, ModelBehind, TileRef
from annotation.consistency.api import OffsetOutput
from annotation.consistency.models import ShiftOrigin
from annotation.learning.models import ModelVersion
from annotation.sources.api.jobs import JobOutput


class PairScores(serializers.Serializer):
    scan = serializers.IntegerField(source="scan_id")
    fold = serializers.IntegerField(allow_null=True)
    disc = serializers.FloatField()
    proto = serializers.FloatField()
    final = serializers.FloatField()
    difference = serializers.FloatField()
    probability = serializers.FloatField()
    shift_east_m = serializers.FloatField(
        allow_null=True, help_text="the image lies so far to the east of the map here, metres; it was corrected for"
    )
    shift_north_m = serializers.FloatField(allow_null=True, help_text="the same to the north")
    shift_confidence = serializers.FloatField(allow_null=True, help_text="probability that the shift is right")
    shift_origin = serializers.ChoiceField(choices=ShiftOrigin.choices)


class PairAnchor(serializers.Serializer):
    attributes = serializers.DictField(child=serializers.CharField())
    summary = serializers.CharField()
    generator = serializers.CharField()
    state = serializers.CharField()


class PairDetail(serializers.Serializer):
    """A tile with all that is known of it."""

    id = serializers.IntegerField()
    tile = TileRef()
    imagery = ChangeImagery()
    snapshot = ChangeSnapshot()
    valid_share = serializers.FloatField()
    mapped = serializers.BooleanField()
    buildings = serializers.IntegerField()
    streets = serializers.ListField(child=serializers.CharField(), help_text="names of roads on it, at most three")
    anchor = PairAnchor(allow_null=True)
    scores = PairScores(allow_null=True)
    changes = ChangeOnTile(many=True)


class MainJobInput(serializers.Serializer):
    preset = serializers.CharField(max_length=32, required=False, default="compact")
    seed = serializers.IntegerField(min_value=0, max_value=2**31 - 1, required=False, default=0)
    include_unmapped = serializers.BooleanField(required=False, default=False)


class ModelBrief(serializers.ModelSerializer):
    class Meta:
        model = ModelVersion
        fields = ["id", "state", "metrics", "created_at"]
        read_only_fields = fields


class ScanBrief(serializers.Serializer):
    id = serializers.IntegerField()
    state = serializers.CharField()
    scored = serializers.IntegerField()
    stale = serializers.ListField(child=serializers.CharField(), help_text="what is newer by now")
    offset = OffsetOutput(allow_null=True)
    model = ModelBehind(help_text="which model scored; `untuned`: it was a first look")
    created_at = serializers.DateTimeField()


class ChangeCounts(serializers.Serializer):
    open = serializers.IntegerField()
    decided = serializers.IntegerField()
    accepted = serializers.IntegerField()
    by_decision = serializers.DictField(child=serializers.IntegerField())


class TrainingAhead(serializers.Serializer):
    presets = serializers.DictField(child=serializers.CharField(), help_text="sizes of a training, in words")
    needed = serializers.IntegerField(help_text="mapped tiles that a training takes at least")


class Summary(serializers.Serializer):
    """A region at a glance."""

    imagery = serializers.IntegerField(allow_null=True, help_text="in use: the pinned one, else the newest")
    imagery_version = serializers.CharField(allow_null=True, help_text="what ?v= of its tiles says")
    snapshot = serializers.IntegerField(allow_null=True, help_text="in use: the pinned one, else the newest")
    pinned_imagery = serializers.IntegerField(allow_null=True, help_text="which a person chose to use")
    pinned_snapshot = serializers.IntegerField(allow_null=True, help_text="which a person chose to use")
    tiles = serializers.IntegerField()
    pairs = serializers.IntegerField()
    mapped = serializers.IntegerField(help_text="pairs where the map is complete")
    anchors = serializers.IntegerField()
    latest_model = ModelBrief(allow_null=True, help_text="the model in use")
    latest_scan = ScanBrief(allow_null=True, help_text="the newest finished scan")
    training = TrainingAhead()
    changes = ChangeCounts()
    changesets = serializers.IntegerField()
    jobs = JobOutput(many=True, help_text="the newest 20")
