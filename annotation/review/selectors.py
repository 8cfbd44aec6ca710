"""Reads of the queue: what is open, what happened to an item, who decided what."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.db.models import Avg, Count, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from annotation.accounts.models import User
from annotation.common.errors import NotAllowedError, NotFoundError
from annotation.review.batches import awaiting_second, batches_of, doubled_batches, may_work, twins_of, without
from annotation.review.counts import counts_of, counts_with_batches
from annotation.review.models import Batch, ItemState, QueueItem, Verdict, VerdictEvent
from annotation.review.stages import ReviewStage, get_stage

TOLD, MOST = 1000, 2**31
"""What is held by others, or for them alone, is counted up to here: by it nobody decides anything."""
NO_ITEM = "there is no such item, or you are not a member of its region"


@dataclass(frozen=True)
class QueueCounts:
    """How many items wait; of them, how many are to be had once others let go, and how many are for others alone.

    Of a region's queue the last two end at `counted_to`; None: they are counted whole.
    """

    open: int
    leased: int
    blocked: int = 0
    counted_to: int | None = None


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
    """Open items of a queue; `leased` counts what is to be had soon, `blocked` what this person may not answer.

    That is what other people look at right now, and what they let go of that is renewed first.
    """
    kept = counts_of(stage, scope_id, batch_id)
    items = QueueItem.objects.filter(stage=stage, scope_id=scope_id, batch=batch_id, state=ItemState.OPEN)
    held = items.filter(lease_holder__isnull=False, lease_expires_at__gt=Now()).exclude(lease_holder=user)
    mine = Q(lease_holder=user, lease_expires_at__gt=Now())
    soon = items.filter(outdated=True).exclude(mine)
    flagged = items.filter(assigned_to__isnull=False).exclude(assigned_to=user)
    # Each by an index of its own, counted in the database, and of a region no more than are told: hundreds of thousands
    # may be given to people. A batch is looked at whole: whether anything in it is for this person is told by it.
    most = TOLD if batch_id is None else MOST
    leased = held.values("pk")[:most].union(soon.values("pk")[:most])
    taken = leased.count()
    second = items.filter(not_for=user)
    blocked = flagged.values("pk")[: most + taken].union(second.values("pk")[: most + taken])
    if batch_id is not None:
        twins = _answered_or_held_twins(user, items, batch_id)
        blocked = blocked.union(QueueItem.objects.filter(pk__in=twins).values("pk"))
    return QueueCounts(
        open=sum(number for sort, number in kept.items() if sort.state == ItemState.OPEN),
        leased=min(most, taken),
        blocked=min(most, blocked.difference(leased).count()),
        counted_to=most if batch_id is None else None,
    )


def waiting(user: User, stage: str, scope_id: int) -> int:
    """Open items of a region's queue, those in batches left out.

    Raises:
        NotFoundError: no such stage, or a region that the person may not see.
    """
    get_stage(stage).check_scope(user, scope_id)
    return sum(number for sort, number in counts_of(stage, scope_id, None).items() if sort.state == ItemState.OPEN)


def newest_to_work_on(user: User, stage: str, scope_id: int, queue: str) -> Batch | None:
    """The newest open batch of a stage with something in its `queue`, the stage's or the one that settles, for them."""
    for batch in batches_of(stage, scope_id).filter(closed_at=None):
        counts = queue_counts(user, queue, scope_id, batch.pk)
        if counts.open > counts.blocked and may_work(user, batch):
            return batch
    return None


def _answered_or_held_twins(user: User, items: QuerySet[QueueItem], batch_id: int) -> set[int]:
    """Open items of a batch whose twin this person answered, or looks at right now."""
    in_batch = QueueItem.objects.filter(batch=batch_id)
    mine = in_batch.filter(decided_by=user) | in_batch.filter(
        lease_holder=user, lease_expires_at__gt=Now(), state=ItemState.OPEN
    )
    own = set(mine.values_list("pk", "subject_id"))
    found: set[int] = set()
    subjects = sorted({subject for _, subject in own if subject is not None})
    for start in range(0, len(subjects), 10_000):
        rows = items.filter(subject_id__in=subjects[start : start + 10_000])
        found |= {pk for pk, subject in rows.values_list("pk", "subject_id") if (pk, subject) not in own}
    return found


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


