"""HTTP door of training: runs with their curves, the registry of models, promotion and the way back."""

from typing import Any

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.accounts.permissions import IsAdmin, IsReviewer, ReadOrAdmin
from annotation.review.api.http import parse, person
from annotation.sources.api.jobs import JobOutput
from annotation.sources.selectors import get_region
from annotation.training import selectors
from annotation.training.models import ModelVersion, TrainingRun
from annotation.training.services import registry, start


class ModelOutput(serializers.ModelSerializer):
    """A model of the registry."""

    metrics = serializers.DictField(child=serializers.FloatField(), read_only=True)

    class Meta:
        model = ModelVersion
        fields = ["id", "region", "run", "state", "sha256", "metrics", "before", "created_at"]
        read_only_fields = fields


class RunOutput(serializers.ModelSerializer):
    """A training run; its state is that of its job."""

    job = JobOutput(allow_null=True)
    data_set = serializers.SerializerMethodField()
    model = serializers.SerializerMethodField()
    metrics = serializers.DictField(child=serializers.FloatField(), read_only=True)

    class Meta:
        model = TrainingRun
        fields = ["id", "region", "preset", "seed", "data_set", "job", "model", "metrics", "created_at"]
        read_only_fields = fields

    def get_data_set(self, run: TrainingRun) -> dict[str, Any]:
        return {"digest": run.data_set.digest, "pairs": len(run.data_set.pairs)}

    def get_model(self, run: TrainingRun) -> int | None:
        version = getattr(run, "model_version", None)
        return version.pk if version else None


class RunDetailOutput(RunOutput):
    """A run with its settings and its live curves."""

    figures = serializers.SerializerMethodField(help_text="by name: [[step, value], ...], at most 500 points each")

    class Meta(RunOutput.Meta):
        fields = [*RunOutput.Meta.fields, "config", "figures"]
        read_only_fields = fields

    def get_figures(self, run: TrainingRun) -> dict[str, list[tuple[int, float]]]:
        return selectors.curves(run)


class TrainingStart(serializers.Serializer):
    """Size of the models, and the seed that makes a training repeatable."""

    preset = serializers.CharField(max_length=32, default="compact")
    seed = serializers.IntegerField(min_value=0, max_value=2**31 - 1, default=0)


class RunsView(GenericAPIView):
    """Training runs of a region."""

    permission_classes = [ReadOrAdmin]
    serializer_class = RunOutput
    queryset = TrainingRun.objects.none()
    filter_backends: list[Any] = []

    @extend_schema(operation_id="training_runs_list", responses=RunOutput(many=True))
    def get(self, request: Request, region_id: int) -> Response:
        """Runs, newest first."""
        region = get_region(person(request), region_id)
        page = self.paginate_queryset(selectors.runs_of_region(region.pk))
        return self.get_paginated_response(RunOutput(page, many=True).data)

    @extend_schema(request=TrainingStart, responses={202: RunOutput})
    def post(self, request: Request, region_id: int) -> Response:
        """Train the region's models on everything that is mapped; 202 with the run and its job."""
        region = get_region(person(request), region_id)
        run = start.start(region=region, user=person(request), **parse(TrainingStart, request.data))
        return Response(RunOutput(run).data, status=202)


class RunView(APIView):
    """One training run."""

    permission_classes = [IsReviewer]

    @extend_schema(responses=RunDetailOutput)
    def get(self, request: Request, run_id: int) -> Response:
        """The run with its metrics and live curves."""
        return Response(RunDetailOutput(selectors.get_run(person(request), run_id)).data)


class ModelsView(GenericAPIView):
    """Models of a region."""

    permission_classes = [IsReviewer]
    serializer_class = ModelOutput
    queryset = ModelVersion.objects.none()
    filter_backends: list[Any] = []

    @extend_schema(operation_id="models_list", responses=ModelOutput(many=True))
    def get(self, request: Request, region_id: int) -> Response:
        """Models, newest first."""
        region = get_region(person(request), region_id)
        page = self.paginate_queryset(selectors.models_of_region(region.pk))
        return self.get_paginated_response(ModelOutput(page, many=True).data)


class PromoteView(APIView):
    """Puts a model in use."""

    permission_classes = [IsAdmin]

    @extend_schema(request=None, responses=ModelOutput)
    def post(self, request: Request, model_id: int) -> Response:
        """Make it the model in use; the one before retires."""
        model = selectors.get_model(person(request), model_id)
        return Response(ModelOutput(registry.promote(model=model, user=person(request))).data)


class RollBackView(APIView):
    """Goes back to the model that was in use before."""

    permission_classes = [IsAdmin]

    @extend_schema(request=None, responses=ModelOutput)
    def post(self, request: Request, region_id: int) -> Response:
        """Put the model in use again that was active before the present one."""
        region = get_region(person(request), region_id)
        return Response(ModelOutput(registry.roll_back(region=region, user=person(request))).data)


urlpatterns = [
    path("regions/<int:region_id>/training-runs/", RunsView.as_view(), name="api-training-runs"),
    path("training-runs/<int:run_id>/", RunView.as_view(), name="api-training-run"),
    path("regions/<int:region_id>/models/", ModelsView.as_view(), name="api-models"),
    path("regions/<int:region_id>/models/roll-back/", RollBackView.as_view(), name="api-models-roll-back"),
    path("models/<int:model_id>/promote/", PromoteView.as_view(), name="api-model-promote"),
]
