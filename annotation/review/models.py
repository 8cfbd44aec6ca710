"""The queue that every review stage shares: items, leases on them, and decisions as events."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from annotation.common.models import Timestamped


class ItemState(models.TextChoices):
    OPEN = "open"
    DECIDED = "decided"
    WITHDRAWN = "withdrawn"


class BatchPlan(models.TextChoices):
    RANDOM = "random"
    STRATIFIED = "stratified"
    UNCERTAIN = "uncertain"
    ALL = "all"
    IMPORTED = "imported"


class Batch(Timestamped):
    """A queue of its own: subjects drawn by a plan, for everyone or for some, a share of them answered twice."""

    stage = models.CharField(max_length=32, help_text="the stage whose subjects it holds, such as 'anchors'")
    scope_id = models.BigIntegerField(db_index=True, help_text="id of the region, without a foreign key")
    name = models.CharField(max_length=120)
    plan = models.CharField(max_length=16, choices=BatchPlan)
    options = models.JSONField(default=dict, help_text="what the plan was told: number, attribute, generator, seed")
    second_share = models.FloatField(default=0.0, help_text="share of the subjects that a second person answers, 0..1")
    size = models.PositiveIntegerField(default=0, help_text="subjects drawn")
    open_to_all = models.BooleanField(default=True, help_text="else only for its people")
    people = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="+", blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    closed_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "batches"
        constraints = [
            models.CheckConstraint(condition=models.Q(plan__in=BatchPlan.values), name="batch_plan_known"),
            models.CheckConstraint(
                condition=models.Q(second_share__gte=0, second_share__lte=1), name="batch_second_share"
            ),
        ]
        indexes = [models.Index(fields=["stage", "scope_id", "-id"], name="batch_of_a_region")]

    def __str__(self) -> str:
        return f"{self.stage} batch {self.name}"


class QueueItem(Timestamped):
    """One thing to decide. A stage's own row (a change, a review of an anchor) points here with a OneToOneField.

    A claim sets the lease; `lease_token` grows with every claim, so that a late save with an old token is refused.
    Items of one batch with the same subject are twins: no person may answer two of them.
    """

    stage = models.CharField(max_length=32, help_text="the stage that made it, such as 'changes'")
    scope_id = models.BigIntegerField(help_text="id of the region, without a foreign key")
    kind = models.CharField(max_length=16, blank=True, default="", help_text="what lists of its stage tell apart")
    origin_id = models.BigIntegerField(
        null=True, help_text="id of what brought it, such as a scan, without a foreign key"
    )
    priority = models.FloatField(default=0.0, help_text="higher comes first")
    batch = models.ForeignKey(Batch, null=True, on_delete=models.CASCADE, related_name="items")
    subject_id = models.BigIntegerField(null=True, help_text="in a batch: id of the stage's row, the same for twins")
    assigned_to = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+",
        help_text="only this person gets it: somebody flagged it to them",
    )  # fmt: skip
    assigned_until = models.DateTimeField(
        null=True, help_text="until then, where it was given for a time: then it is for everyone again"
    )
    state = models.CharField(max_length=16, choices=ItemState, default=ItemState.OPEN)
    decision = models.CharField(max_length=32, blank=True, default="")
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)
    not_for = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False,
        help_text="who answered it first, where a second person is asked: it is offered to anybody else",
    )  # fmt: skip
    version = models.PositiveIntegerField(default=0, help_text="grows with every decision and undo")
    lease_holder = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    lease_token = models.PositiveBigIntegerField(default=0)
    lease_expires_at = models.DateTimeField(null=True)
    outdated = models.BooleanField(
        default=False, db_default=False,
        help_text="its stage knows better by now: who looks at it keeps it, the next person gets it once it is renewed",
    )  # fmt: skip

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(state__in=ItemState.values), name="queue_item_state_known"),
            models.CheckConstraint(
                condition=models.Q(state="decided", decided_at__isnull=False) | ~models.Q(state="decided"),
                name="queue_item_decided_has_a_time",
            ),
            models.CheckConstraint(
                condition=models.Q(batch__isnull=True, subject_id__isnull=True)
                | models.Q(batch__isnull=False, subject_id__isnull=False),
                name="queue_item_of_a_batch_has_a_subject",
            ),
        ]
        indexes = [
            # A claim walks the first of these two in its order, and stops at the first row that is free.
            models.Index(
                fields=["stage", "scope_id", "-priority", "id"],
                condition=models.Q(state="open", batch__isnull=True, assigned_to__isnull=True),
                name="queue_free",
            ),
            models.Index(
                fields=["batch", "stage", "-priority", "id"],
                condition=models.Q(state="open", batch__isnull=False),
                name="queue_open_in_batch",
            ),
            models.Index(fields=["batch", "subject_id"], condition=models.Q(batch__isnull=False), name="queue_twins"),
            models.Index(  # as a claim asks: the first of those that a person was given, however many
                fields=["assigned_to", "stage", "scope_id", "-priority", "id"],
                condition=models.Q(state="open", assigned_to__isnull=False),
                name="queue_flagged",
            ),
            models.Index(
                fields=["assigned_until"],
                condition=models.Q(state="open", assigned_to__isnull=False, assigned_until__isnull=False),
                name="queue_given_for_a_time",
            ),
            models.Index(
                fields=["stage", "scope_id", "not_for"],
                condition=models.Q(state="open", not_for__isnull=False),
                name="queue_second_person",
            ),
            models.Index(
                fields=["stage", "scope_id"],
                condition=models.Q(state="open", outdated=True),
                name="queue_outdated",
            ),
            models.Index(
                fields=["lease_holder", "lease_expires_at"],
                condition=models.Q(lease_holder__isnull=False),
                name="queue_leases",
            ),
            models.Index(
                fields=["decided_by", "batch"], condition=models.Q(decided_by__isnull=False), name="queue_answered_by"
            ),
            # Lists: each order of each state, decision and kind is one walk (annotation.review.lists); what did not
            # come from where a list asks is passed over without a look at its row.
            models.Index(
                fields=["scope_id", "stage", "state", "decision", "kind", "created_at", "id"],
                include=["origin_id"],
                name="queue_list_by_age",
            ),
            models.Index(
                fields=["scope_id", "stage", "state", "decision", "kind", "priority", "id"],
                include=["origin_id"],
                name="queue_list_by_priority",
            ),
            models.Index(
                fields=["scope_id", "stage", "decision", "kind", "decided_at", "id"],
                include=["origin_id"],
                condition=models.Q(state="decided"),
                name="queue_list_by_decision",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.stage} item {self.pk} ({self.state})"


class QueueCount(models.Model):
    """How many items a queue holds: the sum of `number` over its rows.

    The database writes a row of differences with every statement that changes items (a trigger, so that no way of
    writing is forgotten and a roll-back takes them back); nobody waits for anybody, and a task folds them now and then.
    """

    stage = models.CharField(max_length=32)
    scope_id = models.BigIntegerField()
    batch_id = models.BigIntegerField(null=True)
    kind = models.CharField(max_length=16)
    state = models.CharField(max_length=16)
    decision = models.CharField(max_length=32)
    number = models.BigIntegerField()

    class Meta:
        indexes = [
            models.Index(fields=["scope_id", "stage"], name="queue_count_of_a_scope"),
            models.Index(
                fields=["batch_id"], condition=models.Q(batch_id__isnull=False), name="queue_count_of_a_batch"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number:+} {self.stage} {self.state} {self.decision}"


class VerdictEvent(models.TextChoices):
    DECIDE = "decide"
    UNDO = "undo"
    REASSIGN = "reassign"


class VerdictQuerySet(models.QuerySet["Verdict"]):
    def in_force(self) -> VerdictQuerySet:
        """Answers that nobody took back and no other one followed: of an item one at most, though it was handed on."""
        later = Verdict.objects.filter(
            item=models.OuterRef("item"), item_version__gt=models.OuterRef("item_version"),
            event__in=(VerdictEvent.DECIDE, VerdictEvent.UNDO),
        )  # fmt: skip
        return self.filter(~models.Exists(later), event=VerdictEvent.DECIDE)


class Verdict(models.Model):
    """An appended event: somebody decided, took a decision back, or flagged the item to a colleague.

    Never updated, never deleted on its own.
    """

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

    objects = VerdictQuerySet.as_manager()

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
        # Of a region the newest acts; of one person or of one sort, too, however rare among all.
        indexes = [
            models.Index(fields=["object_kind", "object_id"]),
            models.Index(fields=["scope_id", "-at", "-id"], name="audit_of_a_region"),
            models.Index(fields=["scope_id", "actor", "-at", "-id"], name="audit_of_a_person"),
            models.Index(fields=["scope_id", "action", "-at", "-id"], name="audit_of_an_action"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.object_kind} {self.object_id}"
