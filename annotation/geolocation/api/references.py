"""Thin views of reference imagery: sets, their bases, and the feature database."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.generics import GenericAPIView
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.accounts.permissions import IsAdmin, IsReviewer, ReadOrAdmin
from annotation.geolocation import overview, selectors
from annotation.geolocation.api.serializers import (
    BaseFilter,
    DatabasesOutput,
    ReferenceBaseOutput,
    ReferenceFileOutput,
    ReferenceSetCreate,
    ReferenceSetOutput,
    ReferenceSetUpdate,
    ReferenceUpload,
)
from annotation.geolocation.models import ReferenceBase, ReferenceSet
from annotation.geolocation.services import keep_up, prepare, register
from annotation.review.api.http import parse, person
from annotation.sources.api.jobs import JobOutput
from annotation.sources.services.files import Upload


class SetsView(GenericAPIView):
    """Reference sets."""

    permission_classes = [ReadOrAdmin]
    serializer_class = ReferenceSetOutput
    queryset = ReferenceSet.objects.none()
    filter_backends: list[Any] = []

    @extend_schema(operation_id="reference_sets_list", responses=ReferenceSetOutput(many=True))
    def get(self, request: Request) -> Response:
        """Sets that you may see, those of regions included, newest first."""
        user = person(request)
        page = self.paginate_queryset(selectors.reference_sets(user)) or []
        numbers = [row.pk for row in page]
        read = {"counts": selectors.state_counts(numbers), "files": selectors.files_of(numbers)}
        return self.get_paginated_response(ReferenceSetOutput(page, many=True, context={"user": user, **read}).data)

    @extend_schema(request=ReferenceSetCreate, responses={201: ReferenceSetOutput})
    def post(self, request: Request) -> Response:
        """Register a set; a job prepares one of tiles, or of files on the server, at once."""
        row = register.create_set(user=person(request), **parse(ReferenceSetCreate, request.data))
        return _shown(request, row, status.HTTP_201_CREATED)


class SetView(GenericAPIView):
    """One set."""

    permission_classes = [ReadOrAdmin]
    serializer_class = ReferenceSetOutput
    pagination_class = None

    @extend_schema(responses=ReferenceSetOutput)
    def get(self, request: Request, set_id: int) -> Response:
        """The set with its files, and its bases by state."""
        return _shown(request, selectors.get_set(person(request), set_id))

    @extend_schema(request=ReferenceSetUpdate, responses=ReferenceSetOutput)
    def patch(self, request: Request, set_id: int) -> Response:
        """Change its name, licence, attribution, or who may see it."""
        user = person(request)
        of_set = selectors.get_set(user, set_id)
        body = ReferenceSetUpdate(data=request.data, partial=True)
        body.is_valid(raise_exception=True)
        register.update_set(user=user, of_set=of_set, changes=dict(body.validated_data))
        return _shown(request, selectors.get_set(user, set_id))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, set_id: int) -> Response:
        """Remove it with its bases and files."""
        user = person(request)
        register.delete_set(user=user, of_set=selectors.get_set(user, set_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


class FilesView(APIView):
    """Files of a set."""

    permission_classes = [IsAdmin]
    parser_classes = [MultiPartParser]

    @extend_schema(request={"multipart/form-data": ReferenceUpload}, responses={202: ReferenceFileOutput})
    def post(self, request: Request, set_id: int) -> Response:
        """Add a GeoTIFF; a job reads it and cuts it. The same file comes once."""
        user = person(request)
        of_set = selectors.get_set(user, set_id)
        file = Upload.from_request(parse(ReferenceUpload, request.data)["file"])
        row = register.add_file(user=user, of_set=of_set, file=file)
        return Response(ReferenceFileOutput(row).data, status=status.HTTP_202_ACCEPTED)


class PrepareView(APIView):
    """Prepares a set again."""

    permission_classes = [IsAdmin]

    @extend_schema(request=None, responses={202: ReferenceSetOutput})
    def post(self, request: Request, set_id: int) -> Response:
        """Go on where a preparation was stopped or failed."""
        user = person(request)
        row = prepare.again(of_set=selectors.get_set(user, set_id), user=user)
        return _shown(request, row, status.HTTP_202_ACCEPTED)


class BasesView(GenericAPIView):
    """Bases of a set."""

    permission_classes = [IsReviewer]
    serializer_class = ReferenceBaseOutput
    queryset = ReferenceBase.objects.none()
    filter_backends: list[Any] = []

    @extend_schema(
        operation_id="reference_bases_list", parameters=[BaseFilter], responses=ReferenceBaseOutput(many=True)
    )
    def get(self, request: Request, set_id: int) -> Response:
        """Bases of a set, newest first, of one state or any."""
        of_set = selectors.get_set(person(request), set_id)
        state = parse(BaseFilter, request.query_params).get("state", "")
        page = self.paginate_queryset(selectors.bases_of(of_set, state))
        return self.get_paginated_response(ReferenceBaseOutput(page, many=True).data)


class DatabaseView(APIView):
    """The feature database."""

    permission_classes = [IsReviewer]

    @extend_schema(responses=DatabasesOutput)
    def get(self, request: Request) -> Response:
        """What answers queries now, what is being built, and what to do where nothing can be searched."""
        return Response(DatabasesOutput(overview.databases_for(person(request))).data)


class BuildView(APIView):
    """Builds the feature database."""

    permission_classes = [IsAdmin]

    @extend_schema(request=None, responses={202: JobOutput})
    def post(self, request: Request) -> Response:
        """Build features of all that is new; from then on imports do it by themselves."""
        return Response(JobOutput(keep_up.start(user=person(request))).data, status=status.HTTP_202_ACCEPTED)


def _shown(request: Request, row: ReferenceSet, code: int = status.HTTP_200_OK) -> Response:
    return Response(ReferenceSetOutput(row, context={"user": person(request)}).data, status=code)
