"""A region's suspected changes as files for other tools: thin views that stream, with the filters of the list."""

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from django.http import FileResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from annotation.accounts.permissions import IsReviewer
from annotation.changes import selectors
from annotation.changes.api.filters import FileQuery
from annotation.changes.asked import wanted_of
from annotation.changes.models import Change
from annotation.changes.services import exports
from annotation.common.streams import download
from annotation.review.api.http import parse, person
from annotation.sources.models import Region
from annotation.sources.selectors import get_region

GEOPACKAGE = "application/geopackage+sqlite3"


class OneFormat(BaseContentNegotiation):
    """A file has one format, whatever the client says it likes; errors are JSON."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        return JSONRenderer(), JSONRenderer.media_type


class ChangesFileView(APIView):
    """What every form of the file shares."""

    permission_classes = [IsReviewer]
    content_negotiation_class = OneFormat

    def stream(self, request: Request, region_id: int, suffix: str, content_type: str, write: Callable[..., Any]):
        region, changes = self.asked(request, region_id)
        return download(write(region, changes), name=f"changes-{region.pk}.{suffix}", content_type=content_type)

    def asked(self, request: Request, region_id: int) -> tuple[Region, QuerySet[Change]]:
        user = person(request)
        region = get_region(user, region_id)
        wished = parse(FileQuery, request.query_params)
        changes = selectors.plain_changes(region, wanted_of(wished, user.pk))
        return region, changes.filter(edit_items__changeset=wished["changeset"]) if wished["changeset"] else changes


class ChangesCsvView(ChangesFileView):
    @extend_schema(
        operation_id="regions_changes_csv",
        parameters=[FileQuery],
        responses={(200, "text/csv"): OpenApiResponse(OpenApiTypes.STR)},
    )
    def get(self, request: Request, region_id: int) -> StreamingHttpResponse:
        """The list as CSV for spreadsheets: place, kind, confidence and verdict; no cell is taken for a formula."""
        return self.stream(request, region_id, "csv", "text/csv", exports.as_csv)


class ChangesCocoView(ChangesFileView):
    @extend_schema(
        operation_id="regions_changes_coco",
        parameters=[FileQuery],
        responses={(200, "application/json"): OpenApiResponse(OpenApiTypes.OBJECT, "COCO instances")},
    )
    def get(self, request: Request, region_id: int) -> StreamingHttpResponse:
        """The list as COCO instances in pixels of their tiles, for training elsewhere."""
        return self.stream(request, region_id, "coco.json", "application/json", exports.as_coco)


class ChangesGeoPackageView(ChangesFileView):
    @extend_schema(
        operation_id="regions_changes_geopackage",
        parameters=[FileQuery],
        responses={(200, GEOPACKAGE): OpenApiResponse(OpenApiTypes.BINARY, "OGC GeoPackage 1.3")},
    )
    def get(self, request: Request, region_id: int) -> HttpResponseBase:
        """The list as a GeoPackage with one layer, for QGIS and other desktops."""
        region, changes = self.asked(request, region_id)
        file = exports.as_geopackage(region, changes)
        name = f"changes-{region.pk}.gpkg"
        return FileResponse(file, as_attachment=True, filename=name, content_type=GEOPACKAGE)
