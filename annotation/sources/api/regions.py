"""Regions over HTTP."""

from __future__ import annotations

from typing import cast

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.accounts.models import User
from annotation.accounts.permissions import ReadOrAdmin
from annotation.sources import selectors
from annotation.sources.api.fields import AreaField, BoundsField
from annotation.sources.models import Region
from annotation.sources.services.pin_sources import PINS, pin_sources
from annotation.sources.services.regions import create_region, delete_region, update_region


class RegionRow(serializers.ModelSerializer[Region]):
    """A region in a list."""

    bounds = BoundsField(source="area")

    class Meta:
        model = Region
        fields = ["id", "name", "zoom", "bounds", "open_to_all", "created_at"]
        read_only_fields = fields


class RegionDetail(serializers.ModelSerializer[Region]):
    """A region with its area."""

    bounds = BoundsField(source="area")
    area = AreaField(read_only=True, allow_null=True)

    class Meta:
        model = Region
        fields = [
            "id", "name", "zoom", "area", "bounds", "open_to_all", "first_look", "confirm_standing",
            "second_person", "pinned_imagery", "pinned_snapshot", "created_at",
        ]  # fmt: skip
        read_only_fields = fields


class RegionInput(serializers.Serializer):
    """What an admin may say of a region; zoom and area left out come from its first imagery."""

    name = serializers.CharField(max_length=120)
    zoom = serializers.IntegerField(min_value=14, max_value=22, required=False, allow_null=True)
    area = AreaField(required=False, allow_null=True)
    open_to_all = serializers.BooleanField(required=False, default=False)
    first_look = serializers.BooleanField(
        required=False, default=True,
        help_text="the general model looks at what is imported by itself, until the region has a model of its own",
    )  # fmt: skip
    confirm_standing = serializers.BooleanField(
        required=False, default=False,
        help_text="people may say in the queue that a building still stands: its check_date then leaves as an edit",
    )  # fmt: skip


class RegionChange(RegionInput):
    """What an admin may change: the sources that the region works with as well; null: the newest."""

    pinned_imagery = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=2**63 - 1)
    pinned_snapshot = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=2**63 - 1)


class RegionListView(GenericAPIView):
    """Regions the person may see; admins make new ones."""

    permission_classes = [ReadOrAdmin]
    serializer_class = RegionRow
    queryset = Region.objects.none()

    @extend_schema(operation_id="regions_list", responses=RegionRow(many=True))
    def get(self, request: Request) -> Response:
        regions = selectors.visible_regions(cast(User, request.user))
        page = self.paginate_queryset(regions)
        return self.get_paginated_response(RegionRow(page, many=True).data)

    @extend_schema(request=RegionInput, responses={201: RegionDetail})
    def post(self, request: Request) -> Response:
        body = RegionInput(data=request.data)
        body.is_valid(raise_exception=True)
        region = create_region(user=cast(User, request.user), **body.validated_data)
        return Response(RegionDetail(region).data, status=status.HTTP_201_CREATED)


class RegionView(GenericAPIView):
    """One region."""

    permission_classes = [ReadOrAdmin]
    serializer_class = RegionDetail
    pagination_class = None

    def _region(self, request: Request, region_id: int) -> Region:
        return selectors.get_region(cast(User, request.user), region_id)

    @extend_schema(responses=RegionDetail)
    def get(self, request: Request, region_id: int) -> Response:
        return Response(RegionDetail(self._region(request, region_id)).data)

    @extend_schema(request=RegionChange, responses=RegionDetail)
    def patch(self, request: Request, region_id: int) -> Response:
        user, region = cast(User, request.user), self._region(request, region_id)
        body = RegionChange(data=request.data, partial=True)
        body.is_valid(raise_exception=True)
        changes = dict(body.validated_data)
        pins = {name: changes.pop(name) for name in PINS if name in changes}
        with transaction.atomic():
            if pins:
                region = pin_sources(user=user, region=region, pins=pins)
            if changes or not pins:
                region = update_region(user=user, region=region, changes=changes)
        return Response(RegionDetail(region).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, region_id: int) -> Response:
        delete_region(user=cast(User, request.user), region=self._region(request, region_id))
        return Response(status=status.HTTP_204_NO_CONTENT)
