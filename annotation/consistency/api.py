"""HTTP door of the scans: start one, follow it, read its scores."""

from typing import Any

from django.urls import path
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.accounts.models import User
from annotation.accounts.permissions import IsReviewer, ReadOrAdmin
from annotation.consistency import engine, selectors
from annotation.consistency.models import Scan, ShiftOrigin
from annotation.consistency.services import start
from annotation.learning.selectors import get_model
from annotation.review.api.http import parse, person
from annotation.sources.api.jobs import JobOutput
from annotation.sources.models import Region
from annotation.sources.selectors import get_region


class OffsetOutput(serializers.Serializer):
    """How far the image lies from the map in the whole region; suggestions are corrected for it."""

    east_m = serializers.FloatField(help_text="the image lies so far to the east of the map, metres on the ground")
    north_m = serializers.FloatField(help_text="the same to the north")
    metres = serializers.FloatField()
    confidence = serializers.FloatField(help_text="0..1: how surely one offset holds for the region")
    tiles = serializers.IntegerField(help_text="tiles whose own shift agrees")
    of = serializers.IntegerField(help_text="tiles that were scanned")


class ScanOutput(serializers.ModelSerializer):
    """A scan: which model looked at which imagery and map, and what is newer by now."""

    job = JobOutput(allow_null=True)
    scored = serializers.IntegerField(read_only=True, help_text="tiles scored so far")
    stale = serializers.SerializerMethodField(help_text="what is newer than the scan: imagery, snapshot, model")
    offset = serializers.SerializerMethodField(
        help_text="null where image and map lie together, or no one offset holds"
    )

    class Meta:
        model = Scan
        fields = [
            "id", "region", "model", "imagery", "snapshot", "include_unmapped", "state", "scored", "stale", "offset",
            "job", "created_at",
        ]  # fmt: skip
        read_only_fields = fields

    def get_stale(self, scan: Scan) -> list[str]:
        return self.context["stale"].get(scan.pk, [])

    @extend_schema_field(OffsetOutput(allow_null=True))
    def get_offset(self, scan: Scan) -> dict[str, Any] | None:
        return engine.shown_offset(scan, scan.scored)  # type: ignore[attr-defined]  # annotated


class ScanStart(serializers.Serializer):
    """Which model, and whether to look where the map is known to be incomplete."""

    model = serializers.IntegerField(min_value=1, max_value=2**63 - 1, required=False, allow_null=True, default=None)
    include_unmapped = serializers.BooleanField(default=False)


class ScoresOutput(serializers.Serializer):
    """Every score of a scan, compact."""

    zoom = serializers.IntegerField()
    scores = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField()),
        help_text="[x, y, probability, final, difference] per tile; probability near 1: image and map agree",
    )


class FieldQuery(serializers.Serializer):
    """Columns and rows of tiles at the region's zoom, from the north-west; the last ones are included."""

    left = serializers.IntegerField(min_value=0, max_value=2**24)
    top = serializers.IntegerField(min_value=0, max_value=2**24)
    right = serializers.IntegerField(min_value=0, max_value=2**24)
    bottom = serializers.IntegerField(min_value=0, max_value=2**24)

    def validate(self, attrs: dict[str, int]) -> dict[str, int]:
        if attrs["left"] > attrs["right"] or attrs["top"] > attrs["bottom"]:
            raise serializers.ValidationError("left must not be beyond right, nor top below bottom")
        return attrs


class OffsetRowOutput(serializers.Serializer):
    """How far the image lies off the map on one tile; suggestions on it are corrected for it."""

    x = serializers.IntegerField()
    y = serializers.IntegerField()
    east_m = serializers.FloatField(help_text="the image lies so far to the east of the map, metres on the ground")
    north_m = serializers.FloatField(help_text="the same to the north")
    confidence = serializers.FloatField(help_text="0..1: probability that it is right")
    shift_origin = serializers.ChoiceField(choices=ShiftOrigin.choices, help_text="where it is known from")


