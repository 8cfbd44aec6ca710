"""What the API shows of landmarks, photos and the index, and what it takes of people."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from annotation.common.models import MAX_ID
from annotation.landmarks.api.asked import BoundsTextField, said_in
from annotation.landmarks.models import Landmark, LandmarkPhoto, PositionFrom
from annotation.landmarks.search.shown import photo_url
from annotation.sources.api.jobs import JobOutput

ID: dict[str, Any] = {"min_value": 1, "max_value": MAX_ID}


class PhotoOutput(serializers.ModelSerializer[LandmarkPhoto]):
    """A photo from the ground: where it was taken and where it looks, and what it shows."""

    image_url = serializers.SerializerMethodField(help_text="a WebP of at most 1600 px")
    lon = serializers.SerializerMethodField()
    lat = serializers.SerializerMethodField()
    created_by = serializers.CharField(source="owner.username", read_only=True, allow_null=True, default=None)
    position_from = serializers.ChoiceField(
        choices=PositionFrom.choices, read_only=True, help_text="whose word its position is; empty: it has none"
    )
    warnings = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = LandmarkPhoto
        fields = [
            "id", "region", "landmark", "change", "original_name", "image_url", "width", "height", "lon", "lat",
            "accuracy_m", "direction_deg", "position_from", "taken_at", "camera", "caption", "warnings", "created_by",
            "created_at",
        ]  # fmt: skip
        read_only_fields = fields

    def get_image_url(self, row: LandmarkPhoto) -> str:
        return photo_url(row)

    def get_lon(self, row: LandmarkPhoto) -> float | None:
        return row.point.x if row.point is not None else None

    def get_lat(self, row: LandmarkPhoto) -> float | None:
        return row.point.y if row.point is not None else None


class LandmarkOutput(serializers.ModelSerializer[Landmark]):
    """A landmark with its photos."""

    lon = serializers.FloatField(source="point.x")
    lat = serializers.FloatField(source="point.y")
    tags = serializers.DictField(child=serializers.CharField(), read_only=True)
    photos = serializers.SerializerMethodField()
    created_by = serializers.CharField(source="created_by.username", read_only=True, allow_null=True, default=None)

    class Meta:
        model = Landmark
        fields = [
            "id", "region", "name", "description", "lon", "lat", "source", "key", "tags", "edited", "photos",
            "created_by", "created_at",
        ]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(PhotoOutput(many=True))
    def get_photos(self, row: Landmark) -> Any:
        return PhotoOutput(row.photos.all(), many=True).data


class LandmarkUpdate(serializers.Serializer):
    """What of a landmark can be changed."""

    name = serializers.CharField(max_length=200)
    description = serializers.CharField(max_length=2000, allow_blank=True, required=False, default="")
    lon = serializers.FloatField(min_value=-180, max_value=180)
    lat = serializers.FloatField(min_value=-85, max_value=85)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Longitude and latitude come together, as `lonlat`."""
        if ("lon" in attrs) != ("lat" in attrs):
            raise serializers.ValidationError("give both lon and lat, or neither")
        if "lon" in attrs:
            attrs["lonlat"] = (attrs.pop("lon"), attrs.pop("lat"))
        return attrs


class LandmarkCreate(LandmarkUpdate):
    """A landmark by hand."""

    region = serializers.IntegerField(**ID)


class LandmarkFilter(serializers.Serializer):
    """Which landmarks a list is narrowed to."""

    region = serializers.IntegerField(required=False, allow_null=True, default=None, **ID)
    bbox = BoundsTextField(required=False, allow_null=True, default=None, help_text="west,south,east,north in degrees")
    name = serializers.CharField(required=False, default="", max_length=200, help_text="a part of it")


class RegionNamed(serializers.Serializer):
    """A region."""

    region = serializers.IntegerField(**ID)


