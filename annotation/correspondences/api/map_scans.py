"""Thin views of map scans: a picture of a map comes in, its pairs go out."""

from functools import partial
from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.generics import GenericAPIView
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.accounts.permissions import IsEditor, ReadOrEditor
from annotation.correspondences import selectors
from annotation.correspondences.api.files import AnyType
from annotation.correspondences.card import shown_scan
from annotation.correspondences.models import MapScan
from annotation.correspondences.services import map_scans
from annotation.review.api.http import parse, person
from annotation.sources.api.jobs import JobOutput
from annotation.sources.api.serializers import SourceUpload
from annotation.sources.selectors import get_region
from annotation.sources.services.files import Upload
from annotation.tiles.engine import address_of
from annotation.tiles.serve import SIZE, VERSION, TileView

OPTIONS = ("ratio", "windows", "seed")


class MapScanUpload(SourceUpload):
    """A picture of a map, where it comes from, and what is known of how it lies."""

    points = serializers.FileField(
        required=False, allow_null=True, default=None, help_text="QGIS .points that place it, if it is not found"
    )
    ratio = serializers.FloatField(
        min_value=0.01, max_value=100, required=False, help_text="pixels of the imagery per pixel of the scan, if known"
    )
    windows = serializers.IntegerField(min_value=1, max_value=20_000, required=False, help_text="at most so many")
    seed = serializers.IntegerField(min_value=0, max_value=2**31 - 1, required=False)


class ScanPlace(serializers.Serializer):
    """Where a scan lies, and how well that is known; metres on the ground."""

    outline = serializers.JSONField(
        allow_null=True, help_text="GeoJSON polygon; null: it reaches beyond the horizon of its homography"
    )
    coarse_rmse_m = serializers.FloatField(allow_null=True, help_text="of the windows that placed it as a whole")
    pair_rmse_m = serializers.FloatField(allow_null=True, help_text="median over its pairs, each of its own points")
    pairs = serializers.IntegerField()


class MapScanOutput(serializers.ModelSerializer):
    """A map scan, its job, and, once it is made, what came out."""

    job = JobOutput(read_only=True, allow_null=True)
    placed = ScanPlace(read_only=True, allow_null=True)
    tiles = serializers.SerializerMethodField(help_text="address of its picture on a tile; null until it is placed")
    tile_version = serializers.SerializerMethodField(help_text="what ?v= of its tiles says")
    proposals = serializers.SerializerMethodField(help_text="of its pairs, by state; one for a tile")
    made = serializers.JSONField(read_only=True, allow_null=True, help_text="the manifest: counts, coarse homography")

    class Meta:
        model = MapScan
        fields = [
            "id", "region", "imagery", "original_name", "sha256", "licence", "attribution", "options", "job", "made",
            "placed", "tiles", "tile_version", "proposals", "created_at",
        ]  # fmt: skip
        read_only_fields = fields

    def get_tiles(self, scan: MapScan) -> str | None:
        return shown_scan(scan)["tiles"] if scan.made else None

    def get_tile_version(self, scan: MapScan) -> str:
        return selectors.scan_version(scan)

    @extend_schema_field({"type": "object", "additionalProperties": {"type": "integer"}})
    def get_proposals(self, scan: MapScan) -> dict[str, int]:
        """Counted for the whole list at once, where there is one."""
        counted = self.context.get("counted")
        counted = selectors.scan_state_counts([scan.pk]) if counted is None else counted
        return counted.get(scan.pk, {})


class MapScansView(GenericAPIView):
    """Map scans of a region."""

    permission_classes = [ReadOrEditor]
    parser_classes = [MultiPartParser]
    serializer_class = MapScanOutput
    queryset = MapScan.objects.none()
    filter_backends: list[Any] = []

    @extend_schema(operation_id="map_scans_list", responses=MapScanOutput(many=True))
    def get(self, request: Request, region_id: int) -> Response:
        """Scans of the region, newest first."""
        region = get_region(person(request), region_id)
        rows = MapScan.objects.filter(region=region).select_related("job__created_by").order_by("-pk")
        page = self.paginate_queryset(rows) or []
        context = {**self.get_serializer_context(), "counted": selectors.scan_state_counts(scan.pk for scan in page)}
        return self.get_paginated_response(MapScanOutput(page, many=True, context=context).data)

    @extend_schema(request={"multipart/form-data": MapScanUpload}, responses={202: MapScanOutput})
    def post(self, request: Request, region_id: int) -> Response:
        """Take a picture of a map in; a job finds it in the imagery in use and makes pairs of the two."""
        user = person(request)
        region = get_region(user, region_id)
        data = parse(MapScanUpload, request.data)
        points = data["points"]
        scan = map_scans.add(
            user=user,
            region=region,
            file=Upload.from_request(data["file"]),
            points=None if points is None else Upload.from_request(points),
            licence=data["licence"],
            attribution=data["attribution"],
            options={name: data[name] for name in OPTIONS if name in data},
        )
        return Response(MapScanOutput(scan).data, status=status.HTTP_202_ACCEPTED)


class MapScanView(GenericAPIView):
    """One map scan."""

    permission_classes = [ReadOrEditor]
    serializer_class = MapScanOutput
    pagination_class = None

    @extend_schema(responses=MapScanOutput)
    def get(self, request: Request, map_scan_id: int) -> Response:
        """One scan with its job, and what was made of it."""
        return Response(MapScanOutput(selectors.get_map_scan(person(request), map_scan_id)).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, map_scan_id: int) -> Response:
        """Remove a scan with its pairs."""
        user = person(request)
        map_scans.delete(user=user, scan=selectors.get_map_scan(user, map_scan_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


class ResumeView(APIView):
    permission_classes = [IsEditor]

    @extend_schema(request=None, responses={202: MapScanOutput})
    def post(self, request: Request, map_scan_id: int) -> Response:
        """Go on with a scan whose job was stopped or failed; 202 with the job."""
        user = person(request)
        scan = map_scans.resume(user=user, scan=selectors.get_map_scan(user, map_scan_id))
        return Response(MapScanOutput(scan).data, status=status.HTTP_202_ACCEPTED)


class ScanTileView(TileView):
    """The picture of a scan on a tile, as its coarse homography brings it there; transparent where it shows nothing."""

    @extend_schema(
        operation_id="map_scan_tile", parameters=[SIZE, VERSION], responses={(200, "image/png"): OpenApiTypes.BINARY}
    )
    def get(self, request: Request, map_scan_id: int, z: int, x: int, y: int) -> HttpResponse:
        address, size = address_of(z, x, y), self.size(request)
        scan = selectors.get_map_scan(person(request), map_scan_id)
        version = selectors.scan_version(scan)
        draw = partial(map_scans.tile_png, scan, address, size)
        return self.answer_of(request, version, f"{z}-{x}-{y}-{size}", "image/png", draw)


class PairsView(APIView):
    permission_classes = [IsEditor]
    content_negotiation_class = AnyType

    @extend_schema(operation_id="map_scan_pairs", responses={(200, "application/zip"): OpenApiTypes.BINARY})
    def get(self, request: Request, map_scan_id: int) -> StreamingHttpResponse:
        """The pairs of a scan in MapData's layout, with control points that place it, as a ZIP."""
        scan = selectors.get_map_scan(person(request), map_scan_id)
        response = StreamingHttpResponse(map_scans.archive(scan), content_type="application/zip")
        response["Content-Disposition"] = f'attachment; filename="map-scan-{scan.pk}.zip"'
        return response
