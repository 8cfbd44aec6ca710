"""Many changesets at once over HTTP, of one small area each: the plan, and what is made of it."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.accounts.permissions import IsEditor
from annotation.common.models import MAX_ID
from annotation.edits.api.serializers import ChangesetOutput, TagsInput
from annotation.edits.api.upload_serializers import UploadReason
from annotation.edits.osmchange.elements import MAX_CHANGES
from annotation.edits.services import areas
from annotation.edits.services.tags import Wished
from annotation.review.api.http import parse, person
from annotation.sources.selectors import get_region


class AreasInput(serializers.Serializer):
    change_ids = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=MAX_ID), required=False, allow_null=True, default=None,
        min_length=1, max_length=areas.MOST, help_text="accepted changes; left out: those that are in no changeset",
    )  # fmt: skip
    most_edits = serializers.IntegerField(min_value=1, max_value=MAX_CHANGES, required=False, help_text="of one area")
    most_km = serializers.FloatField(
        min_value=0.1, max_value=50, required=False, help_text="of the longer side of one area, kilometres"
    )
    demolish = serializers.BooleanField(required=False, default=False, help_text="as it would be made")


class AreaOutput(serializers.Serializer):
    """A changeset that would be made; buildings that share nodes or walls are never parted."""

    change_ids = serializers.ListField(child=serializers.IntegerField())
    bbox = serializers.ListField(
        source="box", child=serializers.FloatField(), min_length=4, max_length=4, help_text="west, south, east, north"
    )
    elements = serializers.IntegerField(help_text="that its osmChange touches at most; OSM takes 10,000")
    snapshot = serializers.IntegerField(help_text="the map that it is based on")
    why_not = UploadReason(many=True, help_text="what its export would be refused for")


class AreasOutput(serializers.Serializer):
    areas = AreaOutput(many=True)
    remaining = serializers.IntegerField(help_text="accepted changes that are not among them")


class ManyInput(TagsInput):
    groups = serializers.ListField(
        child=serializers.ListField(
            child=serializers.IntegerField(min_value=1, max_value=MAX_ID), min_length=1, max_length=areas.MOST
        ),
        min_length=1, max_length=areas.MOST_AREAS, help_text="of each changeset its changes, as planned",
    )  # fmt: skip
    demolish = serializers.BooleanField(
        required=False, default=False, help_text="retag removed buildings as demolished:building, don't delete them"
    )


class ManyOutput(serializers.Serializer):
    changesets = ChangesetOutput(many=True)


class AreasView(APIView):
    permission_classes = [IsEditor]

    @extend_schema(operation_id="plan_changesets", request=AreasInput, responses=AreasOutput)
    def post(self, request: Request, region_id: int) -> Response:
        """Plan changesets of one small area each, and tell what stands against them; nothing is written."""
        region = get_region(person(request), region_id)
        return Response(AreasOutput(areas.plan(region=region, **parse(AreasInput, request.data))).data)


class ManyView(APIView):
    permission_classes = [IsEditor]

    @extend_schema(operation_id="make_changesets", request=ManyInput, responses={201: ManyOutput})
    def post(self, request: Request, region_id: int) -> Response:
        """Make a changeset of each group of accepted changes, all of them or none."""
        region = get_region(person(request), region_id)
        given = parse(ManyInput, request.data)
        groups, demolish = given.pop("groups"), given.pop("demolish")
        made = areas.make_many(
            user=person(request), region=region, groups=groups, wished=Wished(**given), demolish=demolish
        )
        for changeset in made:
            changeset.edits = changeset.items.count()  # type: ignore[attr-defined]
        return Response(ManyOutput({"changesets": made}).data, status=status.HTTP_201_CREATED)
