"""Thin views of control points: what they come to, where they start from, and the picture they are set in."""

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.accounts.permissions import IsEditor
from annotation.common.errors import ConflictError, NotFoundError
from annotation.correspondences.api.files import AnyType, check_size
from annotation.geolocation import engine, selectors
from annotation.geolocation.api.point_serializers import FitOutput, PersonPoints, PointsFile, StartPoints
from annotation.geolocation.models import UnplacedImage
from annotation.geolocation.services.images import PICTURE, image_folder
from annotation.review.api.http import parse, person
from annotation.sources.services.files import Upload


def read_image(request: Request, image_id: int) -> UnplacedImage:
    """The image, once its picture was read."""
    image = selectors.get_image(person(request), image_id)
    if image.width is None:
        raise ConflictError("this image was not read yet: wait for its job, or see why it failed")
    return image


class FitView(APIView):
    permission_classes = [IsEditor]

    @extend_schema(operation_id="image_fit", request=PersonPoints, responses=FitOutput)
    def post(self, request: Request, image_id: int) -> Response:
        """What control points come to; nothing is kept."""
        image = read_image(request, image_id)
        data = parse(PersonPoints, request.data)
        return Response(FitOutput(engine.fit_points(image, data["points"], data["model"])).data)


class PointsFileView(APIView):
    permission_classes = [IsEditor]
    parser_classes = [MultiPartParser]

    @extend_schema(
        operation_id="image_points_of_file", request={"multipart/form-data": PointsFile}, responses=StartPoints
    )
    def post(self, request: Request, image_id: int) -> Response:
        """Read a file of control points as the points to start from; nothing is kept."""
        image = read_image(request, image_id)
        check_size(request)
        data = parse(PointsFile, request.data)
        upload = Upload.from_request(data["file"])
        points = engine.points_of_file(image, upload.path, upload.name, data["crs"])
        shown = [one["number"] for one in points]
        return Response(StartPoints({"model": "auto", "points": points, "shown": shown}).data)


class StartView(APIView):
    permission_classes = [IsEditor]

    @extend_schema(operation_id="image_place_points", responses=StartPoints)
    def get(self, request: Request, image_id: int, candidate_id: int) -> Response:
        """The points of a place to start from: a person's where there are some, else the matched ones."""
        image = selectors.get_image(person(request), image_id)
        candidate = selectors.get_candidate(person(request), image, candidate_id)
        return Response(StartPoints(engine.start_points(candidate)).data)


class PictureView(APIView):
    permission_classes = [IsEditor]
    content_negotiation_class = AnyType

    @extend_schema(
        operation_id="image_picture",
        parameters=[OpenApiParameter("v", str, description="with it, browsers keep the picture for ever")],
        responses={(200, "image/jpeg"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, image_id: int) -> HttpResponse:
        """The upright picture, whole, that control points are set in."""
        image = read_image(request, image_id)
        path = image_folder(image.pk) / PICTURE
        if not path.is_file():
            raise NotFoundError("the picture of this image is gone: send it again")
        response = HttpResponse(engine.picture_jpeg(path), content_type="image/jpeg")
        kept = "private, max-age=31536000, immutable" if "v" in request.query_params else "private, max-age=300"
        response["Cache-Control"] = kept
        return response
