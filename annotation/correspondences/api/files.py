"""Thin views of files: a proposal for other tools, points of people from them, a region's verified pairs."""

from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.accounts.permissions import IsEditor, IsReviewer
from annotation.common.errors import NotFoundError
from annotation.correspondences import card, engine, selectors
from annotation.correspondences.api.serializers import RefitInput, RefitOutput
from annotation.correspondences.models import CorrespondencesState, TransformKind
from annotation.correspondences.services.archive import archive
from annotation.correspondences.services.read_points import read_points
from annotation.review.api.http import parse, person
from annotation.sources.errors import TooLargeError
from annotation.sources.selectors import get_region
from annotation.sources.services.files import Upload

MOST_BYTES = 32 * 2**20
MOST_PICTURE_PX = 16_384
FORM = OpenApiParameter(
    "form",
    str,
    OpenApiParameter.PATH,
    enum=list(engine.FORMS),
    description="`qgis`, `geotiff`, `vrt`, `gcps` (a line of gdal_translate), `world` (in EPSG:3857), `geojson`, "
    "`annotation` (IIIF, Allmaps), or the `picture` that all of them count pixels in",
)


class AnyType(BaseContentNegotiation):
    """A file has one type, whatever is asked for; errors are JSON."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type


class FileQuery(serializers.Serializer):
    """What a format needs besides the points."""

    service = serializers.CharField(
        max_length=500, required=False, default="", help_text="annotation: address of the picture's IIIF image service"
    )


class PointsUpload(serializers.Serializer):
    """A file of control points, and what it does not say itself."""

    file = serializers.FileField(help_text="`.points` of QGIS, a GeoTIFF with control points, or a list of -gcp")
    transform = serializers.ChoiceField(
        choices=TransformKind.choices, required=False, default="", allow_blank=True, help_text="empty: as proposed"
    )
    crs = serializers.CharField(
        max_length=2000, required=False, default="", allow_blank=True, help_text="of a file that names none: EPSG:4326"
    )
    size_px = serializers.IntegerField(
        min_value=16, max_value=MOST_PICTURE_PX, required=False, default=engine.PICTURE_PX,
        help_text="side of the tile's picture that the points were set in; a GeoTIFF brings its own",
    )  # fmt: skip


class PointsOutput(serializers.Serializer):
    """What to answer with, and what it comes to."""

    payload = RefitInput(help_text="of an adjusted answer")
    refit = RefitOutput()


class PointsFileView(APIView):
    permission_classes = [IsReviewer]
    content_negotiation_class = AnyType

    @extend_schema(parameters=[FORM, FileQuery], responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def get(self, request: Request, correspondences_id: int, form: str) -> HttpResponse:
        """The points that count, with their transform, for another tool: the correction's, else the matcher's."""
        row = selectors.get_correspondences(person(request), correspondences_id)
        if form not in engine.FORMS:
            raise NotFoundError(f"there is no format {form[:40]!r}: choose one of {', '.join(engine.FORMS)}")
        service = parse(FileQuery, request.query_params)["service"]
        points = selectors.points_of(row.pk, corrected=row.state == CorrespondencesState.CORRECTED)
        file = engine.points_file(form, row, points, service)
        response = HttpResponse(file.content, content_type=file.content_type)
        response["Content-Disposition"] = f'attachment; filename="{file.name}"'
        return response


class PointsUploadView(APIView):
    permission_classes = [IsReviewer]
    parser_classes = [MultiPartParser]

    @extend_schema(request={"multipart/form-data": PointsUpload}, responses=PointsOutput)
    def post(self, request: Request, correspondences_id: int) -> Response:
        """Read a file of control points as the points of an answer; nothing is saved."""
        row = selectors.get_correspondences(person(request), correspondences_id)
        check_size(request)
        data = parse(PointsUpload, request.data)
        upload = Upload.from_request(data["file"])
        given = engine.GivenFile(upload.path, upload.name, data["size_px"], data["crs"])
        read = read_points(row, given, data["transform"])
        shown = {"payload": read.payload, "refit": card.shown_correction(read.correction)}
        return Response(PointsOutput(shown).data)


class ArchiveView(APIView):
    permission_classes = [IsEditor]
    content_negotiation_class = AnyType

    @extend_schema(operation_id="correspondences_archive", responses={(200, "application/zip"): OpenApiTypes.BINARY})
    def get(self, request: Request, region_id: int) -> StreamingHttpResponse:
        """Every verified pair of the image and map in use, with its homography, in MapData's layout, as a ZIP."""
        region = get_region(person(request), region_id)
        response = StreamingHttpResponse(archive(region), content_type="application/zip")
        response["Content-Disposition"] = f'attachment; filename="pairs-{region.pk}.zip"'
        return response


def check_size(request: Request) -> None:
    """Refuse by the announced length, before the body is read."""
    if int(request.META.get("CONTENT_LENGTH") or 0) > MOST_BYTES:
        raise TooLargeError(f"a file of control points ends at {MOST_BYTES // 2**20} MB: send the points alone")
