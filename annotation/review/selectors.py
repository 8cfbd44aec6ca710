"""Reads of the queue: what is open, what happened to an item, who decided what."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Avg, Count, Q, QuerySet
from django.db.models.functions import Now

from annotation.accounts.models import User
from annotation.common.errors import NotFoundError
from annotation.review.models import ItemState, QueueItem, Verdict, VerdictEvent
from annotation.review.stages import ReviewStage, get_stage

NO_ITEM = "there is no such item, or you are not a member of its region"


@dataclass(frozen=True)
class QueueCounts:
    """How many items wait, and how many of them somebody else is looking at right now."""

    open: int
    leased: int


def get_item(user: User, item_id: int) -> tuple[QueueItem, ReviewStage]:
    """The item and its stage; a missing and a foreign item raise the same NotFoundError."""
    item = QueueItem.objects.filter(pk=item_id).first()
    if item is None:
        raise NotFoundError(NO_ITEM)
    stage = get_stage(item.stage)
    try:
        stage.check_scope(user, item.scope_id)
    except NotFoundError as error:
        raise NotFoundError(NO_ITEM) from error
    return item, stage


def queue_counts(user: User, stage: str, scope_id: int) -> QueueCounts:
    """Open items of a queue; `leased` counts live leases of other people."""
    leased_by_others = Q(lease_expires_at__gt=Now()) & ~Q(lease_holder=user)
    row = QueueItem.objects.filter(stage=stage, scope_id=scope_id, state=ItemState.OPEN).aggregate(
        open=Count("pk"), leased=Count("pk", filter=leased_by_others)
    )
    return QueueCounts(open=row["open"], leased=row["leased"])


def history(item: QueueItem) -> QuerySet[Verdict]:
    """Every event of an item, oldest first."""
    return item.verdicts.select_related("reviewer").order_by("item_version")


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
            {"reviewer": row["reviewer__username"], "decided": 0, "undone": 0, "decisions": {}, "mean_seconds": None},
        )
        if row["event"] == VerdictEvent.UNDO:
            person["undone"] += row["number"]
        else:
            person["decided"] += row["number"]
            person["decisions"][row["decision"]] = row["number"]
    timed = events.filter(event=VerdictEvent.DECIDE, seconds__isnull=False).values_list("reviewer__username")
    for name, mean in timed.annotate(mean=Avg("seconds")).order_by():
        people[name]["mean_seconds"] = mean
    return sorted(people.values(), key=lambda person: (-person["decided"], person["reviewer"]))
