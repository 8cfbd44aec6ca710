"""What goes in and out of the queue's API."""

import json
from typing import Any

from rest_framework import serializers

from annotation.common.models import MAX_ID
from annotation.review.models import AuditEntry, QueueItem, Verdict, VerdictEvent
from annotation.review.services.assign import MOST, MOST_DAYS

MAX_PAYLOAD_CHARS = 400_000
WAITING = "answers whose subject waits for a blind second one; they are left out of the counts by decision until then"


class ClaimInput(serializers.Serializer):
    region = serializers.IntegerField(min_value=1, max_value=MAX_ID)
    skip = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=MAX_ID), required=False, default=list, max_length=1000
    )
    batch = serializers.IntegerField(
        min_value=1, max_value=MAX_ID, required=False, allow_null=True, default=None,
        help_text="take from this batch; without one, from what is in no batch",
    )  # fmt: skip
    first = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=MAX_ID), required=False, default=list, max_length=100,
        help_text="items that go before the queue's own order, in this order; those that are not free are passed over",
    )  # fmt: skip
    wanted = serializers.DictField(
        required=False, allow_null=True, default=None,
        help_text="give only what is like this: the filters of the stage's own list, by name; of changes also `order`, "
        "'value' or 'near', with `near`, the id of the change that the next one is to lie near to",
    )  # fmt: skip


class LeaseInput(serializers.Serializer):
    lease_token = serializers.IntegerField(min_value=0, max_value=MAX_ID)


class DecideInput(LeaseInput):
    version = serializers.IntegerField(min_value=0, max_value=2**31 - 1)
    decision = serializers.CharField(max_length=32)
    reason = serializers.CharField(max_length=64, required=False, allow_blank=True, default="")
    comment = serializers.CharField(max_length=4000, required=False, allow_blank=True, default="")
    payload = serializers.DictField(
        required=False, default=dict,
        help_text="such as {'geometry': GeoJSON polygon}; of a change also `cut`, a line that makes it two buildings, "
        "`merge`, the key of one that it becomes one with, `tags`, `layers` and `seen_map`",
    )  # fmt: skip
    seconds = serializers.FloatField(min_value=0, max_value=86400, required=False, allow_null=True, default=None)
    idempotency_key = serializers.UUIDField()

    def validate_payload(self, payload: dict[str, Any]) -> dict[str, Any]:
        try:
            text = json.dumps(payload, allow_nan=False, ensure_ascii=False)
            text.encode()
        except (ValueError, RecursionError) as error:
            raise serializers.ValidationError(
                "numbers must be finite, characters whole and nesting reasonable"
            ) from error
        if len(text) > MAX_PAYLOAD_CHARS or "\\u0000" in text:
            raise serializers.ValidationError(f"at most {MAX_PAYLOAD_CHARS} characters of JSON, none of them NUL")
        return payload


class UndoInput(serializers.Serializer):
    version = serializers.IntegerField(min_value=0, max_value=2**31 - 1)
    idempotency_key = serializers.UUIDField()


class ReassignInput(LeaseInput):
    version = serializers.IntegerField(min_value=0, max_value=2**31 - 1)
    to = serializers.IntegerField(
        min_value=1, max_value=MAX_ID, allow_null=True, help_text="id of the colleague; null puts it back for everyone"
    )
    comment = serializers.CharField(max_length=4000, required=False, allow_blank=True, default="")
    idempotency_key = serializers.UUIDField()


class AssignInput(serializers.Serializer):
    region = serializers.IntegerField(min_value=1, max_value=MAX_ID)
    items = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=MAX_ID), min_length=1, max_length=MOST
    )
    to = serializers.IntegerField(min_value=1, max_value=MAX_ID, help_text="id of the person")
    days = serializers.IntegerField(
        min_value=1, max_value=MOST_DAYS, required=False, default=7, help_text="then they are for everyone again"
    )
    comment = serializers.CharField(max_length=4000, required=False, allow_blank=True, default="")
    idempotency_key = serializers.UUIDField()


class AssignedOutput(serializers.Serializer):
    given = serializers.IntegerField(help_text="items given; what somebody holds, decided or was given is not")


class LeasedItem(serializers.ModelSerializer):
    class Meta:
        model = QueueItem
        fields = ["id", "stage", "state", "version", "lease_token", "lease_expires_at"]
        read_only_fields = fields


class FlagOutput(serializers.Serializer):
    by = serializers.CharField(source="reviewer.username")
    comment = serializers.CharField()
    at = serializers.DateTimeField()


class WaitingOutput(serializers.Serializer):
    open = serializers.IntegerField(help_text="items without an answer")


