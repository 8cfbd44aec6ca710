"""What the API shows of images without a place and of where they may lie, and what it takes of people."""

from __future__ import annotations

from typing import Any

from django.utils.datastructures import MultiValueDict
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from annotation.geolocation import engine
from annotation.geolocation.api.point_serializers import PersonPoints
from annotation.geolocation.card import why_of
from annotation.geolocation.models import PlacementCandidate, UnplacedImage
from annotation.geolocation.services.images import MOST_FILES
from annotation.sources.api.jobs import JobOutput
from annotation.sources.api.serializers import ImageryUpload
from annotation.sources.engine import shown_imagery, shown_snapshot

CORNERS = {
    "type": "array", "minItems": 4, "maxItems": 4,
    "items": {"type": "array", "minItems": 2, "maxItems": 2, "items": {"type": "number"}},
}  # fmt: skip
WORLD = 180.0


class ImagesUpload(serializers.Serializer):
    """One or several images without a place; those of one flight help each other."""

    files = serializers.ListField(
        child=serializers.FileField(allow_empty_file=False, max_length=255), min_length=1, max_length=MOST_FILES
    )
    region = serializers.IntegerField(
        required=False, allow_null=True, default=None, min_value=1, max_value=2**63 - 1,
        help_text="where to look; left out: everywhere you may see",
    )  # fmt: skip
    licence = serializers.CharField(max_length=120, required=False, allow_blank=True, default="")
    attribution = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")

    def to_internal_value(self, data: Any) -> Any:
        """Browsers send an empty text where no region is chosen; a form with a file on the disk can't be copied."""
        if isinstance(data, MultiValueDict) and data.get("region") == "":
            data = MultiValueDict({name: data.getlist(name) for name in data if name != "region"})
        return super().to_internal_value(data)


class LocateAgain(serializers.Serializer):
    """What a person adds: a region, or about where the image lies."""

    region = serializers.IntegerField(required=False, allow_null=True, default=None, min_value=1, max_value=2**63 - 1)
    lon = serializers.FloatField(required=False, allow_null=True, default=None, min_value=-180, max_value=180)
    lat = serializers.FloatField(required=False, allow_null=True, default=None, min_value=-80, max_value=80)
    radius_m = serializers.FloatField(required=False, default=200.0, min_value=1, max_value=20_000)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if (attrs["lon"] is None) != (attrs["lat"] is None):
            raise serializers.ValidationError("give both lon and lat, or neither")
        return attrs


class RejectPlaces(serializers.Serializer):
    """Why none of the places is right."""

    reason = serializers.CharField(max_length=64, required=False, allow_blank=True, default="")


@extend_schema_field(CORNERS)
class CornersField(serializers.Field):
    """[[longitude, latitude] * 4], from the image's upper left clockwise."""

    def to_internal_value(self, data: Any) -> list[list[float]]:
        if not isinstance(data, list) or len(data) != 4:
            raise serializers.ValidationError("give four corners, each [longitude, latitude]")
        for one in data:
            if not (isinstance(one, list) and len(one) == 2 and all(type(number) in {int, float} for number in one)):
                raise serializers.ValidationError("a corner is [longitude, latitude] in degrees")
            if not (-WORLD <= one[0] <= WORLD and -80 <= one[1] <= 80):
                raise serializers.ValidationError("corners lie between 180 W and 180 E and between 80 S and 80 N")
        return [[float(number) for number in one] for one in data]

    def to_representation(self, value: Any) -> Any:
        return value


class ConfirmPlace(serializers.Serializer):
    """Which place is right, and what the imagery needs to say."""

    candidate = serializers.IntegerField(
        required=False, allow_null=True, default=None, min_value=1, max_value=2**63 - 1,
        help_text="left out: the corners alone say where",
    )  # fmt: skip
    corners = CornersField(required=False, allow_null=True, default=None, help_text="a person's adjustment")
    points = PersonPoints(
        required=False, allow_null=True, default=None, help_text="a person's control points in place of corners"
    )
    region = serializers.IntegerField(
        required=False, allow_null=True, default=None, min_value=1, max_value=2**63 - 1,
        help_text="that it becomes imagery of; left out: the one it was looked for in",
    )  # fmt: skip
    licence = serializers.CharField(max_length=120)
    attribution = serializers.CharField(max_length=300)
    captured_on = serializers.DateField(required=False, allow_null=True, default=None)

    def validate_captured_on(self, value: Any) -> Any:
        return ImageryUpload().validate_captured_on(value)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["candidate"] is None and attrs["corners"] is None and attrs["points"] is None:
            raise serializers.ValidationError("choose one of the places, or give the four corners or control points")
        if attrs["corners"] is not None and attrs["points"] is not None:
            raise serializers.ValidationError("give the four corners or control points, not both: either says it all")
        return attrs


class PriorOutput(serializers.Serializer):
    """What is known of where an image lies before it is looked for."""

    kind = serializers.CharField()
    lon = serializers.FloatField(allow_null=True)
    lat = serializers.FloatField(allow_null=True)
    radius_m = serializers.FloatField(allow_null=True)
    heading_deg = serializers.FloatField(allow_null=True)
    height_m = serializers.FloatField(allow_null=True)
    resolution_m = serializers.FloatField(allow_null=True)


class ImageError(serializers.Serializer):
    """Why it has no place."""

    code = serializers.CharField()
    detail = serializers.CharField()


class BasePicture(serializers.Serializer):
    """A base that no tiles are served of, as one picture; bounds are [west, south, east, north] in degrees."""

    address = serializers.CharField()
    bounds = serializers.ListField(child=serializers.FloatField())
    attribution = serializers.CharField()


