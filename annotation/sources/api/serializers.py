"""What the API shows of imagery and maps, and what an upload must say."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from annotation.sources.api.fields import AreaField, BoundsField
from annotation.sources.engine import tile_version
from annotation.sources.models import Imagery, MapSnapshot

FIRST_YEAR = 1900


class SourceError(serializers.Serializer):
    """Why an import ended without a result."""

    code = serializers.CharField()
    detail = serializers.CharField()


class SourceOutput(serializers.ModelSerializer):
    """What imagery and maps share."""

    error = serializers.SerializerMethodField()
    tile_version = serializers.SerializerMethodField(
        help_text="what ?v= of its tiles says; they are then kept for ever"
    )

    def get_tile_version(self, source: Any) -> str:
        return tile_version(source)

    @extend_schema_field(SourceError(allow_null=True))
    def get_error(self, source: Any) -> dict[str, str] | None:
        job = source.job
        if job is None or not job.error_code:
            return None
        return {"code": job.error_code, "detail": job.error_detail}


SOURCE_FIELDS = [
    "id",
    "region",
    "state",
    "job",
    "error",
    "original_name",
    "sha256",
    "tile_version",
    "licence",
    "attribution",
    "repairs",
    "warnings",
    "created_at",
]


class ImageryOutput(SourceOutput):
    bounds = BoundsField(source="footprint")
    footprint = AreaField(read_only=True, allow_null=True)

    class Meta:
        model = Imagery
        fields = [*SOURCE_FIELDS, "captured_on", "resolution_m", "width", "height", "bounds", "footprint"]
        read_only_fields = fields


class SnapshotOutput(SourceOutput):
    coverage = AreaField(read_only=True, allow_null=True)

    class Meta:
        model = MapSnapshot
        fields = [*SOURCE_FIELDS, "taken_at", "replication_sequence", "counts", "coverage"]
        read_only_fields = fields


class AddedImagery(ImageryOutput):
    """An upload that was taken in; `reused` when the region had this very file already."""

    reused = serializers.BooleanField(read_only=True)

    class Meta(ImageryOutput.Meta):
        fields = [*ImageryOutput.Meta.fields, "reused"]
        read_only_fields = fields


class AddedSnapshot(SnapshotOutput):
    """An upload that was taken in; `reused` when the region had this very file already."""

    reused = serializers.BooleanField(read_only=True)

    class Meta(SnapshotOutput.Meta):
        fields = [*SnapshotOutput.Meta.fields, "reused"]
        read_only_fields = fields


class SourceUpload(serializers.Serializer):
    """A file and where it comes from; without licence and attribution it may not be used."""

    file = serializers.FileField(allow_empty_file=False, max_length=255)
    licence = serializers.CharField(max_length=120)
    attribution = serializers.CharField(max_length=300)


class ImageryUpload(SourceUpload):
    captured_on = serializers.DateField(
        required=False, allow_null=True, help_text="day of the flight; needed to tell whether the map is newer"
    )

    def validate_captured_on(self, value: dt.date | None) -> dt.date | None:
        if value and not dt.date(FIRST_YEAR, 1, 1) <= value <= timezone.now().date() + dt.timedelta(days=1):
            raise serializers.ValidationError(f"give a day between {FIRST_YEAR} and today")
        return value

    def to_internal_value(self, data: Any) -> Any:
        """Browsers send an empty text for an empty date."""
        return super().to_internal_value(_without_empty(data, "captured_on"))


class SnapshotUpload(SourceUpload):
    area = serializers.FileField(
        required=False, allow_null=True, help_text="GeoJSON polygon of where the map is complete; left out: everywhere"
    )
    taken_at = serializers.DateTimeField(
        required=False, allow_null=True, help_text="when the extract was made; left out: the newest edit in it"
    )

    def to_internal_value(self, data: Any) -> Any:
        """Browsers send an empty text for an empty date or file."""
        return super().to_internal_value(_without_empty(data, "taken_at", "area"))


def _without_empty(data: Any, *names: str) -> dict[str, Any]:
    return {name: data[name] for name in data if not (name in names and data[name] == "")}