class ClaimOutput(serializers.Serializer):
    item = LeasedItem(allow_null=True)
    subject = serializers.JSONField(help_text="what the stage shows of the item", allow_null=True)
    open = serializers.IntegerField(allow_null=True, help_text="undecided items, given where none could be claimed")
    leased = serializers.IntegerField(
        allow_null=True, help_text="of them, what others hold, or is renewed first; up to `counted_to`"
    )  # fmt: skip
    blocked = serializers.IntegerField(
        allow_null=True, help_text="how many of the others are for somebody else alone; up to `counted_to`"
    )  # fmt: skip
    counted_to = serializers.IntegerField(
        allow_null=True, help_text="where `leased` and `blocked` end: that many are at least that many; null: nowhere"
    )  # fmt: skip
    next = serializers.ListField(
        child=serializers.IntegerField(), help_text="where something was wanted: items that fit and come after it, as "
        "of now; sent back as `first` they are tried before what fits is looked for again",
    )  # fmt: skip
    flag = FlagOutput(allow_null=True, help_text="who flagged the item to this person, and what they said")


class VerdictOutput(serializers.ModelSerializer):
    reviewer = serializers.CharField(source="reviewer.username", read_only=True)

    class Meta:
        model = Verdict
        fields = [
            "id", "event", "decision", "reason", "comment", "payload", "seconds", "item_version", "reviewer", "at",
        ]  # fmt: skip
        read_only_fields = fields


class ItemAfter(serializers.Serializer):
    """The item as it was right after the event, so that a repeated save gets the very same reply."""

    id = serializers.IntegerField(source="item_id")
    version = serializers.IntegerField(source="item_version")
    state = serializers.SerializerMethodField()
    decision = serializers.SerializerMethodField()
    lease_token = serializers.SerializerMethodField()
    lease_expires_at = serializers.SerializerMethodField()

    def get_state(self, verdict: Verdict) -> str:
        if verdict.event == VerdictEvent.DECIDE:
            return "decided"
        return verdict.payload.get("state", "open") if verdict.event == VerdictEvent.UNDO else "open"

    def get_decision(self, verdict: Verdict) -> str:
        return verdict.decision if verdict.event == VerdictEvent.DECIDE else ""

    def get_lease_token(self, verdict: Verdict) -> int | None:
        return verdict.payload.get("lease_token") if verdict.event == VerdictEvent.UNDO else None

    def get_lease_expires_at(self, verdict: Verdict) -> str | None:
        return verdict.payload.get("lease_expires_at") if verdict.event == VerdictEvent.UNDO else None


class SavedOutput(serializers.Serializer):
    item = ItemAfter(source="*")
    verdict = VerdictOutput(source="*")


class ReleaseOutput(serializers.Serializer):
    released = serializers.BooleanField(help_text="false where the lease had ended already")


class ReviewerCounts(serializers.Serializer):
    reviewer = serializers.CharField()
    decided = serializers.IntegerField()
    waiting = serializers.IntegerField(help_text=WAITING)
    undone = serializers.IntegerField()
    flagged = serializers.IntegerField()
    decisions = serializers.DictField(child=serializers.IntegerField())
    mean_seconds = serializers.FloatField(allow_null=True)


class StatisticsOutput(serializers.Serializer):
    decisions = serializers.DictField(
        child=serializers.IntegerField(), help_text="items by decision in force, and open"
    )
    waiting = serializers.IntegerField(help_text=WAITING)
    reviewers = ReviewerCounts(many=True)
    reasons = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField()), help_text="decisions and their reason codes"
    )


class StatisticsQuery(serializers.Serializer):
    region = serializers.IntegerField(min_value=1, max_value=MAX_ID)


class PersonOutput(serializers.Serializer):
    id = serializers.IntegerField()
    username = serializers.CharField()


class AuditQuery(StatisticsQuery):
    action = serializers.ListField(child=serializers.CharField(), required=False, help_text="such as review.decide")
    actor = serializers.CharField(required=False, help_text="user name")
    object_id = serializers.CharField(required=False)
    since = serializers.DateTimeField(required=False)
    until = serializers.DateTimeField(required=False)


class AuditOutput(serializers.ModelSerializer):
    actor = serializers.CharField(source="actor.username", read_only=True, allow_null=True, default=None)

    page_url = serializers.SerializerMethodField(help_text="where that is looked at; empty where it is gone")

    class Meta:
        model = AuditEntry
        fields = ["id", "at", "actor", "action", "object_kind", "object_id", "page_url", "data"]
        read_only_fields = fields

    def get_page_url(self, entry: AuditEntry) -> str:
        found: str = self.context.get("pages", {}).get(entry.pk, "")
        return found


class ProgressOutput(serializers.Serializer):
    """How far a batch is."""

    open = serializers.IntegerField()
    decided = serializers.IntegerField()
    waiting = serializers.IntegerField(help_text=WAITING)
    withdrawn = serializers.IntegerField()
    decisions = serializers.DictField(child=serializers.IntegerField())


class BatchChange(serializers.Serializer):
    """What may change in a batch."""

    name = serializers.CharField(max_length=120, required=False)
    open_to_all = serializers.BooleanField(required=False)
    people = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=MAX_ID), required=False, max_length=200
    )


class ShareOutput(serializers.Serializer):
    """A share with its 95 % interval."""

    hits = serializers.IntegerField()
    of = serializers.IntegerField()
    share = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
