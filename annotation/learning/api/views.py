"""Thin views of training: parse, call a service, serialise."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.accounts.permissions import IsAdmin, IsReviewer, ReadOrAdmin
from annotation.learning import selectors
from annotation.learning.api.serializers import (
    AgainstInput,
    DataOutput,
    EvaluationOutput,
    KindFilter,
    KindQuery,
    LocatorsDataOutput,
    MatchersDataOutput,
    ModelOutput,
    ModelWords,
    RunDetailOutput,
    RunOutput,
    SettingsOutput,
    SettingsQuery,
    TrainingStart,
)
from annotation.learning.kinds import kind_of
from annotation.learning.models import Evaluation, ModelVersion, TrainingRun
from annotation.learning.overview import locators_ahead, matchers_ahead, tiles_needed
from annotation.learning.run_settings import changeable
from annotation.learning.services import evaluate, registry, start
from annotation.learning.services.describe import describe
from annotation.review.api.http import parse, person
from annotation.sources.models import Region
from annotation.sources.selectors import get_region


def _region(request: Request, region_id: int | None) -> Region | None:
    """The region of the address; None where it names none."""
    return None if region_id is None else get_region(person(request), region_id)


class DataView(APIView):
    """What the next training of a region would learn from."""

    permission_classes = [IsReviewer]

    @extend_schema(responses=DataOutput)
    def get(self, request: Request, region_id: int) -> Response:
        """Tiles, and what people decided about suggestions: how much of it is new to the model in use."""
        ahead = selectors.ahead(get_region(person(request), region_id))
        return Response(DataOutput({**vars(ahead), "needed": tiles_needed()}).data)


class MatchersDataView(APIView):
    """What the next training of a matcher, which serves all regions, would learn from."""

    permission_classes = [IsReviewer]

    @extend_schema(responses=MatchersDataOutput)
    def get(self, request: Request) -> Response:
        """Tiles whose match people verified: how many are learnt, held out, and new to the model in use."""
        return Response(MatchersDataOutput(matchers_ahead()).data)


class LocatorsDataView(APIView):
    """What the next training of a locator, which serves all regions, would learn from."""

    permission_classes = [IsReviewer]

    @extend_schema(responses=LocatorsDataOutput)
    def get(self, request: Request) -> Response:
        """Imagery of all regions, how much of it is new to the model in use, and what is in use."""
        return Response(LocatorsDataOutput(locators_ahead()).data)


class RunsView(GenericAPIView):
    """Training runs of a region, or of models that serve every region."""

    permission_classes = [ReadOrAdmin]
    serializer_class = RunOutput
    queryset = TrainingRun.objects.none()
    filter_backends: list[Any] = []

    @extend_schema(parameters=[KindFilter], responses=RunOutput(many=True))
    def get(self, request: Request, region_id: int | None = None) -> Response:
        """Runs, newest first."""
        region, kind = _region(request, region_id), parse(KindFilter, request.query_params)["kind"]
        page = self.paginate_queryset(selectors.runs_of_region(region.pk if region else None, kind))
        return self.get_paginated_response(RunOutput(page, many=True).data)

    @extend_schema(request=TrainingStart, responses={202: RunOutput})
    def post(self, request: Request, region_id: int | None = None) -> Response:
        """Train a model, of the region on everything that is mapped there; 202 with the run and its job."""
        run = start.start(
            region=_region(request, region_id), user=person(request), **parse(TrainingStart, request.data)
        )
        return Response(RunOutput(run).data, status=202)


class SettingsView(APIView):
    """What may be changed of a training before it starts."""

    permission_classes = [IsAdmin]

    @extend_schema(parameters=[SettingsQuery], responses=SettingsOutput)
    def get(self, request: Request) -> Response:
        """The settings of a size as they are; any of them can be sent, changed, with the start of a training."""
        wish = parse(SettingsQuery, request.query_params)
        return Response({"settings": changeable(kind_of(wish["kind"]).config_of(wish["preset"]))})


class RunView(APIView):
    """One training run."""

    permission_classes = [IsReviewer]

    @extend_schema(responses=RunDetailOutput)
    def get(self, request: Request, run_id: int) -> Response:
        """The run with its metrics and live curves."""
        return Response(RunDetailOutput(selectors.get_run(person(request), run_id)).data)


class ModelsView(GenericAPIView):
    """Models of a region, or those that serve every region."""

    permission_classes = [IsReviewer]
    serializer_class = ModelOutput
    queryset = ModelVersion.objects.none()
    filter_backends: list[Any] = []

    @extend_schema(parameters=[KindFilter], responses=ModelOutput(many=True))
    def get(self, request: Request, region_id: int | None = None) -> Response:
        """Models, newest first."""
        region, kind = _region(request, region_id), parse(KindFilter, request.query_params)["kind"]
        page = self.paginate_queryset(selectors.models_of_region(region.pk if region else None, kind))
        return self.get_paginated_response(ModelOutput(page, many=True, context={"user": person(request)}).data)


class ModelView(APIView):
    """What people say of a model."""

    permission_classes = [IsAdmin]

    @extend_schema(request=ModelWords, responses=ModelOutput)
    def patch(self, request: Request, model_id: int) -> Response:
        """Name it, or note something about it."""
        user = person(request)
        said = parse(ModelWords, request.data)
        model = describe(model=selectors.get_model(user, model_id), user=user, **said)
        return Response(ModelOutput(model, context={"user": user}).data)


class PromoteView(APIView):
    """Puts a model in use."""

    permission_classes = [IsAdmin]

    @extend_schema(request=None, responses=ModelOutput)
    def post(self, request: Request, model_id: int) -> Response:
        """Make it the model in use; the one before retires."""
        user = person(request)
        model = registry.promote(model=selectors.get_model(user, model_id), user=user)
        return Response(ModelOutput(model, context={"user": user}).data)


class RollBackView(APIView):
    """Goes back to the model that was in use before."""

    permission_classes = [IsAdmin]

    @extend_schema(parameters=[KindQuery], request=None, responses={200: ModelOutput, 204: None})
    def post(self, request: Request, region_id: int | None = None) -> Response:
        """Put the model in use again that was active before the present one; 204 where what is built in was."""
        region, kind = _region(request, region_id), parse(KindQuery, request.query_params)["kind"]
        model = registry.roll_back(region=region, user=person(request), kind=kind)
        if model is None:
            return Response(status=204)
        return Response(ModelOutput(model, context={"user": person(request)}).data)


class EvaluationsView(GenericAPIView):
    """Comparisons of a model with others on a frozen set."""

    permission_classes = [ReadOrAdmin]
    serializer_class = EvaluationOutput
    queryset = Evaluation.objects.none()
    filter_backends: list[Any] = []

    @extend_schema(operation_id="model_evaluations_list", responses=EvaluationOutput(many=True))
    def get(self, request: Request, model_id: int) -> Response:
        """Comparisons, newest first."""
        model = selectors.get_model(person(request), model_id)
        page = self.paginate_queryset(selectors.evaluations_of_model(model))
        return self.get_paginated_response(EvaluationOutput(page, many=True).data)

    @extend_schema(request=AgainstInput, responses={202: EvaluationOutput})
    def post(self, request: Request, model_id: int) -> Response:
        """Hold the model beside another one; 202 with the comparison and its job, a finished one is given back."""
        user, wish = person(request), parse(AgainstInput, request.data)
        if "against" in wish:
            other = wish["against"]
            wish["against"] = None if other is None else selectors.get_model(user, other)
        evaluation = evaluate.start(model=selectors.get_model(user, model_id), user=user, **wish)
        return Response(EvaluationOutput(evaluation).data, status=202)