class CandidateOutput(serializers.ModelSerializer):
    """One place where an image may lie."""

    corners = serializers.SerializerMethodField(help_text="[[longitude, latitude] * 4] from its upper left clockwise")
    accuracy_m = serializers.SerializerMethodField(help_text="of the fit, root mean square over the image")
    resolution_m = serializers.SerializerMethodField(help_text="metres on the ground per pixel")
    heading_deg = serializers.SerializerMethodField(help_text="of its upper side, clockwise from north")
    why = serializers.SerializerMethodField(help_text="what speaks for it, one sentence each")
    imagery = serializers.SerializerMethodField(help_text="what to show below it, as an image; null: not an imagery")
    by_points = serializers.SerializerMethodField(help_text="how many control points a person kept with it; 0: none")
    decided_by = serializers.CharField(source="decided_by.username", read_only=True, allow_null=True, default=None)
    snapshot = serializers.SerializerMethodField(help_text="what to show below it, as a map; null: not a map")
    picture = serializers.SerializerMethodField(help_text="what to show below it, of reference imagery; null: none")

    class Meta:
        model = PlacementCandidate
        fields = [
            "id", "rank", "against", "title", "probability", "log10_nfa", "agreeing", "asked", "rmse_m", "accuracy_m",
            "resolution_m", "heading_deg", "corners", "why", "imagery", "snapshot", "picture", "region",
            "state", "reason", "by_points", "decided_by", "decided_at",
        ]  # fmt: skip
        read_only_fields = fields

    def _place(self, row: PlacementCandidate) -> engine.Place:
        if getattr(self, "_of", None) is not row:
            self._of, self._kept = row, engine.place_of(row)
        return self._kept

    def get_by_points(self, row: PlacementCandidate) -> int:
        return len((row.adjusted or {}).get("points", []))

    @extend_schema_field(CORNERS)
    def get_corners(self, row: PlacementCandidate) -> list[list[float]]:
        return self._place(row).corners.round(8).tolist()

    @extend_schema_field(serializers.FloatField(allow_null=True))
    def get_accuracy_m(self, row: PlacementCandidate) -> float | None:
        return self._place(row).accuracy_m

    def get_resolution_m(self, row: PlacementCandidate) -> float:
        return self._place(row).resolution_m

    def get_heading_deg(self, row: PlacementCandidate) -> float:
        return self._place(row).heading_deg

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_why(self, row: PlacementCandidate) -> list[str]:
        return why_of(row, self._place(row))

    @extend_schema_field({"type": "object", "nullable": True, "additionalProperties": {}})
    def get_imagery(self, row: PlacementCandidate) -> dict[str, Any] | None:
        return shown_imagery(row.imagery) if row.imagery and row.imagery.state == "ready" else None

    @extend_schema_field({"type": "object", "nullable": True, "additionalProperties": {}})
    def get_snapshot(self, row: PlacementCandidate) -> dict[str, Any] | None:
        return shown_snapshot(row.snapshot) if row.snapshot else None

    @extend_schema_field(BasePicture(allow_null=True))
    def get_picture(self, row: PlacementCandidate) -> dict[str, Any] | None:
        if row.base is None or row.imagery is not None:
            return None
        address = f"/api/images/{row.image_id}/places/{row.pk}/ground.webp"
        return {"address": address, "bounds": engine.base_bounds(row.base), "attribution": row.base.set.attribution}


class ImageOutput(serializers.ModelSerializer):
    """An image without a place, its job, and what became of it."""

    owner = serializers.CharField(source="owner.username", read_only=True)
    flight = serializers.CharField(source="flight.name", read_only=True, allow_null=True, default=None)
    region_name = serializers.CharField(source="region.name", read_only=True, allow_null=True, default=None)
    job = JobOutput(read_only=True, allow_null=True)
    error = serializers.SerializerMethodField()
    prior = serializers.SerializerMethodField()
    places = serializers.IntegerField(read_only=True, help_text="how many were found")
    preview = serializers.SerializerMethodField(help_text="address of a small copy; null until it was read")

    class Meta:
        model = UnplacedImage
        fields = [
            "id", "owner", "region", "region_name", "flight", "original_name", "width", "height", "state", "error",
            "warnings", "prior", "captured_at", "camera", "licence", "attribution", "job", "imagery", "places",
            "preview", "created_at",
        ]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(ImageError(allow_null=True))
    def get_error(self, row: UnplacedImage) -> dict[str, str] | None:
        return {"code": row.error_code, "detail": row.error_detail} if row.error_code else None

    @extend_schema_field(PriorOutput)
    def get_prior(self, row: UnplacedImage) -> dict[str, Any]:
        point = row.prior_point
        return {
            "kind": row.prior_kind, "lon": point.x if point else None, "lat": point.y if point else None,
            "radius_m": row.prior_accuracy_m, "heading_deg": row.prior_heading_deg, "height_m": row.prior_altitude_m,
            "resolution_m": row.prior_resolution_m,
        }  # fmt: skip

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_preview(self, row: UnplacedImage) -> str | None:
        return f"/api/images/{row.pk}/preview.webp?v={row.sha256[:16]}" if row.width else None


class ImageDetail(ImageOutput):
    """An image with the places where it may lie, the likeliest first."""

    candidates = serializers.SerializerMethodField()

    class Meta(ImageOutput.Meta):
        fields = [*ImageOutput.Meta.fields, "candidates"]
        read_only_fields = fields

    @extend_schema_field(CandidateOutput(many=True))
    def get_candidates(self, row: UnplacedImage) -> list[dict[str, Any]]:
        return CandidateOutput(self.context["candidates"], many=True).data  # type: ignore[return-value]
