"""Exits of a changeset over HTTP: the JOSM file, the MapRoulette challenge, and links for tools without a session."""

from functools import partial
from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from annotation.accounts.permissions import IsEditor
from annotation.changes.api.files import OneFormat
from annotation.common.streams import download
from annotation.edits import selectors
from annotation.edits.api.serializers import ExportQuery
from annotation.edits.services import editors, exits, links
from annotation.review.api.http import parse, person

JOSM_FILE = "application/vnd.openstreetmap.data+xml"
LINES = "application/geo+json-seq"
ORIGIN = {"z": 0, "x": 0, "y": 0}


class LinksOutput(serializers.Serializer):
    """Where other editors open the changeset; each address says whose it is and what it opens, and expires."""

    josm_import = serializers.URLField(help_text="JOSM's remote control loads the file of this changeset")
    josm_imagery = serializers.URLField(help_text="JOSM's remote control adds the imagery")
    id = serializers.URLField(help_text="the place in iD, with comment, source and, if open to all, the imagery")
    rapid = serializers.URLField(help_text="the same in Rapid")
    offset_m = serializers.ListField(
        child=serializers.FloatField(), allow_null=True, min_length=2, max_length=2,
        help_text="by what to shift the imagery so that it fits the map: east, north; null where nothing is known",
    )  # fmt: skip
    file_seconds = serializers.IntegerField(help_text="how long the file's address opens")
    tiles_seconds = serializers.IntegerField(help_text="how long the imagery's address opens")


class JosmView(APIView):
    permission_classes = [IsEditor]
    content_negotiation_class = OneFormat

    @extend_schema(
        operation_id="changeset_josm",
        parameters=[ExportQuery],
        responses={
            (200, JOSM_FILE): OpenApiResponse(OpenApiTypes.STR, "JOSM's .osm with what is done to each element")
        },
    )
    def get(self, request: Request, changeset_id: int) -> StreamingHttpResponse:
        """The changeset as a JOSM file: edited elements, the nodes they lie on, the tags of the OSM changeset."""
        changeset = selectors.get_changeset(person(request), changeset_id)
        pieces = exits.josm(changeset, **parse(ExportQuery, request.query_params))
        return download(pieces, name=f"changeset-{changeset.pk}.osm", content_type=JOSM_FILE)


class MapRouletteView(APIView):
    permission_classes = [IsEditor]
    content_negotiation_class = OneFormat

    @extend_schema(
        operation_id="changeset_maproulette",
        parameters=[ExportQuery],
        responses={(200, LINES): OpenApiResponse(OpenApiTypes.STR, "line-by-line GeoJSON with cooperative work")},
    )
    def get(self, request: Request, changeset_id: int) -> StreamingHttpResponse:
        """The changeset as a MapRoulette cooperative challenge, a task for each edit."""
        changeset = selectors.get_changeset(person(request), changeset_id)
        pieces = exits.maproulette(changeset, **parse(ExportQuery, request.query_params))
        name = f"changeset-{changeset.pk}.maproulette.geojson"
        return download(pieces, name=name, content_type=LINES)


class LinksView(APIView):
    permission_classes = [IsEditor]

    @extend_schema(operation_id="changeset_links", request=ExportQuery, responses=LinksOutput)
    def post(self, request: Request, changeset_id: int) -> Response:
        """Export the changeset, and make the links that open it elsewhere; errors as for osmChange."""
        user = person(request)
        changeset = selectors.get_changeset(user, changeset_id)
        exits.josm(changeset, **parse(ExportQuery, request.data))
        imagery = selectors.imagery_of(changeset)
        address = partial(reverse, request=request)
        file = address("api-linked-josm", kwargs={"token": links.file_token(user, changeset)})
        tiles = address("api-linked-tile", kwargs={"tiles_token": links.tiles_token(user, imagery), **ORIGIN})
        told: dict[str, Any] = editors.addresses(changeset, imagery, file, tiles.removesuffix("0/0/0.png"))
        told |= {"file_seconds": links.FILE_SECONDS, "tiles_seconds": links.TILES_SECONDS}
        return Response(LinksOutput(told).data)


class LinkedView(APIView):
    """What a signed link opens: read-only, without a session; a link that is not valid finds nothing."""

    authentication_classes = []
    permission_classes = [AllowAny]
    content_negotiation_class = OneFormat


class LinkedJosmView(LinkedView):
    @extend_schema(operation_id="linked_josm", auth=[], responses={(200, JOSM_FILE): OpenApiTypes.STR})
    def get(self, request: Request, token: str) -> StreamingHttpResponse:
        """The JOSM file of a changeset as it was exported, without what the newest map contradicts by now."""
        changeset = links.changeset_of(token)
        pieces = exits.josm_as_exported(changeset)
        response = download(pieces, name=f"changeset-{changeset.pk}.osm", content_type=JOSM_FILE)
        response["Cache-Control"] = "no-store"
        return response


class LinkedTileView(LinkedView):
    @extend_schema(operation_id="linked_tile", auth=[], responses={(200, "image/png"): OpenApiTypes.BINARY})
    def get(self, request: Request, tiles_token: str, z: int, x: int, y: int) -> HttpResponse:
        """A tile of imagery as PNG, which JOSM reads and WebP it does not."""
        response = HttpResponse(exits.png_tile(links.imagery_of(tiles_token), z, x, y), content_type="image/png")
        response["Cache-Control"] = f"private, max-age={links.TILES_SECONDS}"
        return response
