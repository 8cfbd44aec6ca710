"""Thin views of correspondences: list a region's, look at one, start their making, try a refit."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.accounts.permissions import IsReviewer, ReadOrAdmin
from annotation.common.models import Job
from annotation.correspondences import card, engine, selectors
from annotation.correspondences.api import serializers
from annotation.correspondences.models import Correspondences
from annotation.correspondences.nearby import outlines_of
from annotation.correspondences.services import propose
from annotation.review.api.http import parse, person
from annotation.sources.selectors import get_region
from annotation.tiles.engine import tile_address

LAST_JOBS = 5


class CorrespondencesListView(GenericAPIView):
    """Correspondences of a region."""

    permission_classes = [ReadOrAdmin]
    serializer_class = serializers.CorrespondencesOutput
    queryset = Correspondences.objects.none()
    filter_backends: list[Any] = []

    @extend_schema(
        operation_id="correspondences_list",
        parameters=[serializers.CorrespondencesQuery],
        responses=serializers.CorrespondencesOutput(many=True),
    )
    def get(self, request: Request, region_id: int) -> Response:
        """Proposals of the region, newest first."""
        region = get_region(person(request), region_id)
        rows = selectors.correspondences_of_region(region.pk)
        rows = rows.filter(**parse(serializers.CorrespondencesQuery, request.query_params))
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(serializers.CorrespondencesOutput(page, many=True).data)

    @extend_schema(request=serializers.ProposeInput, responses={202: serializers.ProposeOutput})
    def post(self, request: Request, region_id: int) -> Response:
        """Match every tile that this matcher has not looked at yet; 202 with the job."""
        region = get_region(person(request), region_id)
        data = parse(serializers.ProposeInput, request.data)
        job = propose.start(region=region, user=person(request), matcher=data["matcher"])
        return Response(serializers.ProposeOutput({"job": job}).data, status=202)


class MatchersView(APIView):
    permission_classes = [IsReviewer]

    @extend_schema(responses=serializers.MatchersOutput)
    def get(self, request: Request, region_id: int) -> Response:
        """Matchers to choose from, how many proposals there are by state, and the last jobs."""
        region = get_region(person(request), region_id)
        jobs = Job.objects.for_scope(region.pk).filter(kind="correspondences.propose").select_related("created_by")
        reply = {
            "offered": engine.offered(),
            "counts": selectors.state_counts(region.pk),
            "counted_to": selectors.COUNTED_TO,
            "jobs": list(jobs.order_by("-created_at")[:LAST_JOBS]),
        }
        return Response(serializers.MatchersOutput(reply).data)


class CorrespondencesView(APIView):
    permission_classes = [IsReviewer]

    @extend_schema(responses=serializers.CorrespondencesDetail)
    def get(self, request: Request, correspondences_id: int) -> Response:
        """One proposal with its points and their residuals."""
        row = selectors.get_correspondences(person(request), correspondences_id)
        return Response(serializers.CorrespondencesDetail(row).data)


class FootprintsView(APIView):
    permission_classes = [IsReviewer]

    @extend_schema(responses=serializers.OutlinesOutput)
    def get(self, request: Request, correspondences_id: int) -> Response:
        """Outlines of the map's buildings on and around the tile, in its pixels."""
        row = selectors.get_correspondences(person(request), correspondences_id)
        return Response(outlines_of(row))


class RefitView(APIView):
    permission_classes = [IsReviewer]

    @extend_schema(request=serializers.RefitInput, responses=serializers.RefitOutput)
    def post(self, request: Request, correspondences_id: int) -> Response:
        """What a person's points would come to; nothing is saved."""
        row = selectors.get_correspondences(person(request), correspondences_id)
        data = parse(serializers.RefitInput, request.data)
        correction = engine.checked_correction(data, tile_address(row.tile))
        return Response(serializers.RefitOutput(card.shown_correction(correction)).data)
