"""Thin views of reports and files: figures of answers, exports as streams, annotations in."""

from dataclasses import asdict
from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.accounts.permissions import IsEditor, IsReviewer
from annotation.anchors import answers, overview
from annotation.anchors.reports import exports
from annotation.anchors.reports.figures import report
from annotation.anchors.review_api import serializers
from annotation.anchors.services.label_studio import import_annotations
from annotation.common.streams import csv_rows, download, json_array
from annotation.review.api.http import parse, person
from annotation.sources.selectors import get_region

CSV, JSON = "text/csv", "application/json"
FIGURES = {200: OpenApiTypes.OBJECT}


class AnyType(BaseContentNegotiation):
    """A file has one type, whatever is asked for; errors are JSON."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type


class FileView(APIView):
    permission_classes = [IsReviewer]
    content_negotiation_class = AnyType


class BatchReportView(APIView):
    permission_classes = [IsEditor]

    @extend_schema(responses=FIGURES)
    def get(self, request: Request, batch_id: int) -> Response:
        """Acceptance, agreement, confusion and time of one batch; for editors, since it names who said what."""
        batch, _ = overview.visible_batch(person(request), batch_id)
        return Response(report(answers.batch_answers(batch.pk)))


class RegionReportView(APIView):
    permission_classes = [IsEditor]

    @extend_schema(responses=FIGURES)
    def get(self, request: Request, region_id: int) -> Response:
        """The same over all batches of a region."""
        region = get_region(person(request), region_id)
        return Response(report(answers.region_answers(region.pk)))


class AnswersCsvView(FileView):
    permission_classes = [IsEditor]

    @extend_schema(responses={(200, CSV): OpenApiTypes.STR})
    def get(self, request: Request, batch_id: int) -> StreamingHttpResponse:
        """Every answer of a batch as CSV."""
        batch, _ = overview.visible_batch(person(request), batch_id)
        rows = exports.answer_rows(answers.batch_answers(batch.pk))
        return download(csv_rows(exports.ANSWER_HEADER, rows), name=f"answers-{batch.pk}.csv", content_type=CSV)


class AnswersJsonView(FileView):
    permission_classes = [IsEditor]

    @extend_schema(responses={(200, JSON): OpenApiTypes.OBJECT})
    def get(self, request: Request, batch_id: int) -> StreamingHttpResponse:
        """Every answer of a batch as JSON."""
        batch, _ = overview.visible_batch(person(request), batch_id)
        rows = exports.answer_objects(answers.batch_answers(batch.pk))
        return download(json_array(rows), name=f"answers-{batch.pk}.json", content_type=JSON)


class AnchorsCsvView(FileView):
    @extend_schema(responses={(200, CSV): OpenApiTypes.STR})
    def get(self, request: Request, region_id: int) -> StreamingHttpResponse:
        """Every anchor of a region as CSV."""
        region = get_region(person(request), region_id)
        rows = exports.anchor_rows(region)
        return download(csv_rows(exports.ANCHOR_HEADER, rows), name=f"anchors-{region.pk}.csv", content_type=CSV)


class MstconsView(FileView):
    @extend_schema(responses={(200, JSON): OpenApiTypes.OBJECT})
    def get(self, request: Request, region_id: int) -> StreamingHttpResponse:
        """The anchor that speaks for each pair, as in the MSTcons benchmark."""
        region = get_region(person(request), region_id)
        rows = exports.mstcons_rows(region)
        return download(json_array(rows), name=f"mstcons-{region.pk}.json", content_type=JSON)


class LabelStudioTasksView(FileView):
    @extend_schema(parameters=[serializers.TasksQuery], responses={(200, JSON): OpenApiTypes.OBJECT})
    def get(self, request: Request, region_id: int) -> StreamingHttpResponse:
        """Tasks for Label Studio with the generator's words as predictions."""
        region = get_region(person(request), region_id)
        inline = parse(serializers.TasksQuery, request.query_params)["pictures"] == "inline"
        rows = exports.label_studio_tasks(region, request.build_absolute_uri("/").rstrip("/"), inline=inline)
        return download(json_array(rows), name=f"label-studio-{region.pk}.json", content_type=JSON)


class LabelStudioConfigView(FileView):
    @extend_schema(responses={(200, "application/xml"): OpenApiTypes.STR})
    def get(self, request: Request, region_id: int) -> HttpResponse:
        """The labelling interface that belongs to the tasks."""
        get_region(person(request), region_id)
        response = HttpResponse(exports.label_studio_config(), content_type="application/xml; charset=utf-8")
        response["Content-Disposition"] = 'attachment; filename="label-studio.xml"'
        return response


class LabelStudioImportView(APIView):
    permission_classes = [IsEditor]

    @extend_schema(request={JSON: OpenApiTypes.OBJECT}, responses=serializers.ImportOutput)
    def post(self, request: Request, region_id: int) -> Response:
        """Annotations of a Label Studio JSON export as verdicts of whoever brings them; a repeat changes nothing."""
        user = person(request)
        region = get_region(user, region_id)
        counts = import_annotations(user=user, region=region, tasks=request.data)
        return Response(serializers.ImportOutput(asdict(counts)).data)
