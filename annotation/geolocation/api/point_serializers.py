"""Control points of an image, as the API takes and shows them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from annotation.geolocation import engine
from annotation.geolocation.engine import PointsFit

MOST_NUMBER = 9999
PAIR = {"type": "array", "minItems": 2, "maxItems": 2, "items": {"type": "number"}}
MATRIX = {"type": "array", "items": {"type": "array", "items": {"type": "number"}}}


@extend_schema_field(PAIR)
class PairField(serializers.Field):
    """Two finite numbers, each within a bound of its own."""

    def __init__(self, first: float, second: float, what: str, **options: Any) -> None:
        super().__init__(**options)
        self.bounds, self.what = (first, second), what

    def to_internal_value(self, data: Any) -> list[float]:
        plain = isinstance(data, list) and len(data) == 2 and all(type(one) in {int, float} for one in data)
        if not plain or not all(abs(one) <= most for one, most in zip(data, self.bounds, strict=True)):
            raise serializers.ValidationError(f"give {self.what}")
        return [float(one) for one in data]

    def to_representation(self, value: Any) -> Any:
        return value


class PersonPoint(serializers.Serializer):
    """A pixel of the upright picture, and where on the ground it lies."""

    number = serializers.IntegerField(min_value=1, max_value=MOST_NUMBER)
    image = PairField(1e6, 1e6, "[x, y] in pixels of the picture, from its upper left")
    lonlat = PairField(180, 80, "[longitude, latitude] in degrees, between 80 S and 80 N")
    use = serializers.ChoiceField(
        choices=engine.USES, default="fit", help_text="`check` is measured and never fitted, `off` is kept alone"
    )


class PersonPoints(serializers.Serializer):
    """Control points, and the model that is fitted to them."""

    model = serializers.ChoiceField(
        choices=engine.MODELS, default="auto",
        help_text="`similarity` shifts, turns and scales; `auto` takes the one that the points support",
    )  # fmt: skip
    points = PersonPoint(many=True, allow_empty=False, max_length=engine.MOST_POINTS)  # type: ignore[call-arg]

    def validate_points(self, points: Any) -> Any:
        if len({one["number"] for one in points}) < len(points):
            raise serializers.ValidationError("two points have one number: number them apart")
        return points


class PointOff(serializers.Serializer):
    """How far a point lies off the fit."""

    number = serializers.IntegerField()
    residual_m = serializers.FloatField()
    off_m = serializers.ListField(child=serializers.FloatField(), help_text="[east, north], from the point to the fit")


class FitOutput(serializers.Serializer):
    """What control points come to."""

    model = serializers.CharField(help_text="the one that was fitted: `similarity`, `affine` or `homography`")
    matrix = serializers.SerializerMethodField(help_text="3x3, pixels of the picture to EPSG:3857, less `origin`")
    origin = serializers.SerializerMethodField()
    covariance = serializers.SerializerMethodField(
        help_text="8x8, of the first eight entries; null: the points just determine the model"
    )
    corners = serializers.SerializerMethodField(help_text="[[longitude, latitude] * 4] from its upper left clockwise")
    points = serializers.SerializerMethodField()
    fit_rmse_m = serializers.FloatField()
    check_rmse_m = serializers.FloatField(allow_null=True, help_text="of the check points; null: there is none")
    accuracy_m = serializers.FloatField(source="place.accuracy_m", allow_null=True)
    resolution_m = serializers.FloatField(source="place.resolution_m")
    accepted = serializers.SerializerMethodField(help_text="whether it can be confirmed")
    refusal = serializers.CharField(help_text="why not, and what to do; empty where it can")

    @extend_schema_field(MATRIX)
    def get_matrix(self, fitted: PointsFit) -> list[list[float]]:
        return fitted.place.matrix.tolist()

    @extend_schema_field(PAIR)
    def get_origin(self, fitted: PointsFit) -> list[float]:
        return fitted.place.origin.tolist()

    @extend_schema_field({**MATRIX, "nullable": True})
    def get_covariance(self, fitted: PointsFit) -> list[list[float]] | None:
        spread = fitted.place.transform.covariance
        return spread.tolist() if spread.any() else None

    @extend_schema_field({"type": "array", "items": PAIR})
    def get_corners(self, fitted: PointsFit) -> list[list[float]]:
        return fitted.place.corners.round(10).tolist()

    @extend_schema_field(PointOff(many=True))
    def get_points(self, fitted: PointsFit) -> list[dict[str, Any]]:
        return [
            {"number": one["number"], "residual_m": float((off**2).sum() ** 0.5), "off_m": off.tolist()}
            for one, off in zip(fitted.points, fitted.off_m, strict=True)
        ]

    def get_accepted(self, fitted: PointsFit) -> bool:
        return not fitted.refusal


class StartPoint(PersonPoint):
    """A point to start from."""

    confidence = serializers.FloatField(allow_null=True, help_text="of the matcher; null: a person set it")


class StartPoints(serializers.Serializer):
    """What a person starts from."""

    model = serializers.ChoiceField(choices=engine.MODELS)
    points = StartPoint(many=True)
    shown = serializers.ListField(child=serializers.IntegerField(), help_text="numbers of those to begin with")


class PointsFile(serializers.Serializer):
    """A file of control points, and what it does not say itself."""

    file = serializers.FileField(
        allow_empty_file=False, max_length=255,
        help_text="`.points` of QGIS, a GeoTIFF with control points, or a list of -gcp",
    )  # fmt: skip
    crs = serializers.CharField(
        max_length=2000, required=False, default="", allow_blank=True, help_text="of a file that names none: EPSG:4326"
    )
