"""What the answers of several people on one subject come to: one, two that agree, or the one that settles two.

A subject may be asked about in several batches, in each of them once or twice. Whether two answers agree, and what an
answer is, the stage says (`DoubleReview`); who is asked, and when a third person is, is the same for every stage.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from annotation.review.batches import twins_of
from annotation.review.errors import SettledError
from annotation.review.models import ItemState, QueueItem

Said = TypeVar("Said")


@dataclass(frozen=True)
class DoubleReview(Generic[Said]):
    """A stage's side of answers that are given twice.

    Attributes:
        stage: whose items ask for a first or second answer.
        settling: the stage whose items ask a third person.
        agree: what these answers of one batch come to; None where two of them differ.
        counts: whether an answer says something of the subject, and not only of how it was shown.
        link: ties the item that asks a third person to the stage's own row.
    """

    stage: str
    settling: str
    agree: Callable[[Sequence[Said]], Said | None]
    counts: Callable[[Said], bool]
    link: Callable[[QueueItem], None]


def settle(review: DoubleReview[Said], items: Iterable[QueueItem], answers: Mapping[int, Said]) -> Said | None:
    """What stands of a subject: the newest batch that has come to an answer which counts.

    Where two answers differ, a third person is asked, once and while the batch is open; where they no longer do, that
    question is withdrawn. Call it in the transaction of the answer, with the subject locked.

    Args:
        items: with their batches; all that were asked about the subject and not withdrawn, the newest batch first.
        answers: those that stand, by item.
    """
    by_batch: dict[int | None, list[QueueItem]] = defaultdict(list)
    for item in items:
        by_batch[item.batch_id].append(item)
    outcomes = [_outcome(review, asked, answers) for asked in by_batch.values()]
    return next((one for one in outcomes if one is not None and review.counts(one)), None)


def check_unsettled(review: DoubleReview[Said], item: QueueItem) -> None:
    """Refuse to take back an answer upon which a third person settled."""
    settled = twins_of(item).filter(stage=review.settling, state=ItemState.DECIDED)
    if item.stage == review.stage and settled.exists():
        raise SettledError("a third person settled this one; undo that decision on the page of disagreements first")


def _outcome(review: DoubleReview[Said], items: Sequence[QueueItem], answers: Mapping[int, Said]) -> Said | None:
    """The answer of one batch, if it has one by now."""
    settling = [item for item in items if item.stage == review.settling]
    asked = [item for item in items if item.stage == review.stage]
    third = next((answers[item.pk] for item in settling if item.state == ItemState.DECIDED), None)
    if third is not None:
        return third
    given = [answers[item.pk] for item in asked if item.pk in answers]
    complete = all(item.state == ItemState.DECIDED for item in asked) and bool(given)
    found = review.agree(given) if complete else None
    differ = complete and found is None
    if settling and not differ:
        QueueItem.objects.filter(pk__in=[item.pk for item in settling]).update(
            state=ItemState.WITHDRAWN, lease_holder=None, lease_expires_at=None
        )
    batch = items[0].batch
    if differ and not settling and batch is not None and batch.closed_at is None:
        review.link(_third(review, items[0]))
    return found


def _third(review: DoubleReview[Said], like: QueueItem) -> QueueItem:
    return QueueItem.objects.create(
        stage=review.settling,
        scope_id=like.scope_id,
        batch_id=like.batch_id,
        subject_id=like.subject_id,
        priority=like.priority,
    )
