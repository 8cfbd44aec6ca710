"""Thin views around the queue: who may be given work, and who did what."""

from collections.abc import Sequence
from typing import Any

import django_filters
from django.db.models import QuerySet
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.accounts.models import User
from annotation.accounts.permissions import IsAdmin, IsReviewer
from annotation.common.pagination import KeysetPagination
from annotation.review.api import serializers
from annotation.review.api.http import parse, person
from annotation.review.models import AuditEntry, Batch
from annotation.review.stages import ReviewStage, get_stage

ACTIONS = (
    "review.decide",
    "review.undo",
    "review.reassign",
    "review.batch",
    "review.change_batch",
    "review.close_batch",
)


class AuditFilter(django_filters.FilterSet):
    """What the list of acts may be narrowed to; anything else is refused."""

    action = django_filters.MultipleChoiceFilter(choices=[(name, name) for name in ACTIONS])
    actor = django_filters.CharFilter(method="of_person", max_length=150)
    object_id = django_filters.CharFilter(field_name="object_id", max_length=64)
    since = django_filters.IsoDateTimeFilter(field_name="at", lookup_expr="gte")
    until = django_filters.IsoDateTimeFilter(field_name="at", lookup_expr="lt")

    class Meta:
        model = AuditEntry
        fields: list[str] = []

    def of_person(self, entries: QuerySet[AuditEntry], _: str, name: str) -> QuerySet[AuditEntry]:
        """By the person's number: with a join the database would look through everybody's acts."""
        person = User.objects.filter(username=name).first()
        return entries.filter(actor_id=person.pk) if person else entries.none()


class AuditPages(KeysetPagination):
    ordering = ("-at", "-id")


class PeopleView(APIView):
    permission_classes = [IsReviewer]

    @extend_schema(parameters=[serializers.StatisticsQuery], responses=serializers.PersonOutput(many=True))
    def get(self, request: Request, stage: str) -> Response:
        """Colleagues who may be given work in this region."""
        region = parse(serializers.StatisticsQuery, request.query_params)["region"]
        registered = get_stage(stage)
        registered.check_scope(person(request), region)
        people = registered.people(region).order_by("username")[:500]
        return Response(serializers.PersonOutput(people, many=True).data)


class AuditView(GenericAPIView):
    permission_classes = [IsAdmin]
    serializer_class = serializers.AuditOutput
    queryset = AuditEntry.objects.none()
    pagination_class = AuditPages
    filter_backends: list[Any] = []

    @extend_schema(
        operation_id="review_audit_list",
        parameters=[serializers.AuditQuery],
        responses=serializers.AuditOutput(many=True),
    )
    def get(self, request: Request, stage: str) -> Response:
        """Who did what in a queue of a region, newest first; for admins, since it shows answers before second ones."""
        region = parse(serializers.StatisticsQuery, request.query_params)["region"]
        registered = get_stage(stage)
        registered.check_scope(person(request), region)
        kinds = [f"{stage}_item", f"{stage}_batch"]
        entries = AuditEntry.objects.filter(scope_id=region, object_kind__in=kinds).select_related("actor")
        form = AuditFilter(request.query_params, queryset=entries, request=request)
        if not form.is_valid():
            raise ValidationError(form.errors)
        page = self.paginate_queryset(form.qs) or []
        told = {"pages": _pages(registered, page)}
        return self.get_paginated_response(serializers.AuditOutput(page, many=True, context=told).data)


def _pages(stage: ReviewStage, entries: Sequence[AuditEntry]) -> dict[int, str]:
    """Where that is looked at which each act is about; nothing of what is gone."""
    about = {one: int(one.object_id) for one in entries if one.object_id.isdigit()}
    items = stage.pages({number for one, number in about.items() if one.object_kind.endswith("_item")})
    batches = {number for one, number in about.items() if one.object_kind.endswith("_batch")} if stage.report else set()
    reports = {
        pk: reverse(stage.report, args=[scope, pk])
        for pk, scope in Batch.objects.filter(pk__in=batches).values_list("pk", "scope_id")
    }
    those = {one: items if one.object_kind.endswith("_item") else reports for one in about}
    return {one.pk: those[one][number] for one, number in about.items() if number in those[one]}
