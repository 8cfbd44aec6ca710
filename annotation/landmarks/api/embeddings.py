"""Thin views of the index: its state, its update, and its vectors as a file."""

from __future__ import annotations

from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.accounts.permissions import IsEditor, IsReviewer
from annotation.common.errors import InvalidError
from annotation.correspondences.api.files import AnyType
from annotation.landmarks import engine, overview
from annotation.landmarks.api.serializers import IndexStateOutput, SearchModelsDataOutput
from annotation.landmarks.services import export, keep_up
from annotation.review.api.http import person
from annotation.sources.api.jobs import JobOutput
from annotation.sources.selectors import get_region


class StateView(APIView):
    """How much of a region can be searched."""

    permission_classes = [IsReviewer]

    @extend_schema(operation_id="embeddings_state", responses=IndexStateOutput)
    def get(self, request: Request, region_id: int) -> Response:
        """Tiles that can be found, the job that reads more, and what to do where nothing can be searched."""
        user = person(request)
        return Response(IndexStateOutput(overview.state_of(user, get_region(user, region_id))).data)


class UpdateView(APIView):
    """Updates the index."""

    permission_classes = [IsEditor]

    @extend_schema(
        operation_id="embeddings_update", request=None,
        responses={202: inline_serializer("EmbeddingsUpdate", {"job": JobOutput()})},
    )  # fmt: skip
    def post(self, request: Request, region_id: int) -> Response:
        """Read what the index lacks, this region first; from then on imports do it by themselves. 202 with the job."""
        user = person(request)
        job = keep_up.start(user=user, region=get_region(user, region_id))
        return Response({"job": JobOutput(job).data}, status=status.HTTP_202_ACCEPTED)


class EmbeddingsView(APIView):
    """Vectors of a region's tiles as a file."""

    permission_classes = [IsEditor]
    content_negotiation_class = AnyType

    @extend_schema(
        operation_id="embeddings",
        parameters=[OpenApiParameter("form", str, enum=list(engine.FORMS), default="parquet")],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, region_id: int) -> FileResponse:
        """A row for each tile that was read: its address, bounds, score and vector, as Parquet or NPZ."""
        region = get_region(person(request), region_id)
        form = request.query_params.get("form", "parquet")
        if form not in engine.FORMS:
            raise InvalidError(f"there is no form {form[:40]!r}: choose one of {', '.join(engine.FORMS)}")
        file = export.embeddings(region=region, form=form)
        response = FileResponse(file, content_type=engine.FORMS[form])
        response["Content-Disposition"] = f'attachment; filename="region-{region.pk}-embeddings.{form}"'
        return response


class ModelsDataView(APIView):
    """What the next search model, which serves all regions, would learn from."""

    permission_classes = [IsReviewer]

    @extend_schema(responses=SearchModelsDataOutput)
    def get(self, request: Request) -> Response:
        """Imagery and landmarks of all regions, how much is new to the model in use, and what is in use."""
        return Response(SearchModelsDataOutput(overview.models_ahead()).data)
