"""Saved filters over HTTP, and the addresses of their feeds."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.accounts.permissions import IsReviewer
from annotation.changes.asked import filters_in
from annotation.changes.models import SavedFilter
from annotation.changes.reports import FEEDS
from annotation.changes.services import saved_filters
from annotation.review.api.http import parse, person
from annotation.sources.selectors import get_region

MOST_CHARS = 4000
"""What `SavedFilter.query` holds."""


class SavedFilterInput(serializers.Serializer):
    name = serializers.CharField(max_length=80)
    query = serializers.CharField(
        max_length=MOST_CHARS,
        required=False,
        allow_blank=True,
        default="",
        help_text="as in an address: kind=add&tag=name",
    )
    shared = serializers.BooleanField(required=False, default=False)
    alert = serializers.BooleanField(
        required=False, default=False, help_text="an e-mail, at most one an hour, where something new fits"
    )

    def validate_query(self, value: str) -> str:
        """Written as an address it may be longer than what came."""
        kept = filters_in(value)
        if len(kept) > MOST_CHARS:
            raise serializers.ValidationError(f"at most {MOST_CHARS} characters as an address: narrow it otherwise")
        return kept


class FeedsOutput(serializers.Serializer):
    rss = serializers.URLField()
    atom = serializers.URLField()
    json = serializers.URLField()


class SavedFilterOutput(serializers.ModelSerializer[SavedFilter]):
    owner = serializers.CharField(source="owner.username")
    mine = serializers.SerializerMethodField()
    feeds = serializers.SerializerMethodField(help_text="for its owner alone, who may hand an address on")

    class Meta:
        model = SavedFilter
        fields = ["id", "name", "query", "shared", "alert", "owner", "mine", "feeds", "created_at"]
        read_only_fields = fields

    def get_mine(self, kept: SavedFilter) -> bool:
        return kept.owner_id == self.context["request"].user.pk

    @extend_schema_field(FeedsOutput(allow_null=True))
    def get_feeds(self, kept: SavedFilter) -> dict[str, Any] | None:
        token = saved_filters.feed_token(kept)
        if not token or not self.get_mine(kept):
            return None
        at = self.context["request"].build_absolute_uri
        return {form: at(reverse("change-feed", args=[token, form])) for form in FEEDS}

    def to_representation(self, instance: SavedFilter) -> dict[str, Any]:
        told = super().to_representation(instance)
        return told if told["mine"] else {**told, "alert": False}


class SavedFiltersView(APIView):
    permission_classes = [IsReviewer]

    @extend_schema(operation_id="regions_changes_filters", responses=SavedFilterOutput(many=True))
    def get(self, request: Request, region_id: int) -> Response:
        """A region's filters: one's own, and those that others share."""
        user = person(request)
        rows = saved_filters.filters_of(user, get_region(user, region_id))
        return Response(SavedFilterOutput(rows, many=True, context={"request": request}).data)

    @extend_schema(request=SavedFilterInput, responses={201: SavedFilterOutput})
    def post(self, request: Request, region_id: int) -> Response:
        """Keep a filter by name."""
        user = person(request)
        region = get_region(user, region_id)
        kept = saved_filters.save(user=user, region=region, **parse(SavedFilterInput, request.data))
        told = SavedFilterOutput(kept, context={"request": request}).data
        return Response(told, status=status.HTTP_201_CREATED)


class SavedFilterView(APIView):
    permission_classes = [IsReviewer]

    @extend_schema(request=SavedFilterInput, responses=SavedFilterOutput)
    def put(self, request: Request, saved_filter_id: int) -> Response:
        """Change one's own filter."""
        user = person(request)
        kept = saved_filters.get_own(user, saved_filter_id)
        data = parse(SavedFilterInput, request.data)
        kept = saved_filters.save(user=user, region=kept.region, filter_id=kept.pk, **data)
        return Response(SavedFilterOutput(kept, context={"request": request}).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, saved_filter_id: int) -> Response:
        """Forget one's own filter; the address of its feed is worth nothing from then on."""
        saved_filters.get_own(person(request), saved_filter_id).delete()
        return Response(status=status.HTTP_204_NO_CONTENT)


class FeedView(APIView):
    permission_classes = [IsReviewer]

    @extend_schema(request=None, responses=SavedFilterOutput)
    def post(self, request: Request, saved_filter_id: int) -> Response:
        """Give the feed a new address; the one before is worth nothing from then on."""
        kept = saved_filters.renew_feed(user=person(request), filter_id=saved_filter_id, on=True)
        return Response(SavedFilterOutput(kept, context={"request": request}).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, saved_filter_id: int) -> Response:
        """Withdraw the feed's address."""
        saved_filters.renew_feed(user=person(request), filter_id=saved_filter_id, on=False)
        return Response(status=status.HTTP_204_NO_CONTENT)
