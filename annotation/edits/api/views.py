"""Thin views of map edits: parse, call a service, serialise or stream."""

import json
from collections.abc import Iterator
from typing import Any

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.accounts.permissions import IsEditor, ReadOrEditor
from annotation.changes.api.serializers import ModelBehind
from annotation.edits import selectors
from annotation.edits.api import serializers
from annotation.edits.models import Changeset
from annotation.edits.services import changesets, export, tags
from annotation.edits.services.compiling import compile_changeset
from annotation.review.api.http import parse, person
from annotation.sources.selectors import get_region


class ChangesetsView(ListAPIView):
    """A region's changesets."""

    permission_classes = [ReadOrEditor]
    serializer_class = serializers.ChangesetOutput
    queryset = Changeset.objects.none()

    def get_queryset(self):
        if getattr(self, "swagger_fake_view", False):
            return self.queryset
        return selectors.changesets_of(get_region(person(self.request), self.kwargs["region_id"]))

    @extend_schema(request=serializers.ChangesetInput, responses={201: serializers.ChangesetMade})
    def post(self, request: Request, region_id: int) -> Response:
        """Put accepted changes into a changeset."""
        region = get_region(person(request), region_id)
        made = changesets.create(user=person(request), region=region, **parse(serializers.ChangesetInput, request.data))
        changeset = _counted(made.changeset, made.changeset.items.count())
        changeset.remaining = made.remaining
        return Response(serializers.ChangesetMade(changeset).data, status=status.HTTP_201_CREATED)


class ChangesetView(APIView):
    permission_classes = [ReadOrEditor]

    @extend_schema(responses=serializers.ChangesetDetail)
    def get(self, request: Request, changeset_id: int) -> Response:
        """A changeset with its edits, what the newest map says against them, and what can't be exported."""
        changeset: Any = selectors.get_changeset(person(request), changeset_id)
        compiled = compile_changeset(changeset)
        items = list(selectors.items_of(changeset))
        detail = {
            **serializers.ChangesetOutput(_counted(changeset, len(items))).data,
            "items": serializers.EditOutput(items, many=True).data,
            "conflicts": serializers.ConflictOutput(selectors.conflicts(changeset), many=True).data,
            "refused": serializers.RefusalOutput(compiled.refusals, many=True).data,
            "elements": len(compiled.operations),
            "shared_nodes": len(compiled.shared),
            "uploaded": changeset.uploads.in_force().exists(),
            "models": ModelBehind(selectors.models_behind(changeset), many=True).data,
        }
        return Response(detail)

    @extend_schema(request=serializers.TagsChange, responses=serializers.ChangesetOutput)
    def patch(self, request: Request, changeset_id: int) -> Response:
        """Change tags of a changeset that did not leave for the map."""
        changeset = selectors.get_changeset(person(request), changeset_id)
        wished = parse(serializers.TagsChange, request.data)
        changed = tags.change(user=person(request), changeset=changeset, **wished)
        return Response(serializers.ChangesetOutput(_counted(changed, changed.items.count())).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, changeset_id: int) -> Response:
        """Take the changeset apart; its changes are accepted and unexported again."""
        changeset = selectors.get_changeset(person(request), changeset_id)
        changesets.delete(user=person(request), changeset=changeset)
        return Response(status=status.HTTP_204_NO_CONTENT)


class EditView(APIView):
    permission_classes = [IsEditor]

    @extend_schema(responses={204: None})
    def delete(self, request: Request, changeset_id: int, change_id: int) -> Response:
        """Drop one edit from the changeset; its change stays accepted and may go into another one."""
        changeset = selectors.get_changeset(person(request), changeset_id)
        changesets.drop(user=person(request), changeset=changeset, change_id=change_id)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=serializers.EditChange, responses=serializers.EditOutput)
    def patch(self, request: Request, changeset_id: int, change_id: int) -> Response:
        """Keep a removed building as demolished:building, or delete it."""
        changeset = selectors.get_changeset(person(request), changeset_id)
        wished = parse(serializers.EditChange, request.data)
        item = changesets.keep_demolished(user=person(request), changeset=changeset, change_id=change_id, **wished)
        return Response(serializers.EditOutput(item).data)


class VersionsView(APIView):
    permission_classes = [IsEditor]

    @extend_schema(
        request={"application/json": {"type": "object", "additionalProperties": {"type": "integer", "minimum": 1}}},
        responses=serializers.VersionsOutput,
    )
    def post(self, request: Request, changeset_id: int) -> Response:
        """Fill in versions that the map did not give, such as {"way/123": 4}."""
        changeset = selectors.get_changeset(person(request), changeset_id)
        versions = parse(serializers.VersionsInput, request.data)["versions"]
        used = changesets.give_versions(user=person(request), changeset=changeset, versions=versions)
        return Response({"used": used})


class _FileRenderer(BaseRenderer):
    """Lets content negotiation accept a file's type; errors are still JSON."""

    charset = "utf-8"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        return json.dumps(data, default=str).encode()


class OscRenderer(_FileRenderer):
    media_type, format = "application/vnd.openstreetmap.osmchange+xml", "osc"


class GeoJsonRenderer(_FileRenderer):
    media_type, format = "application/geo+json", "geojson"


class OscView(APIView):
    permission_classes = [IsEditor]
    renderer_classes = [JSONRenderer, OscRenderer]

    @extend_schema(
        parameters=[serializers.OscQuery],
        responses={(200, OscRenderer.media_type): OpenApiResponse(OpenApiTypes.STR, "osmChange 0.6")},
    )
    def get(self, request: Request, changeset_id: int) -> StreamingHttpResponse:
        """The changeset as osmChange 0.6 for one kind of tool; its tags are in the header Mapwright-Changeset-Tags."""
        changeset = selectors.get_changeset(person(request), changeset_id)
        wished = parse(serializers.OscQuery, request.query_params)
        suffix = f"{wished['tool']}.osc"
        return _file(export.osc(changeset, **wished), changeset, OscRenderer.media_type, suffix)


class GeoJsonView(APIView):
    permission_classes = [IsEditor]
    renderer_classes = [JSONRenderer, GeoJsonRenderer]

    @extend_schema(responses={(200, GeoJsonRenderer.media_type): OpenApiResponse(OpenApiTypes.OBJECT, "RFC 7946")})
    def get(self, request: Request, changeset_id: int) -> StreamingHttpResponse:
        """The changeset as GeoJSON, with or without known versions."""
        changeset = selectors.get_changeset(person(request), changeset_id)
        return _file(export.geojson(changeset), changeset, GeoJsonRenderer.media_type, "geojson")


def _counted(changeset: Any, edits: int) -> Any:
    changeset.edits = edits
    return changeset


def _file(pieces: Iterator[str], changeset: Changeset, media_type: str, suffix: str) -> StreamingHttpResponse:
    response = StreamingHttpResponse((piece.encode() for piece in pieces), content_type=media_type)
    response["Content-Disposition"] = f'attachment; filename="changeset-{changeset.pk}.{suffix}"'
    response["Mapwright-Changeset-Tags"] = json.dumps(changeset.tags)
    return response
