"""Thin views that join stages: a tile, a region at a glance, and the start of long work."""

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.accounts.permissions import IsAdmin, IsReviewer
from annotation.changes.api.serializers import JobStarted
from annotation.pipeline import overview
from annotation.pipeline.api import serializers
from annotation.pipeline.services.start import start_main_job
from annotation.pipeline.services.start_first_look import start_first_look
from annotation.review.api.http import parse, person
from annotation.sources.selectors import get_region


class PairView(APIView):
    permission_classes = [IsReviewer]

    @extend_schema(responses=serializers.PairDetail)
    def get(self, request: Request, region_id: int, z: int, x: int, y: int) -> Response:
        """A tile with its image, map, anchor, scores and suspected changes."""
        region = get_region(person(request), region_id)
        return Response(serializers.PairDetail(overview.pair_detail(region, z, x, y)).data)


class SummaryView(APIView):
    permission_classes = [IsReviewer]

    @extend_schema(responses=serializers.Summary)
    def get(self, request: Request, region_id: int) -> Response:
        """What a region has and what waits in it."""
        return Response(serializers.Summary(overview.summary(get_region(person(request), region_id))).data)


class FirstLookView(APIView):
    permission_classes = [IsAdmin]

    @extend_schema(request=None, responses={202: JobStarted})
    def post(self, request: Request, region_id: int) -> Response:
        """Scan by the general model, untuned, and fill the queue, until the region has a model of its own.

        After an import that starts by itself, where the region says `first_look`, and training follows; here it is
        asked for, and none does.
        """
        job = start_first_look(region=get_region(person(request), region_id), user=person(request))
        return Response(JobStarted({"job": job}).data, status=status.HTTP_202_ACCEPTED)


class MainJobView(APIView):
    permission_classes = [IsAdmin]

    @extend_schema(request=serializers.MainJobInput, responses={202: JobStarted})
    def post(self, request: Request, region_id: int) -> Response:
        """Pairs, anchors, training, scan and candidates in one job; while it runs, the same job is given again."""
        region = get_region(person(request), region_id)
        job = start_main_job(region=region, user=person(request), **parse(serializers.MainJobInput, request.data))
        return Response(JobStarted({"job": job}).data, status=status.HTTP_202_ACCEPTED)
