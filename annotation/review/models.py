"""The queue that every review stage shares: items, leases on them, and decisions as events."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from annotation.common.models import Timestamped


class ItemState(models.TextChoices):
    OPEN = "open"
    DECIDED = "decided"
    WITHDRAWN = "withdrawn"


class QueueItem(Timestamped):
    """One thing to decide. A stage's own row (a change, an anchor) points here with a OneToOneField.

    A claim sets the lease; `lease_token` grows with every claim, so that a late save with an old token is refused.
    """

    stage = models.CharField(max_length=32, help_text="the stage that made it, such as 'changes'")
    scope_id = models.BigIntegerField(help_text="id of the region, without a foreign key")
    priority = models.FloatField(default=0.0, help_text="higher comes first")
    state = models.CharField(max_length=16, choices=ItemState, default=ItemState.OPEN)
    decision = models.CharField(max_length=32, blank=True, default="")
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)
    version = models.PositiveIntegerField(default=0, help_text="grows with every decision and undo")
    lease_holder = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    lease_token = models.PositiveBigIntegerField(default=0)
    lease_expires_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(state__in=ItemState.values), name="queue_item_state_known"),
            models.CheckConstraint(
                condition=models.Q(state="decided", decided_at__isnull=False) | ~models.Q(state="decided"),
                name="queue_item_decided_has_a_time",
            ),
        ]
        indexes = [
            models.Index(
                fields=["stage", "scope_id", "-priority", "id"],
                condition=models.Q(state="open"),
                name="queue_open_by_priority",
            ),
            models.Index(fields=["lease_holder", "lease_expires_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.stage} item {self.pk} ({self.state})"


class VerdictEvent(models.TextChoices):
    DECIDE = "decide"
    UNDO = "undo"


class Verdict(models.Model):
    """An appended event: somebody decided, or took a decision back. Never updated, never deleted on its own."""

    item = models.ForeignKey(QueueItem, on_delete=models.CASCADE, related_name="verdicts")
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="verdicts")
    event = models.CharField(max_length=16, choices=VerdictEvent, default=VerdictEvent.DECIDE)
    decision = models.CharField(max_length=32, blank=True, default="")
    reason = models.CharField(max_length=64, blank=True, default="")
    comment = models.TextField(blank=True, default="")
    payload = models.JSONField(default=dict, help_text="what the stage keeps with it, such as an adjusted geometry")
    seconds = models.FloatField(null=True, help_text="time the person took")
    item_version = models.PositiveIntegerField(help_text="the item's version after this event")
    idempotency_key = models.UUIDField()
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["reviewer", "idempotency_key"], name="verdict_once_per_key"),
            models.UniqueConstraint(fields=["item", "item_version"], name="verdict_one_per_version"),
            models.CheckConstraint(condition=models.Q(event__in=VerdictEvent.values), name="verdict_event_known"),
        ]
        indexes = [models.Index(fields=["reviewer", "-at"])]

    def __str__(self) -> str:
        return f"{self.event} {self.decision} on item {self.item_id}"


class AuditEntry(models.Model):
    """Who did what to which object; written in the transaction of the act."""

    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    action = models.CharField(max_length=64)
    object_kind = models.CharField(max_length=64)
    object_id = models.CharField(max_length=64)
    scope_id = models.BigIntegerField(null=True)
    data = models.JSONField(default=dict)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["object_kind", "object_id"]), models.Index(fields=["scope_id", "-at"])]

    def __str__(self) -> str:
        return f"{self.action} {self.object_kind} {self.object_id}"
