"""HTTP door of the generators: what there is, what it has described, and the prompt a model is given."""

from __future__ import annotations

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.accounts.permissions import IsReviewer
from annotation.anchors import generators
from annotation.anchors.engine_generators import load_prompt
from annotation.review.api.http import person
from annotation.sources.api.jobs import JobDetail
from annotation.sources.selectors import get_region


class GeneratorOption(serializers.Serializer):
    """A model run here, or an endpoint with its prices per 1,000 tokens."""

    name = serializers.CharField()
    model = serializers.CharField()
    left = serializers.IntegerField(help_text="mapped tiles it has yet to describe")
    price_in = serializers.FloatField(required=False)
    price_out = serializers.FloatField(required=False)
    currency = serializers.CharField(required=False)


class GeneratorOutput(serializers.Serializer):
    """One generator in words; its options are told to admins alone."""

    name = serializers.CharField()
    title = serializers.CharField()
    words = serializers.CharField(help_text="what it does, in a sentence or two")
    options = GeneratorOption(many=True)
    left = serializers.IntegerField(allow_null=True, help_text="the same, of a generator that needs no model")
    usable = serializers.BooleanField()
    problem = serializers.CharField(help_text="why its settings can't be used; empty if they can")


class OriginOutput(serializers.Serializer):
    """What one generator, model and prompt described, and what people said of it."""

    generator = serializers.CharField()
    model = serializers.CharField()
    model_digest = serializers.CharField()
    prompt_version = serializers.CharField()
    tiles = serializers.IntegerField()
    newest = serializers.DateTimeField()
    proposed = serializers.IntegerField()
    accepted = serializers.IntegerField()
    corrected = serializers.IntegerField()
    rejected = serializers.IntegerField()
    read = serializers.IntegerField(allow_null=True, help_text="tokens the model was given")
    written = serializers.IntegerField(allow_null=True, help_text="tokens the model wrote")


class OverviewOutput(serializers.Serializer):
    """Everything the page of generators shows."""

    generators = GeneratorOutput(many=True)
    made = OriginOutput(many=True)
    mapped = serializers.IntegerField(help_text="mapped tiles of the newest imagery and map")
    jobs = JobDetail(many=True)


class PromptOutput(serializers.Serializer):
    """The prompt as a model gets it, beside the two pictures."""

    version = serializers.CharField()
    digest = serializers.CharField()
    system = serializers.CharField()
    user = serializers.CharField()


class GeneratorsView(APIView):
    """Generators of a region's anchors."""

    permission_classes = [IsReviewer]

    @extend_schema(responses=OverviewOutput)
    def get(self, request: Request, region_id: int) -> Response:
        """What there is to describe tiles with, and what it has described."""
        user = person(request)
        region = get_region(user, region_id)
        return Response(OverviewOutput(generators.overview(region, admin=user.is_admin)).data)


class PromptView(APIView):
    """The prompt."""

    permission_classes = [IsReviewer]

    @extend_schema(responses=PromptOutput)
    def get(self, request: Request) -> Response:
        """The newest prompt, filled in."""
        return Response(PromptOutput(load_prompt().to_dict()).data)


urlpatterns = [
    path("regions/<int:region_id>/anchor-generators/", GeneratorsView.as_view(), name="api-anchor-generators"),
    path("anchor-prompt/", PromptView.as_view(), name="api-anchor-prompt"),
]
