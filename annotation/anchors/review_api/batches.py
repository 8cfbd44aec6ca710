"""Thin views of batches: list, start, change, close."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.accounts.models import User
from annotation.accounts.permissions import IsEditor, ReadOrEditor
from annotation.anchors import overview
from annotation.anchors.answers import REVIEW
from annotation.anchors.review_api import serializers
from annotation.anchors.services import batches
from annotation.anchors.services.sampling import Plan
from annotation.review.api.http import parse, person
from annotation.review.api.serializers import BatchChange
from annotation.review.batches import batches_of
from annotation.review.models import Batch
from annotation.review.services import batch as batch_service
from annotation.review.services.batch import BatchWish
from annotation.sources.selectors import colleagues, get_region


class BatchesView(GenericAPIView):
    """Batches of a region's anchors."""

    permission_classes = [ReadOrEditor]
    serializer_class = serializers.BatchOutput
    queryset = Batch.objects.none()
    filter_backends: list[Any] = []

    @extend_schema(operation_id="anchor_batches_list", responses=serializers.BatchOutput(many=True))
    def get(self, request: Request, region_id: int) -> Response:
        """Batches of the region, newest first, with how far each is."""
        user = person(request)
        region = get_region(user, region_id)
        page = self.paginate_queryset(batches_of(REVIEW, region.pk)) or []
        shown = overview.described(page, user)
        return self.get_paginated_response(serializers.BatchOutput(shown, many=True).data)

    @extend_schema(request=serializers.BatchInput, responses={201: serializers.BatchOutput})
    def post(self, request: Request, region_id: int) -> Response:
        """Draw anchors and queue them."""
        user = person(request)
        region = get_region(user, region_id)
        data = parse(serializers.BatchInput, request.data)
        wish = BatchWish(
            name=data["name"],
            second_share=data["second_share"],
            open_to_all=data["open_to_all"],
            people=colleagues(region.pk, data["people"]),
        )
        plan = Plan(**{name: data[name] for name in ("plan", "number", "by", "generator", "seed")})
        batch = batches.start(user=user, region=region, wish=wish, plan=plan)
        return Response(_shown(batch, user), status=201)


class BatchView(APIView):
    permission_classes = [ReadOrEditor]

    @extend_schema(responses=serializers.BatchOutput)
    def get(self, request: Request, batch_id: int) -> Response:
        """One batch with how far it is."""
        batch, _ = overview.visible_batch(person(request), batch_id)
        return Response(_shown(batch, person(request)))

    @extend_schema(request=BatchChange, responses=serializers.BatchOutput)
    def patch(self, request: Request, batch_id: int) -> Response:
        """Rename a batch, or change for whom it is."""
        user = person(request)
        batch, region = overview.visible_batch(user, batch_id)
        data = parse(BatchChange, request.data)
        people = colleagues(region.pk, data["people"]) if "people" in data else None
        batch = batch_service.change(
            user=user, batch=batch, name=data.get("name"), open_to_all=data.get("open_to_all"), people=people
        )
        return Response(_shown(batch, user))


class CloseView(APIView):
    permission_classes = [IsEditor]

    @extend_schema(request=None, responses=serializers.BatchOutput)
    def post(self, request: Request, batch_id: int) -> Response:
        """Take what is undecided out of the queue; answers stay."""
        user = person(request)
        batch, region = overview.visible_batch(user, batch_id)
        return Response(_shown(batches.close(user=user, region=region, batch_id=batch.pk), user))


def _shown(batch: Batch, user: User) -> Any:
    return serializers.BatchOutput(overview.described([batch], user)[0]).data
