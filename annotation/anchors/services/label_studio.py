"""Take annotations back from Label Studio as verdicts of the person who brings them, each exactly once."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from annotation.accounts.models import User
from annotation.anchors import engine
from annotation.anchors.models import Anchor, AnchorState
from annotation.anchors.services import batches
from annotation.common.errors import DomainError, InvalidError
from annotation.common.models import MAX_ID
from annotation.review.models import BatchPlan, ItemState, QueueItem, Verdict
from annotation.review.services.batch import BatchWish
from annotation.review.services.decide import Decision, decide
from annotation.review.services.lease import reclaim
from annotation.sources.models import Region

MAX_TASKS = 5000
NAMESPACE = uuid.UUID("6f5f6f0e-63a2-4c0b-9a46-4f3a3f1f7c57")


@dataclass
class ImportCounts:
    """What a file brought: answers by decision, tasks left out with their reasons."""

    accepted: int = 0
    corrected: int = 0
    known: int = 0
    left_out: list[str] = field(default_factory=list)
    batch: int | None = None


@dataclass(frozen=True)
class Annotation:
    """One person's annotation of one anchor, as the file has it."""

    anchor_id: int
    key: uuid.UUID
    attributes: dict[str, str]
    summary: str


@transaction.atomic
def import_annotations(*, user: User, region: Region, tasks: Any) -> ImportCounts:
    """Make a verdict of each annotated task: accepted where nothing differs from the proposal, else corrected.

    A file that was imported before changes nothing. Skipped tasks and those without annotation are left out; so are
    anchors that carry an answer already, are in somebody's queue, or are none of this region's.
    """
    counts = ImportCounts()
    Region.objects.select_for_update(no_key=True).get(pk=region.pk)
    found = [one for task in _checked(tasks) if (one := _annotation(task, counts)) is not None]
    known = set(
        Verdict.objects.filter(reviewer=user, idempotency_key__in=[one.key for one in found]).values_list(
            "idempotency_key", flat=True
        )
    )
    counts.known = sum(one.key in known for one in found)
    fresh = {one.anchor_id: one for one in found if one.key not in known}
    anchors = _importable(region, fresh, counts)
    if not anchors:
        return counts
    wish = BatchWish(name="From Label Studio", plan=BatchPlan.IMPORTED.value, open_to_all=False, people=[user])
    drawn = [(pk, 0.0) for pk in anchors]
    batch = batches.queue(user=user, region=region, wish=wish, drawn=drawn, seed=0)
    counts.batch = batch.pk
    items = dict(QueueItem.objects.filter(batch=batch).values_list("subject_id", "pk"))
    for pk, anchor in anchors.items():
        _decide(user, items[pk], anchor, fresh[pk], counts)
    batches.close(user=user, region=region, batch_id=batch.pk)
    return counts


def _checked(tasks: Any) -> Sequence[Any]:
    if not isinstance(tasks, list):
        raise InvalidError("a Label Studio export is a JSON list of tasks: export as JSON, not as JSON-MIN or CSV")
    if len(tasks) > MAX_TASKS:
        raise InvalidError(f"at most {MAX_TASKS} tasks at once; split the file")
    return tasks


def _annotation(task: Any, counts: ImportCounts) -> Annotation | None:
    """The task's newest annotation that was not skipped."""
    data = task.get("data") if isinstance(task, dict) else None
    anchor_id = data.get("anchor_id") if isinstance(data, dict) else None
    if isinstance(anchor_id, bool) or not isinstance(anchor_id, int) or not 0 < anchor_id <= MAX_ID:
        counts.left_out.append("a task without data.anchor_id: it was not exported from here")
        return None
    annotations = task.get("annotations")
    usable = [one for one in annotations if isinstance(one, dict)] if isinstance(annotations, list) else []
    usable = [one for one in usable if not one.get("was_cancelled") and isinstance(one.get("result"), list)]
    if not usable:
        counts.left_out.append(f"anchor {anchor_id}: not annotated, or skipped")
        return None
    values: dict[str, Any] = {}
    for result in usable[-1]["result"]:
        name, value = _value(result)
        values[name] = value
    summary = values.pop("summary", None)
    try:
        attributes, text = engine.checked_anchor(values, summary)
    except DomainError as error:
        counts.left_out.append(f"anchor {anchor_id}: {error.detail}"[:300])
        return None
    mark = f"{anchor_id}:{usable[-1].get('id')!a}:{attributes}:{text}"
    return Annotation(anchor_id, uuid.uuid5(NAMESPACE, mark), attributes, text)


def _value(result: Any) -> tuple[str, Any]:
    """Name and value of one control of the labelling interface."""
    value = result.get("value") if isinstance(result, dict) else None
    if not isinstance(value, dict):
        return "", None
    given = value.get("choices", value.get("text"))
    single = given[0] if isinstance(given, list) and len(given) == 1 else given
    return str(result.get("from_name"))[:40], single


def _importable(region: Region, fresh: dict[int, Annotation], counts: ImportCounts) -> dict[int, Anchor]:
    rows = Anchor.objects.filter(pk__in=list(fresh), pair__tile__region=region)
    anchors = {anchor.pk: anchor for anchor in rows}
    queued = set(
        QueueItem.objects.filter(anchor_review__anchor__in=list(anchors), state=ItemState.OPEN).values_list(
            "subject_id", flat=True
        )
    )
    for pk in fresh:
        if pk not in anchors:
            counts.left_out.append(f"anchor {pk}: none of this region's")
        elif anchors[pk].state != AnchorState.PROPOSED:
            counts.left_out.append(f"anchor {pk}: {anchors.pop(pk).state} already")
        elif pk in queued:
            counts.left_out.append(f"anchor {pk}: it waits in a batch")
            del anchors[pk]
    return anchors


def _decide(user: User, item_id: int, anchor: Anchor, said: Annotation, counts: ImportCounts) -> None:
    same = said.attributes == anchor.attributes and said.summary == anchor.summary
    item = reclaim(user=user, item_id=item_id)
    decision = (
        Decision("accept")
        if same
        else Decision("correct", payload={"attributes": said.attributes, "summary": said.summary})
    )
    decide(
        user=user, item_id=item_id, lease_token=item.lease_token, version=item.version, said=decision,
        idempotency_key=said.key,
    )  # fmt: skip
    counts.accepted += same
    counts.corrected += not same
