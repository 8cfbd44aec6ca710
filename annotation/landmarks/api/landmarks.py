"""Thin views of landmarks."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import status
from rest_framework.generics import GenericAPIView
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.accounts.permissions import IsEditor, ReadOrEditor
from annotation.landmarks import selectors
from annotation.landmarks.api.serializers import (
    LandmarkCreate,
    LandmarkFilter,
    LandmarkOutput,
    LandmarkUpdate,
    RegionNamed,
    TableOutput,
    TableUpload,
)
from annotation.landmarks.models import Landmark
from annotation.landmarks.services import from_map, import_csv, landmarks
from annotation.review.api.http import parse, person
from annotation.sources.api.jobs import JobOutput
from annotation.sources.selectors import get_region
from annotation.sources.services.files import Upload


class LandmarksView(GenericAPIView):
    """Landmarks of the regions that one may see."""

    permission_classes = [ReadOrEditor]
    serializer_class = LandmarkOutput
    queryset = Landmark.objects.none()
    filter_backends: list[Any] = []

    @extend_schema(operation_id="landmarks_list", parameters=[LandmarkFilter], responses=LandmarkOutput(many=True))
    def get(self, request: Request) -> Response:
        """Landmarks that you may see, newest first."""
        user, asked = person(request), parse(LandmarkFilter, request.query_params)
        region = None if asked["region"] is None else get_region(user, asked["region"])
        rows = selectors.landmarks_of(user, region, asked["bbox"])
        if asked["name"]:
            rows = selectors.name_holds(rows, asked["name"])
        return self.get_paginated_response(LandmarkOutput(self.paginate_queryset(rows), many=True).data)

    @extend_schema(request=LandmarkCreate, responses={201: LandmarkOutput})
    def post(self, request: Request) -> Response:
        """Add a landmark by hand."""
        user, data = person(request), parse(LandmarkCreate, request.data)
        row = landmarks.add(user=user, region=get_region(user, data.pop("region")), **data)
        return _shown(request, row.pk, status.HTTP_201_CREATED)


class LandmarkView(GenericAPIView):
    """One landmark."""

    permission_classes = [ReadOrEditor]
    serializer_class = LandmarkOutput
    pagination_class = None

    @extend_schema(responses=LandmarkOutput)
    def get(self, request: Request, landmark_id: int) -> Response:
        """One landmark with its photos."""
        return _shown(request, landmark_id)

    @extend_schema(request=LandmarkUpdate, responses=LandmarkOutput)
    def patch(self, request: Request, landmark_id: int) -> Response:
        """Change its name, description or place; one of the map stays so, whatever the map says later."""
        user = person(request)
        row = selectors.get_landmark(user, landmark_id)
        body = LandmarkUpdate(data=request.data, partial=True)
        body.is_valid(raise_exception=True)
        landmarks.update(user=user, landmark=row, said=dict(body.validated_data))
        return _shown(request, landmark_id)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, landmark_id: int) -> Response:
        """Remove it with its photos."""
        user = person(request)
        landmarks.delete(user=user, landmark=selectors.get_landmark(user, landmark_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


class ImportCsvView(APIView):
    """A table of landmarks."""

    permission_classes = [IsEditor]
    parser_classes = [MultiPartParser]

    @extend_schema(request={"multipart/form-data": TableUpload}, responses=TableOutput)
    def post(self, request: Request) -> Response:
        """Read a table in; lines that can't be used are left out, and told."""
        user, data = person(request), parse(TableUpload, request.data)
        region = get_region(user, data["region"])
        done = import_csv.import_csv(user=user, region=region, file=Upload.from_request(data["file"]))
        return Response(TableOutput(done).data)


class FromMapView(APIView):
    """Landmarks of a region's own map."""

    permission_classes = [IsEditor]

    @extend_schema(request=RegionNamed, responses={202: inline_serializer("LandmarksFromMap", {"job": JobOutput()})})
    def post(self, request: Request) -> Response:
        """Make landmarks of what the map in use names: `name`, `wikidata`, `tourism`, `historic`; 202 with the job."""
        user, data = person(request), parse(RegionNamed, request.data)
        job = from_map.start(user=user, region=get_region(user, data["region"]))
        return Response({"job": JobOutput(job).data}, status=status.HTTP_202_ACCEPTED)


def _shown(request: Request, landmark_id: int, code: int = status.HTTP_200_OK) -> Response:
    return Response(LandmarkOutput(selectors.get_landmark(person(request), landmark_id)).data, status=code)
