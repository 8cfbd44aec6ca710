"""Make a batch and fill its queue, keep two answers on one subject independent, close it."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from annotation.accounts.models import User
from annotation.common.errors import InvalidError, NotAllowedError
from annotation.review.batches import may_work, twins_of
from annotation.review.errors import BatchClosedError, NotIndependentError
from annotation.review.models import Batch, BatchPlan, ItemState, QueueItem
from annotation.review.services import audit
from annotation.review.stages import ReviewStage

# One statement for any number of items: a hundred thousand take seconds, not minutes.
FILL = """
INSERT INTO review_queueitem
    (created_at, stage, scope_id, batch_id, subject_id, kind, priority, state, decision, version, lease_token)
SELECT statement_timestamp(), %(stage)s, %(scope)s, %(batch)s, subject, '', priority, 'open', '', 0, 0
FROM unnest(%(subjects)s::bigint[], %(priorities)s::float8[]) WITH ORDINALITY AS given(subject, priority, place)
ORDER BY place
"""


@dataclass(frozen=True)
class BatchWish:
    """What somebody asks of a batch."""

    name: str
    plan: str = BatchPlan.RANDOM.value
    options: dict[str, Any] = field(default_factory=dict)
    second_share: float = 0.0
    open_to_all: bool = True
    people: Sequence[User] = ()


@transaction.atomic
def check_second_person(second_share: float, open_to_all: bool, people: Iterable[User]) -> None:
    """Refuse a batch that nobody could finish: second answers come from somebody else."""
    if second_share > 0 and not open_to_all and len({person.pk for person in people}) < 2:
        raise InvalidError("a second answer needs a second person: name at least two, or open the batch to everyone")


def create(
    *, user: User, stage: ReviewStage, scope_id: int, wish: BatchWish, subjects: Sequence[tuple[int, float]], seed: int
) -> Batch:
    """Store a batch with one item per `(subject, priority)`, and a blind second one for its share of them.

    The caller links the items to its own rows in the same transaction.
    """
    if not subjects:
        raise InvalidError("nothing is left to review with this plan; choose another, or have more proposed first")
    if not wish.open_to_all and not wish.people:
        raise InvalidError("name at least one person, or open the batch to everyone")
    _check_people(stage, scope_id, wish.people)
    batch = Batch.objects.create(
        stage=stage.name,
        scope_id=scope_id,
        name=wish.name,
        plan=wish.plan,
        options=wish.options,
        second_share=wish.second_share,
        size=len(subjects),
        open_to_all=wish.open_to_all,
        created_by=user,
    )
    batch.people.set(wish.people)
    twice = random.Random(seed).sample(subjects, round(wish.second_share * len(subjects)))  # noqa: S311
    fill(batch, [*subjects, *twice])
    audit.record(
        actor=user,
        action="review.batch",
        object_kind=f"{stage.name}_batch",
        object_id=batch.pk,
        scope_id=scope_id,
        name=wish.name,
        plan=wish.plan,
        size=len(subjects),
        twice=len(twice),
    )
    return batch


def fill(batch: Batch, subjects: Sequence[tuple[int, float]]) -> None:
    """Add open items to a batch."""
    params: dict[str, Any] = {
        "stage": batch.stage,
        "scope": batch.scope_id,
        "batch": batch.pk,
        "subjects": [subject for subject, _ in subjects],
        "priorities": [priority for _, priority in subjects],
    }
    with connection.cursor() as cursor:
        cursor.execute(FILL, params)


@transaction.atomic
def close(*, user: User, batch: Batch) -> list[int]:
    """Take what is undecided out of the queue; gives the subjects whose items were withdrawn."""
    batch = Batch.objects.select_for_update(no_key=True).get(pk=batch.pk)
    if batch.closed_at is not None:
        return []
    undecided = QueueItem.objects.filter(batch=batch, state=ItemState.OPEN).select_for_update().order_by("pk")
    list(undecided)  # waits for answers that are being saved: what they ask of a third person is open only then
    rows = list(undecided.values_list("pk", "subject_id"))
    QueueItem.objects.filter(pk__in=[pk for pk, _ in rows]).update(
        state=ItemState.WITHDRAWN, lease_holder=None, lease_expires_at=None
    )
    batch.closed_at = timezone.now()
    batch.save(update_fields=["closed_at"])
    audit.record(
        actor=user,
        action="review.close_batch",
        object_kind=f"{batch.stage}_batch",
        object_id=batch.pk,
        scope_id=batch.scope_id,
        withdrawn=len(rows),
    )
    return sorted({subject for _, subject in rows if subject is not None})


@transaction.atomic
def change(
    *,
    user: User,
    batch: Batch,
    name: str | None = None,
    open_to_all: bool | None = None,
    people: Sequence[User] | None = None,
) -> Batch:
    """Rename a batch, or change for whom it is; None leaves a thing as it is."""
    batch = Batch.objects.select_for_update(no_key=True).get(pk=batch.pk)
    batch.name = batch.name if name is None else name
    batch.open_to_all = batch.open_to_all if open_to_all is None else open_to_all
    if people is not None:
        batch.people.set(people)
    if not batch.open_to_all and not batch.people.exists():
        raise InvalidError("name at least one person, or open the batch to everyone")
    if open_to_all is not None or people is not None:
        check_second_person(batch.second_share, batch.open_to_all, batch.people.all())
    batch.save(update_fields=["name", "open_to_all"])
    audit.record(
        actor=user,
        action="review.change_batch",
        object_kind=f"{batch.stage}_batch",
        object_id=batch.pk,
        scope_id=batch.scope_id,
        name=batch.name,
        open_to_all=batch.open_to_all,
        people=sorted(batch.people.values_list("username", flat=True)),
    )
    return batch


def check_may_work(user: User, batch: Batch) -> None:
    """Refuse a closed batch, and one that is for other people."""
    if batch.closed_at is not None:
        raise BatchClosedError("this batch is closed; choose another one")
    if not may_work(user, batch):
        raise NotAllowedError("this batch is for other people; ask an editor to add you, or choose another one")


def lock(item: QueueItem) -> QueueItem:
    """The item locked, together with its twins in one order, so that two answers on one subject come one by one."""
    rows = QueueItem.objects.select_for_update().order_by("pk")
    if item.batch_id is None:
        return rows.get(pk=item.pk)
    return next(row for row in rows.filter(batch=item.batch_id, subject_id=item.subject_id) if row.pk == item.pk)


def check_independent(user: User, item: QueueItem, stage: ReviewStage) -> None:
    """Refuse a second answer by the person who gave the first."""
    if not is_independent(user, item, stage):
        raise NotIndependentError(
            "you answered this one already: the second answer must come from somebody else; take the next item"
        )


def is_independent(user: User, item: QueueItem, stage: ReviewStage) -> bool:
    """Whether the person gave no answer on the item or its subject yet, or need not care."""
    first = item.not_for_id == user.pk or twins_of(item).filter(decided_by=user).exists()
    return stage.settles(user) or not first


def let_go_of_twins(item: QueueItem, user: User) -> None:
    """Give back what the person, who just answered the item, holds of its twins: others answer these."""
    twins = twins_of(item).filter(state=ItemState.OPEN)
    twins.filter(lease_holder=user).update(lease_holder=None, lease_expires_at=None)
    twins.filter(assigned_to=user).update(assigned_to=None)


def _check_people(stage: ReviewStage, scope_id: int, people: Sequence[User]) -> None:
    known = set(stage.people(scope_id).filter(pk__in=[one.pk for one in people]).values_list("pk", flat=True))
    strangers = [one.username for one in people if one.pk not in known]
    if strangers:
        raise InvalidError(f"not members of this region: {', '.join(strangers)}; add them first")
