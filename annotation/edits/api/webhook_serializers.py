"""What goes in and out of the API of webhooks; a secret goes in and never out."""

from rest_framework import serializers

from annotation.common.models import MAX_ID
from annotation.edits.models import Delivery, DeliveryState, Webhook, WebhookEvent


class WebhookChange(serializers.Serializer):
    """What of a webhook is changed; what is left out stays."""

    url = serializers.CharField(max_length=500, required=False, help_text="https; its host is checked at each request")
    secret = serializers.CharField(
        min_length=16, max_length=200, required=False, write_only=True, trim_whitespace=False,
        help_text="signs what is sent; it is never shown again",
    )  # fmt: skip
    events = serializers.ListField(
        child=serializers.ChoiceField(choices=WebhookEvent.choices), min_length=1, max_length=3, required=False
    )
    active = serializers.BooleanField(required=False, help_text="false: it is told of nothing, and nothing is sent")


class WebhookInput(serializers.Serializer):
    region = serializers.IntegerField(
        min_value=1, max_value=MAX_ID, required=False, allow_null=True, default=None, help_text="empty: every region"
    )
    url = serializers.CharField(max_length=500, help_text="https; its host is checked at each request")
    secret = serializers.CharField(
        min_length=16, max_length=200, write_only=True, trim_whitespace=False,
        help_text="signs what is sent; it is never shown again",
    )  # fmt: skip
    events = serializers.ListField(
        child=serializers.ChoiceField(choices=WebhookEvent.choices), min_length=1, max_length=3
    )


class WebhookOutput(serializers.ModelSerializer):
    events = serializers.ListField(child=serializers.ChoiceField(choices=WebhookEvent.choices))
    region_name = serializers.CharField(source="region.name", default=None, allow_null=True)
    created_by = serializers.CharField(source="created_by.username", default=None, allow_null=True)
    waiting = serializers.IntegerField(help_text="deliveries that are still to be taken; 10,000 is that many or more")
    dead = serializers.IntegerField(help_text="deliveries that were given up; 10,000 is that many or more")
    problem = serializers.CharField(allow_null=True, help_text="why one that waits was not taken, of the newest such")

    class Meta:
        model = Webhook
        fields = ["id", "region", "region_name", "url", "events", "active", "created_at", "created_by", "waiting",
                  "dead", "problem"]  # fmt: skip
        read_only_fields = fields


class DeliveriesQuery(serializers.Serializer):
    state = serializers.ChoiceField(choices=DeliveryState.choices, required=False)


class DeliveryOutput(serializers.ModelSerializer):
    class Meta:
        model = Delivery
        fields = ["id", "event", "event_id", "state", "attempts", "created_at", "due_at", "delivered_at",
                  "last_status", "problem"]  # fmt: skip
        read_only_fields = fields
