"""What goes out of the API of suspected changes."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from annotation.changes.models import Change, ChangeKind
from annotation.changes.selectors import geojson
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
    reason = serializers.SerializerMethodField(help_text="of the answer in force")
    comment = serializers.SerializerMethodField(help_text="what was said with it")
    flagged_to = serializers.CharField(source="item.assigned_to.username", default=None, allow_null=True)
    key = serializers.SerializerMethodField()
    exported = serializers.BooleanField(help_text="a changeset holds it: its answer stands until that is taken apart")
    tile = TileRef(source="pair.tile")
    bbox = serializers.SerializerMethodField()

    class Meta:
        model = Change
        fields = [
            "id", "item", "scan", "kind", "key", "confidence", "state", "decision", "version", "decided_by",
            "decided_at", "reason", "comment", "flagged_to", "exported", "tile", "bbox", "created_at",
        ]  # fmt: skip
        read_only_fields = fields

    def get_key(self, change: Change) -> str | None:
        return change.footprint.key if change.footprint else None

    def get_reason(self, change: Any) -> str:
        return change.reason or ""  # annotated by `changes_of`

    def get_comment(self, change: Any) -> str:
        return change.comment or ""

    def get_bbox(self, change: Change) -> list[float]:
        return list((change.adjusted or change.geometry).extent)


class ChangeInList(ChangeRow):
    """A change in a page of a list, with its shape for a small picture."""

    outline = serializers.JSONField(help_text="the shape as it stands, GeoJSON in degrees, to about 20 cm")

    class Meta(ChangeRow.Meta):
        fields = [*ChangeRow.Meta.fields, "outline"]
        read_only_fields = fields


class ChangePage(serializers.Serializer):
    """A page of a list."""

    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = ChangeInList(many=True)


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
    in_relation = serializers.BooleanField(help_text="a relation names it: a way that gets no courtyard and no cut")


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


class NewestMap(serializers.Serializer):
    snapshot = serializers.IntegerField(help_text="send it with an accept as `seen_map` in the payload")
    state = serializers.ChoiceField(choices=["gone", "edited"])
    taken_at = serializers.DateTimeField(allow_null=True)


class StandingOutput(serializers.Serializer):
    """Whether a person may say that the building still stands."""

    on = serializers.DateField(help_text="what its check_date would be")
    why_not = serializers.CharField(help_text="why it can't be said; empty where it can")


class MeasuredOn(serializers.Serializer):
    """Chance that the model tells a tile with a known error from one without, with its interval."""

    tiles = serializers.IntegerField()
    value = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()


class ModelBehind(serializers.Serializer):
    id = serializers.IntegerField()
    preset = serializers.CharField()
    untuned = serializers.BooleanField(
        help_text="a first look: by the general model, which never learnt from this region"
    )
    measured = MeasuredOn(allow_null=True)
    trial = serializers.BooleanField(
        help_text="its percentages are no odds: not measured on enough tiles, or no better than chance"
    )


class ChangeSubject(serializers.Serializer):
    """Everything the queue's page shows of one change."""

    id = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=ChangeKind.choices)
    geometry = serializers.JSONField(help_text="GeoJSON; of a removal, the shape now in the map")
    adjusted = serializers.JSONField(allow_null=True)
    cut = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField()), allow_null=True,
        help_text="the line along which a person split the building into two: [longitude, latitude], ...",
    )  # fmt: skip
    merged = serializers.CharField(
        allow_null=True, help_text="the building that a person made one with it; `adjusted` is the shape of both"
    )
    footprint = ChangeFootprint(allow_null=True)
    confidence = serializers.FloatField()
    evidence = serializers.DictField(child=serializers.JSONField())
    tile = TileRef()
    probability = serializers.FloatField(allow_null=True, help_text="that image and map agree on the tile")
    imagery = ChangeImagery()
    snapshot = ChangeSnapshot()
    bbox = serializers.ListField(child=serializers.FloatField(), min_length=4, max_length=4)
    older_than_edit = serializers.BooleanField(help_text="the image is older than the object's last edit")
    newest_map = NewestMap(allow_null=True, help_text="what a newer map than the scanned one says of the building")
    standing = StandingOutput(
        allow_null=True, help_text="null: the region does not ask for it, or it is about no mapped building"
    )
    second = serializers.BooleanField(help_text="a removal that somebody accepted, and a second person is asked about")
    model = ModelBehind()
    anchor = serializers.CharField(allow_null=True)


class Neighbour(serializers.Serializer):
    """Another building of the scanned map beside a change."""

    key = serializers.CharField(allow_null=True)
    geometry = serializers.JSONField()


class ChangeDetail(ChangeSubject):
    """A change with where it stands."""

    item = serializers.IntegerField()
    state = serializers.CharField()
    decision = serializers.CharField()
    version = serializers.IntegerField()
    decided_by = serializers.CharField(allow_null=True)
    decided_at = serializers.DateTimeField(allow_null=True)
    tags_set = serializers.DictField(
        child=serializers.CharField(allow_blank=True),
        help_text="tags that an editor gave the building; an empty value takes off what the map has",
    )
    confirmed_on = serializers.DateField(allow_null=True, help_text="of a building that still stands: its check_date")
    in_map_at = serializers.DateTimeField(
        allow_null=True, help_text="when a newer map was found to say it already, so that it left the queue"
    )


class JobStarted(serializers.Serializer):
    job = JobOutput()
