"""What goes in and out of the API of map edits."""

import re
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from annotation.changes.api.serializers import ModelBehind
from annotation.common.models import MAX_ID
from annotation.edits.models import Changeset, EditItem
from annotation.edits.osmchange.tools import Tool
from annotation.edits.states import SIDES, base_state

KEY = re.compile(r"(node|way|relation)/[1-9][0-9]{0,18}")


class TagsInput(serializers.Serializer):
    """Tags of the OSM changeset, each of at most 255 characters; what is left empty is filled in, or left out."""

    comment = serializers.CharField(max_length=255, help_text="what the edits do, for other mappers")
    source = serializers.CharField(  # type: ignore[assignment]
        max_length=255, required=False, allow_blank=True, default="", help_text="left out: the imagery and its date"
    )
    imagery_used = serializers.CharField(
        max_length=255, required=False, allow_blank=True, default="", help_text="left out: the imagery's attribution"
    )
    hashtags = serializers.CharField(
        max_length=255, required=False, allow_blank=True, default="", help_text="such as #buildings #nepal"
    )
    created_by = serializers.CharField(
        max_length=255, required=False, allow_blank=True, default="", help_text="left out: Mapwright"
    )
    review_requested = serializers.BooleanField(
        required=False, default=False, help_text="asks other mappers to look at it"
    )


class TagsChange(serializers.Serializer):
    """Tags of a changeset that are changed; what is left out stays."""

    comment = serializers.CharField(max_length=255, required=False)
    source = serializers.CharField(max_length=255, required=False)  # type: ignore[assignment]
    imagery_used = serializers.CharField(max_length=255, required=False, allow_blank=True)
    hashtags = serializers.CharField(max_length=255, required=False, allow_blank=True)
    created_by = serializers.CharField(max_length=255, required=False)
    review_requested = serializers.BooleanField(required=False)


class ChangesetInput(TagsInput):
    change_ids = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=MAX_ID),
        required=False, allow_null=True, default=None, min_length=1, max_length=10_000,
        help_text="accepted changes; left out: the newest ones that are in no changeset",
    )  # fmt: skip
    demolish = serializers.BooleanField(
        required=False,
        default=False,
        help_text="retag removed buildings as demolished:building, don't delete them",
    )


class VersionsInput(serializers.Serializer):
    """A mapping of `way/12` or `node/7` to the element's current version."""

    versions = serializers.DictField(
        child=serializers.IntegerField(min_value=1, max_value=2**31 - 1), allow_empty=False
    )

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        wrapped = data if isinstance(data, dict) and "versions" in data else {"versions": data}
        return super().to_internal_value(wrapped)

    def validate_versions(self, versions: dict[str, int]) -> dict[str, int]:
        wrong = [key for key in versions if not KEY.fullmatch(key)]
        if wrong or len(versions) > 100_000:
            raise serializers.ValidationError("keys are node/ID, way/ID or relation/ID, at most 100,000 of them")
        return versions


class VersionsOutput(serializers.Serializer):
    used = serializers.IntegerField()


class ExportQuery(serializers.Serializer):
    """What of a changeset is written."""

    skip_refused = serializers.BooleanField(
        required=False, default=False, help_text="leave out what can't be written instead of answering 409"
    )
    skip_conflicts = serializers.BooleanField(
        required=False, default=False, help_text="leave out what the newest map contradicts instead of answering 409"
    )
    as_exported = serializers.BooleanField(
        required=False, default=False, help_text="the edits of earlier files whatever the map has become since"
    )


class OscQuery(ExportQuery):
    tool = serializers.ChoiceField(
        choices=[(one.value, one.value) for one in Tool], required=False, default=Tool.UPLOAD.value,
        help_text="upload: for JOSM and OSM's API, versions as they are now and negative ids; copy: for osmium "
        "apply-changes, osmosis and osm2pgsql --append on a copy of the map, next versions and ids of its own",
    )  # fmt: skip

    def validate_tool(self, value: str) -> Tool:
        return Tool(value)


class RebasedOutput(serializers.Serializer):
    """Whose each part of an edit is since it was laid over a newer state of its building."""

    shape = serializers.ChoiceField(choices=SIDES)
    tags = serializers.ChoiceField(choices=SIDES)


class EditOutput(serializers.ModelSerializer):
    kind = serializers.CharField(source="change.kind")
    key = serializers.SerializerMethodField()
    decided_by = serializers.CharField(source="change.item.decided_by.username", default=None)
    tags = serializers.DictField(
        source="change.tags_set", child=serializers.CharField(allow_blank=True),
        help_text="that a person set, over the object's own; an empty value takes one off",
    )  # fmt: skip
    check_date = serializers.DateField(
        source="change.confirmed_on", allow_null=True, help_text="of a building that still stands: all that changes"
    )

    rebased = serializers.SerializerMethodField()

    class Meta:
        model = EditItem
        fields = ["change", "kind", "key", "base_version", "demolish", "decided_by", "check_date", "tags", "rebased"]
        read_only_fields = fields

    @extend_schema_field(RebasedOutput(allow_null=True))
    def get_rebased(self, item: EditItem) -> dict[str, str] | None:
        return {part: item.rebased[part] for part in ("shape", "tags")} if item.rebased else None

    def get_key(self, item: EditItem) -> str | None:
        base = base_state(item)
        return base.key if base else None


class EditChange(serializers.Serializer):
    demolish = serializers.BooleanField(help_text="keep a removed building as demolished:building, don't delete it")


class RefusalOutput(serializers.Serializer):
    change = serializers.IntegerField()
    key = serializers.CharField(allow_null=True)
    code = serializers.CharField()
    detail = serializers.CharField()
    missing = serializers.ListField(child=serializers.CharField())


class ConflictOutput(serializers.Serializer):
    change = serializers.IntegerField()
    key = serializers.CharField(allow_null=True)
    code = serializers.CharField()
    detail = serializers.CharField()


class ChangesetOutput(serializers.ModelSerializer):
    created_by = serializers.CharField(source="created_by.username", default=None)
    edits = serializers.IntegerField(read_only=True)

    class Meta:
        model = Changeset
        fields = ["id", "region", "snapshot", "comment", "source", "tags", "created_at", "created_by", "edits",
                  "state", "exported_at"]  # fmt: skip
        read_only_fields = fields


class ChangesetDetail(ChangesetOutput):
    items = EditOutput(many=True)
    conflicts = ConflictOutput(many=True, help_text="what the newest map says against an edit: look before you upload")
    refused = RefusalOutput(many=True, help_text="edits that osmChange can't say, and why")
    models = ModelBehind(many=True, help_text="which models suggested the edits, and how they were measured")
    shared_nodes = serializers.IntegerField(help_text="nodes of neighbours that new and redrawn outlines share")
    elements = serializers.IntegerField(help_text="elements the osmChange touches; OSM takes 10,000 per changeset")
    uploaded = serializers.BooleanField(help_text="it is in the map, or on its way there: it does not change any more")

    class Meta(ChangesetOutput.Meta):
        fields = [
            *ChangesetOutput.Meta.fields,
            "items",
            "conflicts",
            "refused",
            "elements",
            "shared_nodes",
            "uploaded",
            "models",
        ]
        read_only_fields = fields


class ChangesetMade(ChangesetOutput):
    remaining = serializers.IntegerField(help_text="accepted changes that are still in no changeset")

    class Meta(ChangesetOutput.Meta):
        fields = [*ChangesetOutput.Meta.fields, "remaining"]
        read_only_fields = fields