class OffsetFieldOutput(serializers.Serializer):
    """The offsets of single tiles, no more than 1024 of them: of a large part every so-manieth tile either way."""

    zoom = serializers.IntegerField()
    step = serializers.IntegerField(help_text="every so-manieth tile was looked at; 1: all of them")
    offsets = OffsetRowOutput(many=True)


def shown(scans: list[Scan], region: Region) -> list[dict[str, Any]]:
    """Scans as the API gives them."""
    stale = {scan.pk: why for scan, why in selectors.stale_scans(region)}
    return list(ScanOutput(scans, many=True, context={"stale": stale}).data)


def one(user: User, scan_id: int) -> dict[str, Any]:
    """One scan as the API gives it."""
    region = selectors.get_scan(user, scan_id).region
    return shown([selectors.scans_of_region(region.pk).get(pk=scan_id)], region)[0]


class ScansView(GenericAPIView):
    """Scans of a region."""

    permission_classes = [ReadOrAdmin]
    serializer_class = ScanOutput
    queryset = Scan.objects.none()
    filter_backends: list[Any] = []

    @extend_schema(operation_id="scans_list", responses=ScanOutput(many=True))
    def get(self, request: Request, region_id: int) -> Response:
        """Scans, newest first."""
        region = get_region(person(request), region_id)
        page = self.paginate_queryset(selectors.scans_of_region(region.pk))
        return self.get_paginated_response(shown(list(page or []), region))

    @extend_schema(request=ScanStart, responses={202: ScanOutput})
    def post(self, request: Request, region_id: int) -> Response:
        """Score every tile of the region; 202 with the scan and its job."""
        user = person(request)
        region = get_region(user, region_id)
        data = parse(ScanStart, request.data)
        model = get_model(user, data["model"]) if data["model"] else None
        scan = start.start(region=region, user=user, model=model, include_unmapped=data["include_unmapped"])
        return Response(one(user, scan.pk), status=202)


class ScanView(APIView):
    """One scan."""

    permission_classes = [IsReviewer]

    @extend_schema(responses=ScanOutput)
    def get(self, request: Request, scan_id: int) -> Response:
        """The scan with its job."""
        return Response(one(person(request), scan_id))


class ScoresView(APIView):
    """Scores of a scan."""

    permission_classes = [IsReviewer]

    @extend_schema(responses=ScoresOutput)
    def get(self, request: Request, scan_id: int) -> Response:
        """Every score, in grid order."""
        scan = selectors.get_scan(person(request), scan_id)
        return Response({"zoom": scan.region.zoom, "scores": selectors.score_rows(scan)})


class OffsetFieldView(APIView):
    """Offsets of image and map on the tiles of a scan."""

    permission_classes = [IsReviewer]

    @extend_schema(parameters=[FieldQuery], responses=OffsetFieldOutput)
    def get(self, request: Request, scan_id: int) -> Response:
        """How far the image lies off the map on single tiles of a part of the region."""
        scan = selectors.get_scan(person(request), scan_id)
        field = selectors.offset_field(scan, **parse(FieldQuery, request.query_params))
        names = ("x", "y", "east_m", "north_m", "confidence", "shift_origin")
        rows = [dict(zip(names, row, strict=True)) for row in field.rows]
        return Response(OffsetFieldOutput({"zoom": scan.region.zoom, "step": field.step, "offsets": rows}).data)


urlpatterns = [
    path("regions/<int:region_id>/scans/", ScansView.as_view(), name="api-scans"),
    path("scans/<int:scan_id>/", ScanView.as_view(), name="api-scan"),
    path("scans/<int:scan_id>/scores/", ScoresView.as_view(), name="api-scan-scores"),
    path("scans/<int:scan_id>/offsets/", OffsetFieldView.as_view(), name="api-scan-offsets"),
]
