"""Thin views of webhooks, for admins: register, change, remove, and what became of each delivery."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation.accounts.permissions import IsAdmin
from annotation.common.pagination import KeysetPagination
from annotation.edits import lists
from annotation.edits.api import webhook_serializers as serializers
from annotation.edits.models import Delivery, Webhook
from annotation.edits.services.webhooks import register
from annotation.review.api.http import parse, person
from annotation.sources.selectors import get_region


class WebhookPages(KeysetPagination):
    ordering = "id"


class WebhooksView(ListAPIView):
    """Who is told of what."""

    permission_classes = [IsAdmin]
    serializer_class = serializers.WebhookOutput
    pagination_class = WebhookPages
    queryset = Webhook.objects.none()

    def get_queryset(self):
        if getattr(self, "swagger_fake_view", False):
            return self.queryset
        return lists.webhooks_of(person(self.request))

    @extend_schema(request=serializers.WebhookInput, responses={201: serializers.WebhookOutput})
    def post(self, request: Request) -> Response:
        """Register an address that is told of events, of one region or of all."""
        wished = parse(serializers.WebhookInput, request.data)
        user, number = person(request), wished.pop("region")
        region = get_region(user, number) if number is not None else None
        made = register.register(user=user, region=region, **wished)
        return Response(_shown(request, made.pk), status=status.HTTP_201_CREATED)


class WebhookView(APIView):
    permission_classes = [IsAdmin]

    @extend_schema(request=serializers.WebhookChange, responses=serializers.WebhookOutput)
    def patch(self, request: Request, webhook_id: int) -> Response:
        """Change its address, secret or events, or whether it is told of anything."""
        webhook = lists.get_webhook(person(request), webhook_id)
        register.change(user=person(request), webhook=webhook, **parse(serializers.WebhookChange, request.data))
        return Response(_shown(request, webhook_id))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, webhook_id: int) -> Response:
        """Remove it; what waits for it is not sent any more."""
        register.remove(user=person(request), webhook=lists.get_webhook(person(request), webhook_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


class DeliveriesView(ListAPIView):
    """What a webhook was told or is still to be told, the newest first; `?state=dead`: what was given up."""

    permission_classes = [IsAdmin]
    serializer_class = serializers.DeliveryOutput
    queryset = Delivery.objects.none()

    def get_queryset(self):
        if getattr(self, "swagger_fake_view", False):
            return self.queryset
        webhook = lists.get_webhook(person(self.request), self.kwargs["webhook_id"])
        wanted = parse(serializers.DeliveriesQuery, self.request.query_params)
        return webhook.deliveries.filter(**wanted).defer("body")

    @extend_schema(parameters=[serializers.DeliveriesQuery])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)


class DeliveryAgainView(APIView):
    permission_classes = [IsAdmin]

    @extend_schema(request=None, responses=serializers.DeliveryOutput)
    def post(self, request: Request, delivery_id: int) -> Response:
        """Send a delivery again that was given up."""
        delivery = lists.get_delivery(person(request), delivery_id)
        return Response(serializers.DeliveryOutput(register.send_again(user=person(request), delivery=delivery)).data)


def _shown(request: Request, webhook_id: int) -> dict[str, Any]:
    return serializers.WebhookOutput(lists.get_webhook(person(request), webhook_id)).data
