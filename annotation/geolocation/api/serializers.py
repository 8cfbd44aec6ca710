"""What the API says of reference imagery and its feature database, and what registering a set must say."""

from __future__ import annotations

from typing import Any, cast

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from annotation.accounts.models import User
from annotation.geolocation import selectors
from annotation.geolocation.models import (
    BaseState,
    FeatureDatabase,
    ReferenceBase,
    ReferenceFile,
    ReferenceKind,
    ReferenceSet,
)
from annotation.sources.api.fields import AreaField, BoundsField
from annotation.sources.api.jobs import JobOutput

COUNTS = {"type": "object", "additionalProperties": {"type": "integer"}}
REGISTERED = [(kind.value, kind.label) for kind in (ReferenceKind.FILES, ReferenceKind.TILES)]


class ReferenceFileOutput(serializers.ModelSerializer):
    """A raster of a set of files."""

    ready = serializers.SerializerMethodField()
    warnings = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = ReferenceFile
        fields = ["id", "original_name", "sha256", "ready", "warnings", "error", "created_at"]
        read_only_fields = fields

    def get_ready(self, file: ReferenceFile) -> bool:
        return bool(file.cog_path)


class ReferenceSetOutput(serializers.ModelSerializer):
    """A set, as `context["user"]` may know it: where tiles come from, and who else may see it, are the admins'."""

    name = serializers.SerializerMethodField()
    url_template = serializers.SerializerMethodField(help_text="empty to all but admins: it may hold a key")
    viewers = serializers.SerializerMethodField()
    bounds = BoundsField(source="area")
    job = JobOutput(read_only=True, allow_null=True)
    counts = serializers.SerializerMethodField(help_text="bases by state")
    files = serializers.SerializerMethodField()

    class Meta:
        model = ReferenceSet
        fields = [
            "id", "name", "kind", "region", "url_template", "zoom", "licence", "attribution", "resolution_m", "bounds",
            "open_to_all", "viewers", "state", "error", "base_count", "counts", "files", "job", "created_at",
        ]  # fmt: skip
        read_only_fields = fields

    def get_name(self, row: ReferenceSet) -> str:
        return row.region.name if row.region is not None else row.name

    def get_url_template(self, row: ReferenceSet) -> str:
        return row.url_template if self._admin else ""

    @extend_schema_field(serializers.ListField(child=serializers.IntegerField()))
    def get_viewers(self, row: ReferenceSet) -> list[int]:
        return [person.pk for person in row.viewers.all()] if self._admin else []

    @extend_schema_field(COUNTS)
    def get_counts(self, row: ReferenceSet) -> dict[str, int]:
        return self._told("counts", selectors.state_counts, row.pk) or {}

    @extend_schema_field(ReferenceFileOutput(many=True))
    def get_files(self, row: ReferenceSet) -> Any:
        files = self._told("files", selectors.files_of, row.pk) if row.kind == ReferenceKind.FILES else []
        return ReferenceFileOutput(files or [], many=True).data

    def _told(self, name: str, read: Any, pk: int) -> Any:
        """What was read for the whole list at once, where there is one."""
        kept = self.context.get(name)
        return (read([pk]) if kept is None else kept).get(pk)

    @property
    def _admin(self) -> bool:
        return cast(User, self.context["user"]).is_admin


class ReferenceBaseOutput(serializers.ModelSerializer):
    """A base: where it lies, and whether it can be searched."""

    bounds = BoundsField(source="footprint")
    original_name = serializers.SerializerMethodField(help_text="of the imagery or file it is cut from")

    class Meta:
        model = ReferenceBase
        fields = ["id", "name", "original_name", "bounds", "width", "height", "source", "digest", "state", "error"]
        read_only_fields = fields

    def get_original_name(self, row: ReferenceBase) -> str:
        origin = row.imagery or row.file
        return origin.original_name if origin else ""


class BaseFilter(serializers.Serializer):
    """Which bases a list is narrowed to."""

    state = serializers.ChoiceField(choices=BaseState.choices, required=False, help_text="left out: every state")


class WhoSees(serializers.Serializer):
    """What a set is called, where it comes from, and who may see it."""

    name = serializers.CharField(max_length=120)
    licence = serializers.CharField(max_length=120)
    attribution = serializers.CharField(max_length=300)
    open_to_all = serializers.BooleanField(required=False, default=False)
    viewers = serializers.PrimaryKeyRelatedField(
        queryset=User.objects.filter(is_active=True), many=True, required=False, help_text="who else may see it"
    )


class ReferenceSetCreate(WhoSees):
    """A set to register: of files, which are uploaded to it or lie on the server, or of tiles."""

    kind = serializers.ChoiceField(choices=REGISTERED)
    resolution_m = serializers.FloatField(
        min_value=0.02, max_value=100, required=False, allow_null=True, default=None,
        help_text="metres on the ground per pixel that files are searched at; left out: 0.5, or theirs where coarser",
    )  # fmt: skip
    url_template = serializers.CharField(
        max_length=500, required=False, default="", allow_blank=True,
        help_text="https, with {z}, {x} and {y} (or {-y}), or {TileMatrix}, {TileCol} and {TileRow}",
    )  # fmt: skip
    zoom = serializers.IntegerField(min_value=10, max_value=22, required=False, allow_null=True, default=None)
    area = AreaField(required=False, allow_null=True, default=None)
    server_files = serializers.ListField(
        child=serializers.CharField(max_length=500), required=False, max_length=100,
        help_text="files and folders below the server's folder for reference imagery",
    )  # fmt: skip


class ReferenceSetUpdate(WhoSees):
    """What of a set can be changed."""


class ReferenceUpload(serializers.Serializer):
    """A GeoTIFF for a set of files."""

    file = serializers.FileField(allow_empty_file=False, max_length=255)


class FeatureDatabaseOutput(serializers.ModelSerializer):
    """Features of all bases by one locator."""

    class Meta:
        model = FeatureDatabase
        fields = [
            "id", "model", "model_digest", "state", "base_count", "size_bytes", "stale_since", "built_at", "created_at",
        ]  # fmt: skip
        read_only_fields = fields


class DatabasesOutput(serializers.Serializer):
    """What answers queries now, and what is being built."""

    serving = FeatureDatabaseOutput(allow_null=True)
    building = FeatureDatabaseOutput(allow_null=True, help_text="of a newer locator, or the first one")
    job = JobOutput(allow_null=True, help_text="that builds now, or did last; of admins alone")
    locator = serializers.CharField(help_text="what looks for images from now on; empty: there are no weights")
    remedy = serializers.CharField(help_text="what to do where nothing can be searched; empty: nothing is amiss")
