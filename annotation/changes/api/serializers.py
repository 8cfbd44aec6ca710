"""What goes out of the API of suspected changes."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from annotation.changes.models import Change, ChangeKind
from annotation.changes.selectors import geojson
from annotation.consistency.api import OffsetOutput
from annotation.consistency.models import ShiftOrigin
from annotation.learning.models import ModelVersion
from annotation.sources.api.jobs import JobOutput


class TileRef(serializers.Serializer):
    z = serializers.IntegerField()
    x = serializers.IntegerField()
    y = serializers.IntegerField()


class ChangeRow(serializers.ModelSerializer):
    """A change in a list."""

    item = serializers.IntegerField(source="item_id")
    state = serializers.CharField(source="item.state")
    decision = serializers.CharField(source="item.decision")
    version = serializers.IntegerField(source="item.version")
    decided_by = serializers.CharField(source="item.decided_by.username", default=None)
    decided_at = serializers.DateTimeField(source="item.decided_at")
    key = serializers.SerializerMethodField()
    exported = serializers.BooleanField(help_text="a changeset holds it: its answer stands until that is taken apart")
    tile = TileRef(source="pair.tile")
    bbox = serializers.SerializerMethodField()

    class Meta:
        model = Change
        fields = [
            "id", "item", "scan", "kind", "key", "confidence", "state", "decision", "version", "decided_by",
            "decided_at", "exported", "tile", "bbox", "created_at",
        ]  # fmt: skip
        read_only_fields = fields

    def get_key(self, change: Change) -> str | None:
        return change.footprint.key if change.footprint else None

    def get_bbox(self, change: Change) -> list[float]:
        return list((change.adjusted or change.geometry).extent)


class ChangePage(serializers.Serializer):
    """A page of a list."""

    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = ChangeRow(many=True)


class ChangeOnTile(ChangeRow):
    """A change of a tile, with its shape."""

    geometry = serializers.SerializerMethodField()

    class Meta(ChangeRow.Meta):
        fields = [*ChangeRow.Meta.fields, "geometry"]
        read_only_fields = fields

    @extend_schema_field({"type": "object"})
    def get_geometry(self, change: Change) -> dict[str, Any]:
        return geojson(change.adjusted or change.geometry)


class ChangeFootprint(serializers.Serializer):
    key = serializers.CharField(allow_null=True)
    geometry = serializers.JSONField()
    tags = serializers.DictField(child=serializers.CharField())
    version = serializers.IntegerField(allow_null=True)
    edited_at = serializers.DateTimeField(allow_null=True)


class ChangeImagery(serializers.Serializer):
    id = serializers.IntegerField()
    captured_on = serializers.DateField(allow_null=True)
    attribution = serializers.CharField()
    resolution_m = serializers.FloatField(allow_null=True)
    tile_version = serializers.CharField(help_text="what ?v= of its tiles says")


class ChangeSnapshot(serializers.Serializer):
    id = serializers.IntegerField()
    taken_at = serializers.DateTimeField(allow_null=True)
    attribution = serializers.CharField()
    tile_version = serializers.CharField(help_text="what ?v= of its tiles says")


class ChangeSubject(serializers.Serializer):
    """Everything the queue's page shows of one change."""

    id = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=ChangeKind.choices)
    geometry = serializers.JSONField(help_text="GeoJSON; of a removal, the shape now in the map")
    adjusted = serializers.JSONField(allow_null=True)
    footprint = ChangeFootprint(allow_null=True)
    confidence = serializers.FloatField()
    evidence = serializers.DictField(child=serializers.JSONField())
    tile = TileRef()
    probability = serializers.FloatField(allow_null=True, help_text="that image and map agree on the tile")
    imagery = ChangeImagery()
    snapshot = ChangeSnapshot()
    bbox = serializers.ListField(child=serializers.FloatField(), min_length=4, max_length=4)
    older_than_edit = serializers.BooleanField(help_text="the image is older than the object's last edit")
    anchor = serializers.CharField(allow_null=True)


class ChangeDetail(ChangeSubject):
    """A change with where it stands."""

    item = serializers.IntegerField()
    state = serializers.CharField()
    decision = serializers.CharField()
    version = serializers.IntegerField()
    decided_by = serializers.CharField(allow_null=True)
    decided_at = serializers.DateTimeField(allow_null=True)


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
    anchor = PairAnchor(allow_null=True)
    scores = PairScores(allow_null=True)
    changes = ChangeOnTile(many=True)


class MainJobInput(serializers.Serializer):
    preset = serializers.CharField(max_length=32, required=False, default="compact")
    seed = serializers.IntegerField(min_value=0, max_value=2**31 - 1, required=False, default=0)
    include_unmapped = serializers.BooleanField(required=False, default=False)


class JobStarted(serializers.Serializer):
    job = JobOutput()


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
    created_at = serializers.DateTimeField()


class ChangeCounts(serializers.Serializer):
    open = serializers.IntegerField()
    decided = serializers.IntegerField()
    accepted = serializers.IntegerField()
    by_decision = serializers.DictField(child=serializers.IntegerField())


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
    changes = ChangeCounts()
    changesets = serializers.IntegerField()
    jobs = JobOutput(many=True, help_text="the newest 20")


def feature(change: Change, geometry: dict[str, Any]) -> dict[str, Any]:
    """A change as a GeoJSON feature."""
    properties = dict(ChangeRow(change).data)
    del properties["bbox"]
    return {"type": "Feature", "id": change.pk, "geometry": geometry, "properties": properties}
