"""Imagery and map snapshots over HTTP: upload, list, look at, remove."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.generics import GenericAPIView
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.accounts.models import User
from annotation.accounts.permissions import ReadOrEditor
from annotation.common.errors import InvalidError
from annotation.sources import selectors
from annotation.sources.api.serializers import (
    AddedImagery,
    AddedSnapshot,
    ImageryOutput,
    ImageryUpload,
    SnapshotOutput,
    SnapshotUpload,
)
from annotation.sources.engine import area_from_file
from annotation.sources.models import Imagery, MapSnapshot
from annotation.sources.services.add_sources import Added, add_imagery, add_snapshot
from annotation.sources.services.files import Upload
from annotation.sources.services.removal import delete_source

MAX_AREA_BYTES = 10 * 2**20


class SourceListView(GenericAPIView):
    """Sources of one region."""

    permission_classes = [ReadOrEditor]
    parser_classes = [MultiPartParser]
    added_serializer: ClassVar[type[serializers.ModelSerializer]]

    def list(self, request: Request, region_id: int, rows: Any) -> Response:
        region = selectors.get_region(cast(User, request.user), region_id)
        page = self.paginate_queryset(rows.filter(region=region).select_related("job"))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def answer(self, added: Added[Any]) -> Response:
        """202 for a file that will be imported, 200 for one that the region had already."""
        data = {**self.added_serializer(added.source).data, "reused": added.reused}
        return Response(data, status=status.HTTP_200_OK if added.reused else status.HTTP_202_ACCEPTED)


class ImageryListView(SourceListView):
    serializer_class = ImageryOutput
    added_serializer = AddedImagery
    queryset = Imagery.objects.none()

    @extend_schema(operation_id="imagery_list", responses=ImageryOutput(many=True))
    def get(self, request: Request, region_id: int) -> Response:
        return self.list(request, region_id, Imagery.objects.all())

    @extend_schema(request={"multipart/form-data": ImageryUpload}, responses={200: AddedImagery, 202: AddedImagery})
    def post(self, request: Request, region_id: int) -> Response:
        user = cast(User, request.user)
        region = selectors.get_region(user, region_id)
        fields = _valid(ImageryUpload(data=request.data))
        file = Upload.from_request(fields.pop("file"))
        return self.answer(add_imagery(user=user, region=region, file=file, **fields))


class SnapshotListView(SourceListView):
    serializer_class = SnapshotOutput
    added_serializer = AddedSnapshot
    queryset = MapSnapshot.objects.none()

    @extend_schema(operation_id="snapshots_list", responses=SnapshotOutput(many=True))
    def get(self, request: Request, region_id: int) -> Response:
        return self.list(request, region_id, MapSnapshot.objects.all())

    @extend_schema(request={"multipart/form-data": SnapshotUpload}, responses={200: AddedSnapshot, 202: AddedSnapshot})
    def post(self, request: Request, region_id: int) -> Response:
        user = cast(User, request.user)
        region = selectors.get_region(user, region_id)
        fields = _valid(SnapshotUpload(data=request.data))
        file, area = Upload.from_request(fields.pop("file")), fields.pop("area", None)
        if area is not None and area.size > MAX_AREA_BYTES:
            raise InvalidError(f"the area file is larger than {MAX_AREA_BYTES // 2**20} MB: simplify the polygon")
        polygon = area_from_file(Upload.from_request(area).path) if area is not None else None
        return self.answer(add_snapshot(user=user, region=region, file=file, area=polygon, **fields))


def _valid(body: serializers.Serializer) -> dict[str, Any]:
    body.is_valid(raise_exception=True)
    return dict(body.validated_data)


class ImageryView(GenericAPIView):
    """One imagery; it can be removed while nobody answered about it and no model learnt from it."""

    permission_classes = [ReadOrEditor]
    serializer_class = ImageryOutput
    pagination_class = None

    @extend_schema(responses=ImageryOutput)
    def get(self, request: Request, imagery_id: int) -> Response:
        return Response(ImageryOutput(selectors.get_imagery(cast(User, request.user), imagery_id)).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, imagery_id: int) -> Response:
        user = cast(User, request.user)
        delete_source(user=user, source=selectors.get_imagery(user, imagery_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


class SnapshotView(GenericAPIView):
    """One map snapshot; it can be removed while nobody answered about it and no model learnt from it."""

    permission_classes = [ReadOrEditor]
    serializer_class = SnapshotOutput
    pagination_class = None

    @extend_schema(responses=SnapshotOutput)
    def get(self, request: Request, snapshot_id: int) -> Response:
        return Response(SnapshotOutput(selectors.get_snapshot(cast(User, request.user), snapshot_id)).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, snapshot_id: int) -> Response:
        user = cast(User, request.user)
        delete_source(user=user, source=selectors.get_snapshot(user, snapshot_id))
        return Response(status=status.HTTP_204_NO_CONTENT)
