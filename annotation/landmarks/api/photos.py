"""Thin views of photos from the ground: of landmarks, and evidence beside changes."""

from __future__ import annotations

from typing import Any

from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.generics import GenericAPIView
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.accounts.permissions import IsReviewer
from annotation.changes.selectors import get_change
from annotation.common.errors import NotFoundError
from annotation.correspondences.api.files import AnyType
from annotation.landmarks import selectors
from annotation.landmarks.api.serializers import PhotoFilter, PhotoOutput, PhotoUpdate, PhotoUpload
from annotation.landmarks.models import LandmarkPhoto
from annotation.landmarks.services import photos
from annotation.review.api.http import parse, person
from annotation.sources.selectors import get_region
from annotation.sources.services.files import Upload


class PhotosView(GenericAPIView):
    """Photos of the regions that one may see."""

    permission_classes = [IsReviewer]
    parser_classes = [MultiPartParser]
    serializer_class = PhotoOutput
    queryset = LandmarkPhoto.objects.none()
    filter_backends: list[Any] = []

    @extend_schema(operation_id="landmark_photos_list", parameters=[PhotoFilter], responses=PhotoOutput(many=True))
    def get(self, request: Request) -> Response:
        """Photos of a landmark, beside a change, or of a region, newest first."""
        user, asked = person(request), parse(PhotoFilter, request.query_params)
        rows = selectors.photos_for(user)
        if asked["region"] is not None:
            rows = rows.filter(region=get_region(user, asked["region"]))
        if asked["landmark"] is not None:
            rows = rows.filter(landmark=selectors.get_landmark(user, asked["landmark"]))
        if asked["change"] is not None:
            rows = rows.filter(change=get_change(user, asked["change"]).pk)
        return self.get_paginated_response(PhotoOutput(self.paginate_queryset(rows), many=True).data)

    @extend_schema(request={"multipart/form-data": PhotoUpload}, responses={201: PhotoOutput})
    def post(self, request: Request) -> Response:
        """Take a photo in: without its metadata but position, direction, time and camera; yours go before those."""
        user, data = person(request), parse(PhotoUpload, request.data)
        landmark = change = None
        if data["landmark"] is not None:
            landmark = selectors.get_landmark(user, data["landmark"])
            region = landmark.region
        elif data["change"] is not None:
            change = get_change(user, data["change"])
            region = get_region(user, change.scan.region_id)
        else:
            region = get_region(user, data["region"])
        told = photos.Told(data.get("lonlat"), data.get("direction_deg"), data.get("caption", ""))
        file = Upload.from_request(data["photo"])
        row = photos.add(user=user, file=file, region=region, landmark=landmark, change=change, told=told)
        return Response(PhotoOutput(selectors.get_photo(user, row.pk)).data, status=status.HTTP_201_CREATED)


class PhotoView(GenericAPIView):
    """One photo."""

    permission_classes = [IsReviewer]
    serializer_class = PhotoOutput
    pagination_class = None

    @extend_schema(responses=PhotoOutput)
    def get(self, request: Request, photo_id: int) -> Response:
        """One photo."""
        return Response(PhotoOutput(selectors.get_photo(person(request), photo_id)).data)

    @extend_schema(request=PhotoUpdate, responses=PhotoOutput)
    def patch(self, request: Request, photo_id: int) -> Response:
        """Correct where it was taken, where it looks, or its caption: of your own, or as an editor."""
        user = person(request)
        row = selectors.get_photo(user, photo_id)
        body = PhotoUpdate(data=request.data, partial=True)
        body.is_valid(raise_exception=True)
        photos.update(user=user, photo=row, said=dict(body.validated_data))
        return Response(PhotoOutput(selectors.get_photo(user, photo_id)).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, photo_id: int) -> Response:
        """Remove it with its file: your own, or as an editor."""
        user = person(request)
        photos.delete(user=user, photo=selectors.get_photo(user, photo_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


class PictureView(APIView):
    """The picture of a photo."""

    permission_classes = [IsReviewer]
    content_negotiation_class = AnyType

    @extend_schema(
        operation_id="landmark_photo_picture",
        parameters=[OpenApiParameter("v", str, description="with it, browsers keep the picture for ever")],
        responses={(200, "image/webp"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, photo_id: int) -> FileResponse:
        """The photo, upright, at most 1600 px and without its metadata."""
        path = photos.photo_file(selectors.get_photo(person(request), photo_id))
        if not path.is_file():
            raise NotFoundError("the file of this photo is gone: remove it, and send it again")
        response = FileResponse(path.open("rb"), content_type="image/webp")
        kept = "private, max-age=31536000, immutable" if "v" in request.query_params else "private, max-age=300"
        response["Cache-Control"] = kept
        return response
