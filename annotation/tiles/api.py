"""Pairs over HTTP: the list of a region's tiles, and the start of their making."""

from __future__ import annotations

from typing import cast

from django.urls import path
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers, status
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.accounts.models import User
from annotation.accounts.permissions import ReadOrEditor
from annotation.common.models import MAX_ID
from annotation.sources.api.jobs import JobOutput
from annotation.sources.selectors import get_region
from annotation.tiles.models import TilePair
from annotation.tiles.services.build_pairs import start


class PairOutput(serializers.ModelSerializer[TilePair]):
    """One tile with its imagery and snapshot."""

    z = serializers.IntegerField(source="tile.z")
    x = serializers.IntegerField(source="tile.x")
    y = serializers.IntegerField(source="tile.y")

    class Meta:
        model = TilePair
        fields = ["id", "z", "x", "y", "imagery", "snapshot", "valid_share", "mapped", "buildings"]
        read_only_fields = fields


class PairFilter(serializers.Serializer):
    """How the list may be narrowed."""

    imagery = serializers.IntegerField(required=False, min_value=1, max_value=MAX_ID)
    snapshot = serializers.IntegerField(required=False, min_value=1, max_value=MAX_ID)
    mapped = serializers.BooleanField(required=False, allow_null=True, default=None)


class PairListView(GenericAPIView):
    """Pairs of a region; editors have the missing ones made from its newest imagery and map."""

    permission_classes = [ReadOrEditor]
    serializer_class = PairOutput
    queryset = TilePair.objects.none()

    @extend_schema(operation_id="pairs_list", parameters=[PairFilter], responses=PairOutput(many=True))
    def get(self, request: Request, region_id: int) -> Response:
        region = get_region(cast(User, request.user), region_id)
        query = PairFilter(data=request.query_params)
        query.is_valid(raise_exception=True)
        wanted = {name: value for name, value in query.validated_data.items() if value is not None}
        pairs = TilePair.objects.filter(tile__region=region, **wanted).select_related("tile")
        return self.get_paginated_response(PairOutput(self.paginate_queryset(pairs), many=True).data)

    @extend_schema(request=None, responses={202: inline_serializer("PairsStarted", {"job": JobOutput()})})
    def post(self, request: Request, region_id: int) -> Response:
        user = cast(User, request.user)
        job = start(user=user, region=get_region(user, region_id))
        return Response({"job": JobOutput(job).data}, status=status.HTTP_202_ACCEPTED)


urlpatterns = [path("regions/<int:region_id>/pairs/", PairListView.as_view(), name="api-pairs")]