class TableUpload(RegionNamed):
    """A table of landmarks."""

    file = serializers.FileField(
        allow_empty_file=False, max_length=255,
        help_text="CSV in UTF-8; its first line names the columns: name, lat, lon, and description and id if you like",
    )  # fmt: skip


class SkippedLine(serializers.Serializer):
    """A line that was left out."""

    line = serializers.IntegerField()
    why = serializers.CharField()


class TableOutput(serializers.Serializer):
    """What came of a table."""

    added = serializers.IntegerField()
    changed = serializers.IntegerField()
    left_out = serializers.IntegerField()
    skipped = SkippedLine(many=True, help_text="the first 50 of those that were left out")


class PhotoFilter(serializers.Serializer):
    """Which photos a list is narrowed to."""

    region = serializers.IntegerField(required=False, allow_null=True, default=None, **ID)
    landmark = serializers.IntegerField(required=False, allow_null=True, default=None, **ID)
    change = serializers.IntegerField(required=False, allow_null=True, default=None, **ID)


class PhotoUpdate(serializers.Serializer):
    """What a person says of a photo; null: nobody knows."""

    lon = serializers.FloatField(required=False, allow_null=True, min_value=-180, max_value=180)
    lat = serializers.FloatField(required=False, allow_null=True, min_value=-85, max_value=85)
    direction_deg = serializers.FloatField(
        required=False, allow_null=True, min_value=0, max_value=360, help_text="where it looks, clockwise from north"
    )
    caption = serializers.CharField(required=False, allow_blank=True, max_length=300)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Longitude and latitude come together, as `lonlat`."""
        given = [attrs.pop(name) for name in ("lon", "lat") if name in attrs]
        if given:
            if len(given) == 1 or (given[0] is None) != (given[1] is None):
                raise serializers.ValidationError("give both lon and lat, or neither")
            attrs["lonlat"] = None if given[0] is None else (given[0], given[1])
        return attrs


class PhotoUpload(PhotoUpdate):
    """A photo of a landmark, beside a change, or of a place of a region: name one of the three."""

    photo = serializers.FileField(allow_empty_file=False, max_length=255, help_text="JPEG, PNG or TIFF")
    region = serializers.IntegerField(required=False, allow_null=True, default=None, **ID)
    landmark = serializers.IntegerField(required=False, allow_null=True, default=None, **ID)
    change = serializers.IntegerField(required=False, allow_null=True, default=None, **ID)

    def to_internal_value(self, data: Any) -> Any:
        """Forms send an empty text where nothing is said."""
        return super().to_internal_value(said_in(self, data))

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if sum(attrs[name] is not None for name in ("region", "landmark", "change")) != 1:
            raise serializers.ValidationError("name one of landmark, change and region")
        return super().validate(attrs)


class IndexStateOutput(serializers.Serializer):
    """How much of a region can be searched."""

    model = serializers.CharField(allow_blank=True, help_text="what finds, in words; empty: nothing does yet")
    tiles = serializers.IntegerField(help_text="of the region that show the imagery in use")
    embedded = serializers.IntegerField(help_text="of these, those that can be found")
    whole = serializers.BooleanField(help_text="all that is there can be found")
    job = JobOutput(allow_null=True, help_text="that updates the index, or did last")
    may_update = serializers.BooleanField(help_text="you may have it updated")
    remedy = serializers.CharField(allow_blank=True, help_text="what to do where nothing can be searched")


class SearchModelsDataOutput(serializers.Serializer):
    """What the next search model would learn from: tiles of all regions, and what is said of them."""

    images = serializers.IntegerField(help_text="imagery that is ready")
    regions = serializers.IntegerField()
    landmarks = serializers.IntegerField()
    new = serializers.IntegerField(help_text="images that the model in use has not learnt from")
    model = serializers.IntegerField(allow_null=True, help_text="the model in use")
    in_use = serializers.CharField(help_text="what finds places now, in words")
    weights = serializers.BooleanField(help_text="whether anything finds places now")
