"""Thin views of suspected changes: lists, a GeoJSON stream, one change."""

import json
from typing import Any

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

from annotation.accounts.permissions import IsAdmin, IsReviewer
from annotation.changes import selectors
from annotation.changes.api import serializers
from annotation.changes.api.filters import ChangeQuery
from annotation.changes.asked import StatedQuery, wanted_of
from annotation.changes.nearby import neighbours
from annotation.changes.services import exports
from annotation.changes.services.start import start_find
from annotation.common.keyset import Cursor
from annotation.review.api.http import parse, person
from annotation.review.lists import ORDERS
from annotation.sources.selectors import get_region


class ChangesView(APIView):
    permission_classes = [IsReviewer]

    @extend_schema(parameters=[ChangeQuery], responses=serializers.ChangePage)
    def get(self, request: Request, region_id: int) -> Response:
        """A region's suspected changes, a page at a time; `next` and `previous` are the pages beside it."""
        region = get_region(person(request), region_id)
        asked = parse(ChangeQuery, request.query_params)
        order = ORDERS[asked["ordering"]]
        cursor = Cursor.read(asked["cursor"], order) if asked["cursor"] else None
        page = selectors.page_of_changes(region, wanted_of(asked, person(request).pk), cursor, asked["page_size"])
        return Response(
            {"next": _address(request, page.next), "previous": _address(request, page.previous), "results": page.rows}
        )


def _address(request: Request, cursor: Cursor | None) -> str | None:
    """This list, begun at the cursor."""
    return replace_query_param(request.build_absolute_uri(), "cursor", cursor.text()) if cursor else None


class GeoJsonRenderer(BaseRenderer):
    """Lets content negotiation accept the stream's type; errors are JSON."""

    media_type, format, charset = "application/geo+json", "geojson", "utf-8"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        return json.dumps(data, cls=JSONEncoder).encode()


class ChangesGeoJsonView(APIView):
    permission_classes = [IsReviewer]
    renderer_classes = [JSONRenderer, GeoJsonRenderer]

    @extend_schema(
        operation_id="regions_changes_geojson",
        parameters=[StatedQuery],
        responses={(200, GeoJsonRenderer.media_type): OpenApiResponse(OpenApiTypes.OBJECT, "FeatureCollection")},
    )
    def get(self, request: Request, region_id: int) -> StreamingHttpResponse:
        """The list as a GeoJSON stream, one feature per line, with the same filters."""
        user = person(request)
        region = get_region(user, region_id)
        wanted = wanted_of(parse(StatedQuery, request.query_params), user.pk)
        lines = exports.as_geojson(selectors.plain_changes(region, wanted))
        return StreamingHttpResponse((part.encode() for part in lines), content_type=GeoJsonRenderer.media_type)


class ChangeView(APIView):
    permission_classes = [IsReviewer]

    @extend_schema(responses=serializers.ChangeDetail)
    def get(self, request: Request, change_id: int) -> Response:
        """One change, with its evidence and where it stands."""
        change = selectors.get_change(person(request), change_id)
        item = change.item
        detail = {
            **selectors.subject(change),
            "item": item.pk,
            "state": item.state,
            "decision": item.decision,
            "version": item.version,
            "decided_by": item.decided_by.username if item.decided_by else None,
            "decided_at": item.decided_at,
            "tags_set": change.tags_set,
            "confirmed_on": change.confirmed_on,
            "in_map_at": change.in_map_at,
        }
        return Response(serializers.ChangeDetail(detail).data)


class NeighboursView(APIView):
    permission_classes = [IsReviewer]

    @extend_schema(operation_id="changes_neighbours", responses=serializers.Neighbour(many=True))
    def get(self, request: Request, change_id: int) -> Response:
        """Outlines of the other buildings of the scanned map beside a change, to draw by and to snap to."""
        change = selectors.get_change(person(request), change_id)
        return Response(serializers.Neighbour(neighbours(change), many=True).data)


class FindView(APIView):
    permission_classes = [IsAdmin]

    @extend_schema(request=None, responses={202: serializers.JobStarted})
    def post(self, request: Request, region_id: int) -> Response:
        """Look for changes in the newest finished scan."""
        region = get_region(person(request), region_id)
        job = start_find(region=region, user=person(request))
        return Response(serializers.JobStarted({"job": job}).data, status=status.HTTP_202_ACCEPTED)
