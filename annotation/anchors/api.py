"""HTTP door of the anchors: list a region's, start their generation."""

from typing import Any

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.accounts.permissions import ReadOrAdmin
from annotation.anchors import engine, selectors
from annotation.anchors.generation_api import urlpatterns as generation_urls
from annotation.anchors.models import Anchor, AnchorState
from annotation.anchors.review_api.urls import urlpatterns as review_urls
from annotation.anchors.services import generate
from annotation.review.api.http import parse, person
from annotation.sources.api.jobs import JobOutput
from annotation.sources.selectors import get_region


class AnchorOutput(serializers.ModelSerializer):
    """One anchor with the address of its tile."""

    z = serializers.IntegerField(source="pair.tile.z", read_only=True)
    x = serializers.IntegerField(source="pair.tile.x", read_only=True)
    y = serializers.IntegerField(source="pair.tile.y", read_only=True)
    attributes = serializers.SerializerMethodField(help_text="in the order of the schema")

    class Meta:
        model = Anchor
        fields = [
            "id", "pair", "z", "x", "y", "generator", "model", "prompt_version", "schema_version", "attributes",
            "summary", "state", "created_at",
        ]  # fmt: skip
        read_only_fields = fields

    def get_attributes(self, anchor: Anchor) -> dict[str, str]:
        return engine.in_schema_order(anchor.attributes)


class AnchorQuery(serializers.Serializer):
    """What the list may be narrowed to."""

    state = serializers.ChoiceField(choices=AnchorState.choices, required=False)


class GenerateInput(serializers.Serializer):
    """Which generator describes the tiles, and the endpoint or model it uses."""

    generator = serializers.CharField(max_length=32, default="geometric")
    endpoint = serializers.CharField(max_length=40, default="", allow_blank=True, help_text="http: name of an endpoint")
    model = serializers.CharField(
        max_length=200, default="", allow_blank=True, help_text="transformers: a model's name"
    )


class GenerateOutput(serializers.Serializer):
    """The job that was started, or the one that runs already."""

    job = JobOutput()


class AnchorsView(GenericAPIView):
    """Anchors of a region."""

    permission_classes = [ReadOrAdmin]
    serializer_class = AnchorOutput
    queryset = Anchor.objects.none()
    filter_backends: list[Any] = []

    @extend_schema(operation_id="anchors_list", parameters=[AnchorQuery], responses=AnchorOutput(many=True))
    def get(self, request: Request, region_id: int) -> Response:
        """Anchors of the region, newest first."""
        region = get_region(person(request), region_id)
        anchors = selectors.anchors_of_region(region.pk)
        if state := parse(AnchorQuery, request.query_params).get("state"):
            anchors = anchors.filter(state=state)
        page = self.paginate_queryset(anchors)
        return self.get_paginated_response(AnchorOutput(page, many=True).data)

    @extend_schema(request=GenerateInput, responses={202: GenerateOutput})
    def post(self, request: Request, region_id: int) -> Response:
        """Describe every mapped tile that has no anchor yet; 202 with the job."""
        region = get_region(person(request), region_id)
        data = parse(GenerateInput, request.data)
        job = generate.start(region=region, user=person(request), **data)
        return Response(GenerateOutput({"job": job}).data, status=202)


urlpatterns = [
    path("regions/<int:region_id>/anchors/", AnchorsView.as_view(), name="api-anchors"),
    *generation_urls,
    *review_urls,
]
