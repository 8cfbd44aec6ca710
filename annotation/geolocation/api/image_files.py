"""Where an image lies, as files of other tools."""

from pathlib import Path

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView

from annotation.accounts.permissions import IsEditor
from annotation.common.errors import NotFoundError
from annotation.correspondences.api.files import AnyType
from annotation.geolocation import engine, selectors
from annotation.geolocation.services.images import PICTURE, image_folder
from annotation.review.api.http import person

FORM = OpenApiParameter(
    "form",
    str,
    OpenApiParameter.PATH,
    enum=list(engine.FORMS),
    description="`qgis` (.points), `gcps` (a line of gdal_translate), `world` (an affine, in EPSG:3857), `geojson`, "
    "`geotiff` (brought to where it lies), `points-tiff` (as it is, with its points), or the upright `picture` that "
    "all of them count pixels in",
)


class PlaceFileView(APIView):
    permission_classes = [IsEditor]
    content_negotiation_class = AnyType

    @extend_schema(
        operation_id="image_place_file",
        parameters=[FORM],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, image_id: int, candidate_id: int, form: str) -> HttpResponse:
        """A place of an image for another tool, with a person's adjustment where there is one."""
        user = person(request)
        image = selectors.get_image(user, image_id)
        candidate = selectors.get_candidate(user, image, candidate_id)
        if form not in engine.FORMS:
            raise NotFoundError(f"there is no format {form[:40]!r}: choose one of {', '.join(engine.FORMS)}")
        picture = image_folder(image.pk) / PICTURE
        if not picture.is_file():
            raise NotFoundError("the picture of this image is gone: send it again")
        stem = Path(image.original_name).stem
        file = engine.place_file(form, picture, stem, engine.place_of(candidate), engine.points_of(candidate))
        response = HttpResponse(file.content, content_type=file.content_type)
        safe = "".join(c if c.isalnum() or c in "-_. " else "_" for c in file.name)
        response["Content-Disposition"] = f'attachment; filename="{safe}"'
        return response


class GroundView(APIView):
    permission_classes = [IsEditor]
    content_negotiation_class = AnyType

    @extend_schema(operation_id="image_place_ground", responses={(200, "image/webp"): OpenApiTypes.BINARY})
    def get(self, request: Request, image_id: int, candidate_id: int) -> HttpResponse:
        """The base of a place, to look at below the image."""
        user = person(request)
        candidate = selectors.get_candidate(user, selectors.get_image(user, image_id), candidate_id)
        if candidate.base is None:
            raise NotFoundError("this place lies on no base that is there: look at the imagery or map of its region")
        response = HttpResponse(engine.base_webp(candidate.base), content_type="image/webp")
        response["Cache-Control"] = "private, max-age=300"
        return response
