"""Jobs over HTTP: what runs, how far it is, its live figures, and how to stop it."""

from __future__ import annotations

import uuid
from typing import Any, cast

from django.conf import settings
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.accounts.models import User
from annotation.accounts.permissions import IsReviewer
from annotation.common.errors import NotAllowedError
from annotation.common.models import Job, JobState
from annotation.common.services import jobs, workers
from annotation.sources import selectors
from annotation.sources.services.retry_job import retry_job


class JobOutput(serializers.ModelSerializer[Job]):
    """A job in a list."""

    outlook = serializers.SerializerMethodField(help_text="what keeps it waiting or makes it slow; empty: nothing")
    region = serializers.IntegerField(source="scope_id", read_only=True, allow_null=True)
    created_by = serializers.CharField(source="created_by.username", read_only=True, allow_null=True, default=None)

    class Meta:
        model = Job
        fields = [
            "id",
            "kind",
            "region",
            "state",
            "progress",
            "message",
            "outlook",
            "attempts",
            "max_attempts",
            "cancel_requested",
            "error_code",
            "error_detail",
            "created_by",
            "created_at",
            "started_at",
            "finished_at",
        ]
        read_only_fields = fields

    def get_outlook(self, job: Job) -> str:
        if job.finished:
            return ""
        kept = cast(dict[Any, Any], self.context)  # of the whole list: what is asked once for all its jobs
        place = workers.rule_of(job.kind, job.params), job.scope_id
        if "workers" not in kept:
            kept["workers"] = workers.live_workers()
        if place not in kept:
            kept[place] = workers.outlook(job.kind, job.params, kept["workers"], job.scope_id)
        return str(kept[place])


class JobDetail(JobOutput):
    """A job with its result and its live figures: name -> [[step, value], ...]."""

    figures = serializers.SerializerMethodField()

    class Meta(JobOutput.Meta):
        fields = [*JobOutput.Meta.fields, "result", "figures"]
        read_only_fields = fields

    @extend_schema_field(
        {
            "type": "object",
            "additionalProperties": {
                "type": "array",
                "items": {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2},
            },
        }
    )
    def get_figures(self, job: Job) -> dict[str, list[list[float]]]:
        curves: dict[str, list[list[float]]] = {}
        for name, step, value in job.figures.order_by("name", "step").values_list("name", "step", "value"):
            curves.setdefault(name, []).append([step, value])
        return curves


class JobFilter(serializers.Serializer):
    """How a list of jobs may be narrowed."""

    region = serializers.IntegerField(required=False, min_value=1, max_value=2**63 - 1)
    state = serializers.ChoiceField(choices=JobState.choices, required=False)
    dead = serializers.BooleanField(
        required=False, default=False, help_text="only those given up after all their tries"
    )


class JobPagination(CursorPagination):
    """Newest first; ids of jobs are random, so the order is that of creation."""

    ordering = ("-created_at", "-pk")
    page_size_query_param = "page_size"
    max_page_size = 500


class JobListView(GenericAPIView):
    """Jobs the person may see, newest first."""

    permission_classes = [IsReviewer]
    serializer_class = JobOutput
    pagination_class = JobPagination
    queryset = Job.objects.none()

    @extend_schema(
        operation_id="jobs_list",
        parameters=[
            OpenApiParameter("region", int),
            OpenApiParameter("state", str, enum=JobState.values),
            OpenApiParameter("dead", bool),
        ],
        responses=JobOutput(many=True),
    )
    def get(self, request: Request) -> Response:
        user = cast(User, request.user)
        query = JobFilter(data=request.query_params)
        query.is_valid(raise_exception=True)
        rows = selectors.visible_jobs(user).select_related("created_by")
        if "region" in query.validated_data:
            rows = rows.filter(scope_id=selectors.get_region(user, query.validated_data["region"]).pk)
        if "state" in query.validated_data:
            rows = rows.filter(state=query.validated_data["state"])
        if query.validated_data["dead"]:
            rows = rows.filter(pk__in=Job.objects.dead_letters().values("pk"))
        return self.get_paginated_response(JobOutput(self.paginate_queryset(rows), many=True).data)


class JobView(GenericAPIView):
    """One job."""

    permission_classes = [IsReviewer]
    serializer_class = JobDetail
    pagination_class = None

    @extend_schema(responses=JobDetail)
    def get(self, request: Request, job_id: uuid.UUID) -> Response:
        return Response(JobDetail(selectors.get_job(cast(User, request.user), job_id)).data)


class JobCancelView(GenericAPIView):
    """Stops a job: whoever started it, and admins."""

    permission_classes = [IsReviewer]
    serializer_class = JobDetail
    pagination_class = None

    @extend_schema(request=None, responses=JobDetail)
    def post(self, request: Request, job_id: uuid.UUID) -> Response:
        user = cast(User, request.user)
        job = selectors.get_job(user, job_id)
        if not user.is_admin and job.created_by_id != user.pk:
            raise NotAllowedError("only an admin, or who started the job, can stop it")
        return Response(JobDetail(jobs.cancel(job)).data)


class JobRetryView(GenericAPIView):
    """Has a job that failed or was cancelled tried again: whoever started it, and admins."""

    permission_classes = [IsReviewer]
    serializer_class = JobDetail
    pagination_class = None

    @extend_schema(request=None, responses=JobDetail)
    def post(self, request: Request, job_id: uuid.UUID) -> Response:
        user = cast(User, request.user)
        return Response(JobDetail(retry_job(user=user, job=selectors.get_job(user, job_id))).data)


class WorkersQuery(serializers.Serializer):
    """Which jobs are about to be started, and where."""

    kind = serializers.CharField(max_length=64, required=False, default="")
    region = serializers.IntegerField(required=False, min_value=1, max_value=2**63 - 1)


class WorkersOutput(serializers.Serializer):
    """What runs jobs here, and what therefore becomes of one."""

    outlook = serializers.CharField(help_text="of a job of the kind that was asked for; empty: nothing is in its way")
    unserved = serializers.ListField(child=serializers.CharField(), help_text="queues that no worker serves")
    gpu = serializers.BooleanField(help_text="a worker has one")


class WorkersView(GenericAPIView):
    """The workers of this installation."""

    permission_classes = [IsReviewer]
    serializer_class = WorkersOutput
    pagination_class = None

    @extend_schema(parameters=[WorkersQuery], responses=WorkersOutput)
    def get(self, request: Request) -> Response:
        """Which queues nobody serves, whether there is a GPU, and what a job that is started now would meet."""
        query = WorkersQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        user, kind, there, region = cast(User, request.user), query.validated_data["kind"], workers.live_workers(), None
        if "region" in query.validated_data:
            region = selectors.get_region(user, query.validated_data["region"]).pk
        seen, known = selectors.visible_jobs(user), kind in settings.JOB_RUNNERS
        told = {
            "outlook": workers.outlook(kind, {}, there, region, seen) if known else "",
            "unserved": workers.unserved_queues(there),
            "gpu": any(worker.has_gpu for worker in there),
        }
        return Response(WorkersOutput(told).data)
