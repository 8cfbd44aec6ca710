"""How an image and a map fit, over HTTP."""

from __future__ import annotations

from typing import cast

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.accounts.models import User
from annotation.accounts.permissions import IsReviewer
from annotation.common.models import MAX_ID
from annotation.sources import selectors
from annotation.sources.api.fields import BOUNDS, GEOJSON
from annotation.sources.overview import fit_of


class SourcesFitQuery(serializers.Serializer):
    """Which image and map; those in use where they are left out."""

    imagery = serializers.IntegerField(required=False, min_value=1, max_value=MAX_ID)
    snapshot = serializers.IntegerField(required=False, min_value=1, max_value=MAX_ID)


@extend_schema_field(GEOJSON)
class Drawn(serializers.JSONField):
    """A GeoJSON geometry."""


@extend_schema_field(BOUNDS)
class Bounds(serializers.JSONField):
    """West, south, east and north in degrees."""


class SourcesFitOutput(serializers.Serializer):
    """Where image and map lie, and what should be settled before anything is made of them."""

    imagery = serializers.IntegerField()
    snapshot = serializers.IntegerField()
    image = Drawn(help_text="where the image has data")
    map_bounds = Bounds(allow_null=True, help_text="of all buildings of the map")
    ground = Drawn(allow_null=True, help_text="the part of the image where the map has buildings, or is complete")
    mapped_share = serializers.FloatField(help_text="that part, 0..1")
    buildings = serializers.IntegerField()
    on_image = serializers.IntegerField(help_text="buildings within the image's bounds")
    stuck = serializers.IntegerField(help_text="buildings whose edits can't leave as osmChange")
    notes = serializers.ListField(child=serializers.CharField())


class FitView(APIView):
    """How an image and a map of a region fit."""

    permission_classes = [IsReviewer]

    @extend_schema(parameters=[SourcesFitQuery], responses=SourcesFitOutput)
    def get(self, request: Request, region_id: int) -> Response:
        region = selectors.get_region(cast(User, request.user), region_id)
        query = SourcesFitQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        imagery, snapshot = selectors.sources_of(region, **query.validated_data)
        return Response(SourcesFitOutput(fit_of(imagery, snapshot)).data)
