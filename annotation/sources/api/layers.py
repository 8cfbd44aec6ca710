"""Imagery of other servers over HTTP: what a region offers, and, for admins, what it could."""

from __future__ import annotations

from typing import Any, cast

from django.conf import settings
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.accounts.models import User
from annotation.accounts.permissions import IsAdmin, ReadOrAdmin
from annotation.sources import selectors
from annotation.sources.base_layers import CAPTURED, BaseLayer, LayerKind, OsmUse
from annotation.sources.layer_index import offered
from annotation.sources.services.base_layers import add_layer, change_layer, remove_layer


class LayerOutput(serializers.ModelSerializer[BaseLayer]):
    """A layer as pages show it."""

    everywhere = serializers.SerializerMethodField(help_text="offered in every region")

    class Meta:
        model = BaseLayer
        fields = [
            "id", "title", "kind", "template", "attribution", "attribution_url", "licence", "osm_use", "min_zoom",
            "max_zoom", "captured", "east_m", "north_m", "index_id", "everywhere",
        ]  # fmt: skip
        read_only_fields = fields

    def get_everywhere(self, layer: BaseLayer) -> bool:
        return layer.region_id is None


class LayerInput(serializers.Serializer):
    """What an admin says of a layer; what its tiles may be used for has to be said."""

    title = serializers.CharField(max_length=120)
    kind = serializers.ChoiceField(choices=LayerKind.choices, required=False, default=LayerKind.XYZ)
    template = serializers.CharField(
        max_length=1000, help_text="https, with {z}, {x} and {y} or {-y}; of a WMS with {bbox}; {switch:a,b} for hosts"
    )
    attribution = serializers.CharField(max_length=300)
    attribution_url = serializers.URLField(max_length=500, required=False, default="", allow_blank=True)
    licence = serializers.CharField(max_length=120)
    osm_use = serializers.ChoiceField(choices=OsmUse.choices, help_text="whether OSM may be edited by looking at it")
    min_zoom = serializers.IntegerField(min_value=0, max_value=24, required=False, default=0)
    max_zoom = serializers.IntegerField(min_value=0, max_value=24, required=False, default=22)
    captured = serializers.RegexField(rf"\A(?:{CAPTURED.pattern})?\Z", required=False, default="", allow_blank=True)
    east_m = serializers.FloatField(min_value=-100, max_value=100, required=False, default=0.0)
    north_m = serializers.FloatField(min_value=-100, max_value=100, required=False, default=0.0)
    index_id = serializers.CharField(max_length=120, required=False, default="", allow_blank=True)

    def validate_attribution_url(self, value: str) -> str:
        if value and not value.lower().startswith(("https://", "http://")):
            raise serializers.ValidationError("Give an address that begins with https://.")
        return value


class NewLayer(LayerInput):
    """A layer that is not offered yet."""

    everywhere = serializers.BooleanField(required=False, default=False, help_text="offered in every region")


class OfferedLayer(serializers.Serializer):
    """A layer of the editor-layer-index, as it would be added."""

    index_id = serializers.CharField()
    title = serializers.CharField()
    kind = serializers.ChoiceField(choices=LayerKind.choices)
    template = serializers.CharField()
    attribution = serializers.CharField()
    attribution_url = serializers.CharField()
    licence = serializers.CharField()
    osm_use = serializers.ChoiceField(choices=OsmUse.choices)
    min_zoom = serializers.IntegerField()
    max_zoom = serializers.IntegerField()
    captured = serializers.CharField()


class LayersView(GenericAPIView):
    """Layers of other servers that a region offers; admins add some."""

    permission_classes = [ReadOrAdmin]
    serializer_class = LayerOutput
    queryset = BaseLayer.objects.none()

    @extend_schema(operation_id="regions_layers_list", responses=LayerOutput(many=True))
    def get(self, request: Request, region_id: int) -> Response:
        region = selectors.get_region(cast(User, request.user), region_id)
        rows = BaseLayer.objects.for_region(region.pk)
        return self.get_paginated_response(LayerOutput(self.paginate_queryset(rows), many=True).data)

    @extend_schema(request=NewLayer, responses={201: LayerOutput})
    def post(self, request: Request, region_id: int) -> Response:
        user = cast(User, request.user)
        region = selectors.get_region(user, region_id)
        fields = _valid(NewLayer(data=request.data))
        layer = add_layer(user=user, region=None if fields.pop("everywhere") else region, **fields)
        return Response(LayerOutput(layer).data, status=status.HTTP_201_CREATED)


class LayerView(GenericAPIView):
    """One layer that the region offers; one of every region changes everywhere."""

    permission_classes = [ReadOrAdmin]
    serializer_class = LayerOutput
    pagination_class = None

    @extend_schema(responses=LayerOutput)
    def get(self, request: Request, region_id: int, layer_id: int) -> Response:
        return Response(LayerOutput(selectors.get_layer(cast(User, request.user), region_id, layer_id)).data)

    @extend_schema(request=LayerInput(partial=True), responses=LayerOutput)
    def patch(self, request: Request, region_id: int, layer_id: int) -> Response:
        user = cast(User, request.user)
        layer = selectors.get_layer(user, region_id, layer_id)
        changes = _valid(LayerInput(data=request.data, partial=True))
        return Response(LayerOutput(change_layer(user=user, layer=layer, changes=changes)).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, region_id: int, layer_id: int) -> Response:
        user = cast(User, request.user)
        remove_layer(user=user, layer=selectors.get_layer(user, region_id, layer_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


class LayerIndexView(APIView):
    """What the editor-layer-index has for a region, where the installation has its file; nothing elsewhere."""

    permission_classes = [IsAdmin]

    @extend_schema(
        operation_id="regions_layer_index",
        parameters=[OpenApiParameter("q", str, description="only titles with this in them")],
        responses=OfferedLayer(many=True),
    )
    def get(self, request: Request, region_id: int) -> Response:
        region = selectors.get_region(cast(User, request.user), region_id)
        wanted = request.query_params.get("q", "")[:120]
        return Response(OfferedLayer(offered(settings.LAYER_INDEX, region.area, wanted), many=True).data)


def _valid(body: serializers.Serializer) -> dict[str, Any]:
    body.is_valid(raise_exception=True)
    return dict(body.validated_data)
