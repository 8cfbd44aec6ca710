"""Reads of the queue: what is open, what happened to an item, who decided what."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Avg, Count, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from annotation.accounts.models import User
from annotation.common.errors import NotAllowedError, NotFoundError
from annotation.review.batches import twins_of
from annotation.review.models import ItemState, QueueItem, Verdict, VerdictEvent
from annotation.review.stages import ReviewStage, get_stage

NO_ITEM = "there is no such item, or you are not a member of its region"


@dataclass(frozen=True)
class QueueCounts:
    """How many items wait; of them, how many others look at right now, and how many are for others alone."""

    open: int
    leased: int
    blocked: int = 0


def get_item(user: User, item_id: int) -> tuple[QueueItem, ReviewStage]:
    """The item and its stage; a missing and a foreign item raise the same NotFoundError."""
    item = QueueItem.objects.select_related("batch").filter(pk=item_id).first()
    if item is None:
        raise NotFoundError(NO_ITEM)
    stage = get_stage(item.stage)
    try:
        stage.check_scope(user, item.scope_id)
    except NotFoundError as error:
        raise NotFoundError(NO_ITEM) from error
    return item, stage


def queue_counts(user: User, stage: str, scope_id: int, batch_id: int | None = None) -> QueueCounts:
    """Open items of a queue; `leased` counts live leases of other people, `blocked` what this person may not answer."""
    items = QueueItem.objects.filter(stage=stage, scope_id=scope_id, batch=batch_id, state=ItemState.OPEN)
    leased_by_others = Q(lease_expires_at__gt=Now()) & ~Q(lease_holder=user)
    blocked = Q(assigned_to__isnull=False) & ~Q(assigned_to=user)
    if batch_id is not None:
        twins = QueueItem.objects.filter(batch=batch_id, subject_id=OuterRef("subject_id")).exclude(pk=OuterRef("pk"))
        mine = Q(decided_by=user) | Q(lease_holder=user, lease_expires_at__gt=Now(), state=ItemState.OPEN)
        blocked |= Q(Exists(twins.filter(mine)))
    row = items.aggregate(
        open=Count("pk"),
        leased=Count("pk", filter=leased_by_others),
        blocked=Count("pk", filter=blocked & ~leased_by_others),
    )
    return QueueCounts(open=row["open"], leased=row["leased"], blocked=row["blocked"])


def history(user: User, item: QueueItem) -> QuerySet[Verdict]:
    """Every event of an item, oldest first; answers that a blind second one has still to come from are hidden.

    Raises:
        NotAllowedError: somebody has still to answer the same subject, and it may be this person.
    """
    stage = get_stage(item.stage)
    sways = not user.is_admin and item.decided_by_id != user.pk and not stage.admins_settle
    if sways and twins_of(item).filter(stage=item.stage, state=ItemState.OPEN).exists():
        raise NotAllowedError("a second answer is still to come, and must not be swayed by the first; look later")
    return item.verdicts.select_related("reviewer").order_by("item_version")


def last_flag(item: QueueItem) -> Verdict | None:
    """The event that flagged an open item to the person who has it, with what was said."""
    if item.assigned_to_id is None:
        return None
    flags = item.verdicts.filter(event=VerdictEvent.REASSIGN).select_related("reviewer")
    return flags.order_by("-item_version").first()


def decision_counts(stage: str, scope_id: int) -> dict[str, int]:
    """Number of items by their decision in force, and `open` ones."""
    rows = (
        QueueItem.objects.filter(stage=stage, scope_id=scope_id)
        .exclude(state=ItemState.WITHDRAWN)
        .values("state", "decision")
        .annotate(number=Count("pk"))
    )
    return {row["decision"] or row["state"]: row["number"] for row in rows}


def reviewer_counts(stage: str, scope_id: int) -> list[dict[str, Any]]:
    """Per person: decisions taken by kind, decisions taken back, mean seconds per decision."""
    events = Verdict.objects.filter(item__stage=stage, item__scope_id=scope_id)
    people: dict[str, dict[str, Any]] = {}
    rows = events.values("reviewer__username", "event", "decision").annotate(number=Count("pk")).order_by()
    for row in rows:
        person = people.setdefault(
            row["reviewer__username"],
            {
                "reviewer": row["reviewer__username"],
                "decided": 0,
                "undone": 0,
                "flagged": 0,
                "decisions": {},
                "mean_seconds": None,
            },
        )
        if row["event"] == VerdictEvent.UNDO:
            person["undone"] += row["number"]
        elif row["event"] == VerdictEvent.REASSIGN:
            person["flagged"] += row["number"]
        else:
            person["decided"] += row["number"]
            person["decisions"][row["decision"]] = row["number"]
    timed = events.filter(event=VerdictEvent.DECIDE, seconds__isnull=False).values_list("reviewer__username")
    for name, mean in timed.annotate(mean=Avg("seconds")).order_by():
        people[name]["mean_seconds"] = mean
    return sorted(people.values(), key=lambda person: (-person["decided"], person["reviewer"]))