def flagged_to(user: User, scope_id: int) -> dict[str, int]:
    """How many open items of a region colleagues left to this person, by stage; stages without any are left out."""
    items = QueueItem.objects.filter(assigned_to=user, state=ItemState.OPEN, scope_id=scope_id)
    return dict(items.order_by().values_list("stage").annotate(Count("pk")))


def last_flag(item: QueueItem) -> Verdict | None:
    """The event that flagged an open item to the person who has it, with what was said."""
    if item.assigned_to_id is None:
        return None
    flags = item.verdicts.filter(event=VerdictEvent.REASSIGN).select_related("reviewer")
    return flags.order_by("-item_version").first()


def decision_counts(stage: str, scope_id: int) -> dict[str, int]:
    """Number of items by their decision in force, and `open` ones; without those that `waiting_for_second` counts."""
    found: Counter[str] = Counter()
    for sort, number in counts_with_batches(stage, scope_id).items():
        if sort.state != ItemState.WITHDRAWN:
            found[sort.decision or sort.state] += number
    return without(found, waiting_for_second(stage, scope_id))


def waiting_for_second(stage: str, scope_id: int) -> Counter[str]:
    """Number of decided items by decision where a blind second answer is still to come: not to be shown by decision."""
    doubled = doubled_batches(scope_id)
    if not doubled:
        return Counter()
    items = awaiting_second(QueueItem.objects.filter(stage=stage, batch__in=doubled))
    return Counter(dict(items.order_by().values_list("decision").annotate(Count("pk"))))


def reviewer_counts(stage: str, scope_id: int) -> list[dict[str, Any]]:
    """Per person: decisions taken by kind, decisions taken back, mean seconds per decision.

    `waiting` of those decided are left out by kind: a blind second answer on the same subject is still to come.
    """
    events = Verdict.objects.filter(item__stage=stage, item__scope_id=scope_id)
    people: dict[str, dict[str, Any]] = {}
    rows = events.values("reviewer__username", "event", "decision").annotate(number=Count("pk")).order_by()
    for row in rows:
        person = people.setdefault(
            row["reviewer__username"],
            {
                "reviewer": row["reviewer__username"],
                "decided": 0,
                "waiting": 0,
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
    for name, hidden in _before_a_second(events, doubled_batches(scope_id)).items():
        if name in people:
            person = people[name]
            person["decisions"] = without(person["decisions"], hidden)
            person["waiting"] = person["decided"] - sum(person["decisions"].values())
    timed = events.filter(event=VerdictEvent.DECIDE, seconds__isnull=False).values_list("reviewer__username")
    for name, mean in timed.annotate(mean=Avg("seconds")).order_by():
        if name in people:
            people[name]["mean_seconds"] = mean
    return sorted(people.values(), key=lambda person: (-person["decided"], person["reviewer"]))


def _before_a_second(events: QuerySet[Verdict], batches: list[int]) -> dict[str, Counter[str]]:
    """Per person, by decision: those, also taken back, on subjects of these batches that wait for a second answer."""
    if not batches:
        return {}
    twins = QueueItem.objects.filter(
        batch=OuterRef("item__batch"), subject_id=OuterRef("item__subject_id"), stage=OuterRef("item__stage")
    ).exclude(pk=OuterRef("item"))
    asked = Exists(twins.filter(state=ItemState.OPEN)) | Q(Exists(twins), item__state=ItemState.OPEN)
    rows = events.filter(asked, event=VerdictEvent.DECIDE, item__batch__in=batches).order_by()
    found: dict[str, Counter[str]] = {}
    for name, decision, number in rows.values_list("reviewer__username", "decision").annotate(Count("pk")):
        found.setdefault(name, Counter())[decision] = number
    return found
