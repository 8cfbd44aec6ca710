"""Thin views of images without a place: they come in, are looked for, confirmed or given up."""

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

from annotation.accounts.permissions import IsEditor, IsReviewer
from annotation.common.errors import InvalidError, NotFoundError
from annotation.correspondences.api.files import AnyType
from annotation.geolocation import selectors
from annotation.geolocation.api.image_serializers import (
    ConfirmPlace,
    ImageDetail,
    ImageOutput,
    ImagesUpload,
    LocateAgain,
    RejectPlaces,
)
from annotation.geolocation.models import ImageState, UnplacedImage
from annotation.geolocation.services import confirm, images
from annotation.review.api.http import parse, person
from annotation.sources.selectors import get_region
from annotation.sources.services.files import Upload


def detail(request: Request, image_id: int) -> dict[str, Any]:
    """An image with its places, as JSON."""
    user = person(request)
    row = selectors.get_image(user, image_id)
    return dict(ImageDetail(row, context={"candidates": selectors.candidates_of(user, row)}).data)


class ImagesView(GenericAPIView):
    """Images without a place that one may see."""

    permission_classes = [IsEditor]
    parser_classes = [MultiPartParser]
    serializer_class = ImageOutput
    queryset = UnplacedImage.objects.none()
    filter_backends: list[Any] = []

    @extend_schema(
        operation_id="images_list",
        parameters=[OpenApiParameter("state", str, enum=ImageState.values), OpenApiParameter("region", int)],
        responses=ImageOutput(many=True),
    )
    def get(self, request: Request) -> Response:
        """Newest first: your own, and those of regions you may see."""
        user = person(request)
        rows = selectors.visible_images(user)
        if asked := request.query_params.get("state"):
            if asked not in ImageState.values:
                raise InvalidError(f"no state {asked[:20]!r}: choose one of {', '.join(ImageState.values)}")
            rows = rows.filter(state=asked)
        if asked := request.query_params.get("region"):
            if not (asked.isascii() and asked.isdigit()) or len(asked) > 18:
                raise InvalidError("a region is named by its number")
            rows = rows.filter(region=get_region(user, int(asked)))
        page = self.paginate_queryset(rows.order_by("-pk")) or []
        return self.get_paginated_response(ImageOutput(page, many=True).data)

    @extend_schema(request={"multipart/form-data": ImagesUpload}, responses={202: ImageOutput(many=True)})
    def post(self, request: Request) -> Response:
        """Take images in; one job looks for all of them."""
        user = person(request)
        data = parse(ImagesUpload, request.data)
        region = None if data["region"] is None else get_region(user, data["region"])
        files = [Upload.from_request(one) for one in data["files"]]
        made = images.add(
            user=user, files=files, region=region, licence=data["licence"], attribution=data["attribution"]
        )
        rows = selectors.visible_images(user).filter(pk__in=[one.pk for one in made]).order_by("pk")
        return Response(ImageOutput(rows, many=True).data, status=status.HTTP_202_ACCEPTED)


class ImageView(GenericAPIView):
    """One image."""

    permission_classes = [IsEditor]
    serializer_class = ImageDetail
    pagination_class = None

    @extend_schema(responses=ImageDetail)
    def get(self, request: Request, image_id: int) -> Response:
        """One image with the places where it may lie."""
        return Response(detail(request, image_id))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, image_id: int) -> Response:
        """Remove an image; imagery that it became stays."""
        user = person(request)
        images.delete(user=user, image=selectors.get_image(user, image_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


class LocateView(APIView):
    permission_classes = [IsEditor]

    @extend_schema(request=LocateAgain, responses={202: ImageDetail})
    def post(self, request: Request, image_id: int) -> Response:
        """Look for an image once more, about where you say."""
        user = person(request)
        image = selectors.get_image(user, image_id)
        data = parse(LocateAgain, request.data)
        region = None if data["region"] is None else get_region(user, data["region"])
        hint = None if data["lon"] is None else images.Hint(data["lon"], data["lat"], data["radius_m"])
        images.locate_again(user=user, image=image, region=region, hint=hint)
        return Response(detail(request, image_id), status=status.HTTP_202_ACCEPTED)


class ConfirmView(APIView):
    permission_classes = [IsEditor]

    @extend_schema(request=ConfirmPlace, responses={202: ImageDetail})
    def post(self, request: Request, image_id: int) -> Response:
        """Confirm a place, adjusted or not; a job makes imagery of the image."""
        user = person(request)
        image = selectors.get_image(user, image_id)
        data = parse(ConfirmPlace, request.data)
        chosen, wanted = data.pop("candidate"), data.pop("region") or image.region_id
        if wanted is None:
            raise InvalidError("name the region that it becomes imagery of")
        region = get_region(user, wanted)
        candidate = None if chosen is None else selectors.get_candidate(user, image, chosen)
        confirm.confirm(user=user, image=image, candidate=candidate, region=region, **data)
        return Response(detail(request, image_id), status=status.HTTP_202_ACCEPTED)


class RejectView(APIView):
    permission_classes = [IsEditor]

    @extend_schema(request=RejectPlaces, responses=ImageDetail)
    def post(self, request: Request, image_id: int) -> Response:
        """None of the places is right."""
        user = person(request)
        image = selectors.get_image(user, image_id)
        images.reject(user=user, image=image, reason=parse(RejectPlaces, request.data)["reason"])
        return Response(detail(request, image_id))


class PreviewView(APIView):
    permission_classes = [IsReviewer]
    content_negotiation_class = AnyType

    @extend_schema(
        operation_id="image_preview",
        parameters=[OpenApiParameter("v", str, description="with it, browsers keep the picture for ever")],
        responses={(200, "image/webp"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, image_id: int) -> FileResponse:
        """A small copy of an image, upright and without its metadata."""
        image = selectors.get_image(person(request), image_id)
        path = images.image_folder(image.pk) / images.PREVIEW
        if not path.is_file():
            raise NotFoundError("this image was not read yet: wait for its job, or see why it failed")
        response = FileResponse(path.open("rb"), content_type="image/webp")
        kept = "private, max-age=31536000, immutable" if "v" in request.query_params else "private, max-age=300"
        response["Cache-Control"] = kept
        return response
