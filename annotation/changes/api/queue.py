"""What the pages of the queue and the list show beside single changes: how much is left of each lot, and the map."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.accounts.permissions import IsReviewer
from annotation.changes import selectors
from annotation.changes.asked import AreaField, FilterQuery, StatedQuery, wanted_of
from annotation.changes.cells import Shown, shown_on_map
from annotation.changes.facets import NEAR_CERTAIN, Lot
from annotation.changes.lots import left
from annotation.changes.models import ChangeKind
from annotation.review.api.http import parse, person
from annotation.review.lists import ORDERS
from annotation.sources.selectors import get_region

MOST_ON_MAP = 1500


class LotOutput(serializers.Serializer):
    lot = serializers.ChoiceField(choices=Lot.choices)
    open = serializers.IntegerField(help_text="open changes that fit and that this person gets")
    more = serializers.BooleanField(help_text="there are more than could be counted at once")


class LotsOutput(serializers.Serializer):
    near_certain = serializers.FloatField(help_text="the confidence from which a change is of that lot")
    lots = LotOutput(many=True)


class LotsView(APIView):
    permission_classes = [IsReviewer]

    @extend_schema(operation_id="regions_changes_lots", parameters=[FilterQuery], responses=LotsOutput)
    def get(self, request: Request, region_id: int) -> Response:
        """How much is left of each lot, of what fits the other filters."""
        user = person(request)
        region = get_region(user, region_id)
        found = left(user, region.pk, wanted_of(parse(FilterQuery, request.query_params)))
        lots = [{"lot": lot, "open": one.open, "more": one.more} for lot, one in found.items()]
        return Response(LotsOutput({"near_certain": NEAR_CERTAIN, "lots": lots}).data)


class MapQuery(StatedQuery):
    """The list's filters, and the part of the ground that the map shows."""

    ordering = serializers.ChoiceField(choices=[(name, name) for name in ORDERS], required=False, default="confidence")
    zoom = serializers.IntegerField(
        min_value=0, max_value=24, required=False, allow_null=True, default=None,
        help_text="of the map: with it, what is too much for marks is counted in cells of 64 pixels",
    )  # fmt: skip
    view = AreaField(required=False, allow_blank=True, default=None, max_length=200, help_text="west,south,east,north")


class PlaceOfMark(serializers.Serializer):
    type = serializers.CharField()
    coordinates = serializers.ListField(child=serializers.FloatField(), min_length=2, max_length=2)


class MarkProperties(serializers.Serializer):
    kind = serializers.ChoiceField(choices=ChangeKind.choices)
    confidence = serializers.FloatField()
    state = serializers.CharField()
    decision = serializers.CharField(allow_blank=True)


class MarkOutput(serializers.Serializer):
    type = serializers.CharField()
    id = serializers.IntegerField()
    geometry = PlaceOfMark()
    properties = MarkProperties()


class CellOutput(serializers.Serializer):
    lon = serializers.FloatField(help_text="the middle of what the cell holds")
    lat = serializers.FloatField()
    bbox = serializers.ListField(child=serializers.FloatField(), min_length=4, max_length=4)
    number = serializers.IntegerField(help_text="changes on the tiles of the cell")


class MapOutput(serializers.Serializer):
    type = serializers.CharField()
    features = MarkOutput(many=True)
    cells = CellOutput(many=True, help_text="instead of features where they would be more than `most`")
    total = serializers.IntegerField(help_text="all that lie here, features or cells")
    cut = serializers.BooleanField(help_text="more lie here than are given: ask with the map's zoom to see all")
    most = serializers.IntegerField()


class MapView(APIView):
    permission_classes = [IsReviewer]

    @extend_schema(operation_id="regions_changes_map", parameters=[MapQuery], responses=MapOutput)
    def get(self, request: Request, region_id: int) -> Response:
        """Where the changes of a list lie, as GeoJSON points: the first ones of its order, or, by zoom, all of them."""
        user = person(request)
        region = get_region(user, region_id)
        asked = parse(MapQuery, request.query_params)
        wanted = replace(wanted_of(asked, user.pk), view=asked["view"])
        cut = False
        if asked["zoom"] is None:
            marks, cut = selectors.marks_on_map(region, wanted, MOST_ON_MAP)
            shown = Shown(marks, [], len(marks))
        else:
            shown = shown_on_map(region, wanted, asked["zoom"], MOST_ON_MAP)
        told = {
            "type": "FeatureCollection", "features": [_feature(one) for one in shown.marks], "cells": shown.cells,
            "total": shown.total, "cut": cut, "most": MOST_ON_MAP,
        }  # fmt: skip
        return Response(MapOutput(told).data)


def _feature(mark: dict[str, Any]) -> dict[str, Any]:
    place = {"type": "Point", "coordinates": [mark["lon"], mark["lat"]]}
    about = {name: mark[name] for name in ("kind", "confidence", "state", "decision")}
    return {"type": "Feature", "id": mark["id"], "geometry": place, "properties": about}
