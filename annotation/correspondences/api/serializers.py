"""What goes in and out of the API of correspondences."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from annotation.common.models import MAX_ID
from annotation.correspondences import card, engine, selectors
from annotation.correspondences.models import (
    Correspondences,
    CorrespondencesState,
    PointOrigin,
    PointRole,
    TransformKind,
)
from annotation.sources.api.jobs import JobDetail, JobOutput
from annotation.tiles.engine import tile_address


class TransformOutput(serializers.Serializer):
    """What brings points of the map to where the image shows them, in pixels of the tile at 256 px."""

    kind = serializers.ChoiceField(choices=TransformKind.choices)
    parameters = serializers.ListField(child=serializers.FloatField())
    covariance = serializers.ListField(child=serializers.ListField(child=serializers.FloatField()))
    matrix = serializers.ListField(child=serializers.ListField(child=serializers.FloatField()), help_text="3 x 3")


class TileOffset(serializers.Serializer):
    """How far the image shows the tile's middle from where the map has it."""

    east_m = serializers.FloatField()
    north_m = serializers.FloatField()


class PlaceField(serializers.ListField):
    """A place, pixels of the tile at 256 px."""

    child = serializers.FloatField()


class RefitPoint(serializers.Serializer):
    """One control point with what is left between it and where the transform brings it."""

    number = serializers.IntegerField()
    map_xy = PlaceField(help_text="[x, y] on the map")
    image_xy = PlaceField(help_text="[x, y] in the image")
    role = serializers.ChoiceField(choices=PointRole.choices)
    enabled = serializers.BooleanField()
    residual_xy = PlaceField(allow_null=True, help_text="pixels from the image's point to the moved point of the map")
    residual_m = serializers.FloatField(allow_null=True)


class PointOutput(RefitPoint):
    """The same of a stored point: whose it is, and how sure the matcher was."""

    confidence = serializers.FloatField(allow_null=True)
    origin = serializers.ChoiceField(choices=PointOrigin.choices)


class CorrespondencesOutput(serializers.ModelSerializer):
    """One proposal in a list."""

    z = serializers.IntegerField(source="tile.z", read_only=True)
    x = serializers.IntegerField(source="tile.x", read_only=True)
    y = serializers.IntegerField(source="tile.y", read_only=True)
    transform = serializers.SerializerMethodField(help_text="the one that counts; null without a match")
    offset = serializers.SerializerMethodField(help_text="of the transform that counts")
    scan_name = serializers.CharField(
        source="scan.original_name", default=None, read_only=True, help_text="of a map scan's; else null"
    )

    class Meta:
        model = Correspondences
        fields = [
            "id", "pair", "scan", "scan_name", "z", "x", "y", "matcher", "matcher_digest", "state", "passed_gate",
            "transform", "offset", "inliers", "needed_inliers", "log10_nfa", "rmse_m", "final_fit_rmse_m",
            "final_check_rmse_m", "refused", "created_at",
        ]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(TransformOutput(allow_null=True))
    def get_transform(self, row: Correspondences) -> dict[str, Any] | None:
        return engine.shown_transform(engine.said_transform(row))

    @extend_schema_field(TileOffset(allow_null=True))
    def get_offset(self, row: Correspondences) -> dict[str, float] | None:
        transform = engine.said_transform(row)
        if transform is None:
            return None
        east_m, north_m = engine.middle_offset_m(transform, tile_address(row.tile))
        return {"east_m": east_m, "north_m": north_m}


class CorrespondencesDetail(CorrespondencesOutput):
    """One proposal with its points: the matcher's, and those of the correction that counts."""

    proposed_transform = serializers.SerializerMethodField(help_text="the matcher's")
    points = serializers.SerializerMethodField(help_text="of the matcher, with residuals of its transform")
    corrected_points = serializers.SerializerMethodField(help_text="of the correction, with residuals of that one")

    class Meta(CorrespondencesOutput.Meta):
        fields = [*CorrespondencesOutput.Meta.fields, "proposed_transform", "points", "corrected_points"]
        read_only_fields = fields

    @extend_schema_field(TransformOutput(allow_null=True))
    def get_proposed_transform(self, row: Correspondences) -> dict[str, Any] | None:
        return engine.shown_transform(engine.proposed_transform(row))

    @extend_schema_field(PointOutput(many=True))
    def get_points(self, row: Correspondences) -> list[dict[str, Any]]:
        points = selectors.points_of(row.pk, corrected=False)
        return card.shown_points(row, points, engine.proposed_transform(row))

    @extend_schema_field(PointOutput(many=True))
    def get_corrected_points(self, row: Correspondences) -> list[dict[str, Any]]:
        points = selectors.points_of(row.pk, corrected=True)
        return card.shown_points(row, points, engine.said_transform(row))


class CorrespondencesQuery(serializers.Serializer):
    """What the list may be narrowed to."""

    state = serializers.ChoiceField(choices=CorrespondencesState.choices, required=False)
    scan = serializers.IntegerField(
        min_value=1, max_value=MAX_ID, required=False, help_text="only proposals of this map scan"
    )


class ProposeInput(serializers.Serializer):
    """Which matcher looks at the tiles."""

    matcher = serializers.CharField(
        max_length=32, required=False, default="", allow_blank=True, help_text="empty: the best one offered"
    )


class ProposeOutput(serializers.Serializer):
    """The job that was started, or the one that runs already."""

    job = JobOutput()


class MatchersOutput(serializers.Serializer):
    """What there is to match with, and what was matched."""

    offered = serializers.ListField(child=serializers.CharField(), help_text="the best one first")
    counts = serializers.DictField(
        child=serializers.IntegerField(), help_text="proposals by state, and no_match: those that wait without one"
    )
    counted_to = serializers.IntegerField(help_text="no count goes further; one that is there means this many or more")
    jobs = JobDetail(many=True)


class OutlinesOutput(serializers.Serializer):
    """The map's buildings on a tile and a quarter of its side around it."""

    rings = serializers.ListField(
        child=serializers.ListField(child=PlaceField()), help_text="outer and inner rings, [x, y] pixels at 256 px"
    )
    cut_short = serializers.BooleanField(help_text="there are more than are given")


class RefitInput(serializers.Serializer):
    """The payload of an adjusted answer: control points and the model to fit to them."""

    transform = serializers.ChoiceField(choices=TransformKind.choices)
    points = serializers.ListField(
        child=serializers.DictField(),
        help_text="{number, map_xy: [x, y], image_xy: [x, y], role: fit or check, enabled} in pixels at 256 px",
    )


class RefitOutput(serializers.Serializer):
    """What the points come to."""

    transform = TransformOutput()
    points = RefitPoint(many=True)
    fit_rmse_m = serializers.FloatField(help_text="of the points it was fitted to, metres on the ground")
    check_rmse_m = serializers.FloatField(allow_null=True, help_text="of the check points; null without any")
