"""Hand the next open item to a person under a lease, never the same one to two people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from annotation.accounts.models import User
from annotation.common.errors import InvalidError
from annotation.review.batches import get_batch
from annotation.review.models import QueueItem
from annotation.review.selectors import TOLD, QueueCounts, queue_counts
from annotation.review.services.batch import check_may_work
from annotation.review.stages import ReviewStage, get_stage

MAX_SKIP = 1000
MAX_FIRST = 100

# One statement: the person's own live lease first (found by its holder's index), else what a colleague flagged to them,
# else the first free one of those that the page wants first (by their ids), else the first free item in order of
# priority (the partial index on open items). SKIP LOCKED keeps two claims from
# waiting for, or getting, the same row; a row that changed since the snapshot is checked again by PostgreSQL after it
# was locked.
PICK = """
WITH own AS MATERIALIZED (
    SELECT id FROM review_queueitem AS one
    WHERE lease_holder_id = %(user)s AND lease_expires_at > statement_timestamp()
      AND stage = %(stage)s AND scope_id = %(scope)s AND <of this queue>
      AND state = 'open' AND NOT (id = ANY(%(skip)s)) <and not answered>
    ORDER BY priority DESC, id LIMIT 1 FOR UPDATE SKIP LOCKED
), flagged AS MATERIALIZED (
    SELECT id FROM review_queueitem AS one
    WHERE NOT EXISTS (SELECT 1 FROM own) AND assigned_to_id = %(user)s <and not answered>
      AND stage = %(stage)s AND scope_id = %(scope)s AND <of this queue>
      AND state = 'open' AND NOT outdated AND NOT (id = ANY(%(skip)s))
      AND (lease_expires_at IS NULL OR lease_expires_at <= statement_timestamp())
    ORDER BY priority DESC, id LIMIT 1 FOR UPDATE SKIP LOCKED
), wanted AS MATERIALIZED (
    SELECT id FROM review_queueitem AS one
    WHERE NOT EXISTS (SELECT 1 FROM own) AND NOT EXISTS (SELECT 1 FROM flagged) AND assigned_to_id IS NULL
      AND id = ANY(%(first)s) AND stage = %(stage)s AND scope_id = %(scope)s AND <of this queue>
      AND (not_for_id IS NULL OR not_for_id <> %(user)s)
      AND state = 'open' AND NOT outdated AND NOT (id = ANY(%(skip)s))
      AND (lease_expires_at IS NULL OR lease_expires_at <= statement_timestamp()) <and independent>
    ORDER BY array_position(%(first)s::bigint[], id) LIMIT 1 FOR UPDATE SKIP LOCKED
), free AS MATERIALIZED (
    SELECT id FROM review_queueitem AS one
    WHERE NOT EXISTS (SELECT 1 FROM own) AND NOT EXISTS (SELECT 1 FROM flagged)
      AND NOT EXISTS (SELECT 1 FROM wanted) AND assigned_to_id IS NULL
      AND (not_for_id IS NULL OR not_for_id <> %(user)s)
      AND stage = %(stage)s AND scope_id = %(scope)s AND <of this queue>
      AND state = 'open' AND NOT outdated AND NOT (id = ANY(%(skip)s))
      AND (lease_expires_at IS NULL OR lease_expires_at <= statement_timestamp()) <and independent>
    ORDER BY priority DESC, id LIMIT 1 FOR UPDATE SKIP LOCKED
)
UPDATE review_queueitem AS item
SET lease_holder_id = %(user)s, lease_token = item.lease_token + 1,
    lease_expires_at = statement_timestamp() + make_interval(secs => %(seconds)s)
FROM (SELECT id FROM own UNION ALL SELECT id FROM flagged
      UNION ALL SELECT id FROM wanted UNION ALL SELECT id FROM free) AS picked
WHERE item.id = picked.id
RETURNING item.*
"""
# Of the items that fit what somebody wants: the first one that is still free for them, in the order given.
PICK_FITTING = """
WITH picked AS MATERIALIZED (
    SELECT id FROM review_queueitem AS one
    WHERE id = ANY(%(fitting)s) AND stage = %(stage)s AND scope_id = %(scope)s AND batch_id IS NULL
      AND state = 'open' AND NOT (id = ANY(%(skip)s)) AND (assigned_to_id IS NULL OR assigned_to_id = %(user)s)
      AND (not_for_id IS NULL OR not_for_id <> %(user)s)
      AND (lease_expires_at IS NULL OR lease_expires_at <= statement_timestamp() OR lease_holder_id = %(user)s)
      AND (NOT outdated OR (lease_holder_id = %(user)s AND lease_expires_at > statement_timestamp()))
    ORDER BY array_position(%(fitting)s::bigint[], id) LIMIT 1 FOR UPDATE SKIP LOCKED
)
UPDATE review_queueitem AS item
SET lease_holder_id = %(user)s, lease_token = item.lease_token + 1,
    lease_expires_at = statement_timestamp() + make_interval(secs => %(seconds)s)
FROM picked WHERE item.id = picked.id
RETURNING item.*
"""
TRIES = 3
"""How often what fits is looked for again where others took all of it meanwhile."""
INDEPENDENT = """AND (%(settles)s OR NOT EXISTS (
    SELECT 1 FROM review_queueitem AS twin
    WHERE twin.batch_id = one.batch_id AND twin.subject_id = one.subject_id AND twin.id <> one.id
      AND (twin.decided_by_id = %(user)s
           OR (twin.lease_holder_id = %(user)s AND twin.state = 'open'
               AND twin.lease_expires_at > statement_timestamp()))))"""
NOT_ANSWERED = """AND (%(settles)s OR NOT EXISTS (
    SELECT 1 FROM review_queueitem AS twin
    WHERE twin.batch_id = one.batch_id AND twin.subject_id = one.subject_id AND twin.id <> one.id
      AND twin.decided_by_id = %(user)s))"""


def _query(queue: str, independent: str, not_answered: str) -> str:
    statement = PICK.replace("<of this queue>", queue)
    return statement.replace("<and independent>", independent).replace("<and not answered>", not_answered)


CLAIM = _query("batch_id IS NULL", "", "")
CLAIM_IN_BATCH = _query("batch_id = %(batch)s", INDEPENDENT, NOT_ANSWERED)


@dataclass(frozen=True)
class Claim:
    """A claimed item, or none with the counts that tell an empty queue from one that is all taken."""

    item: QueueItem | None
    counts: QueueCounts | None
    next: Sequence[int] = ()
    """Items that fit what was wanted and come after it, as of now."""


def claim(
    *, user: User, stage: str, scope_id: int, skip: Sequence[int] = (), batch_id: int | None = None,
    first: Sequence[int] = (), wanted: Mapping[str, Any] | None = None,
) -> Claim:  # fmt: skip
    """Lease the next item of a region's queue, or of one batch of it, to the person.

    Args:
        skip: items that are not given.
        first: items that go before the queue's own order, in this order; those that are not free are passed over.
        wanted: what the items are to be like, as the stage's own lists are asked; nothing else is given.

    Raises:
        InvalidError: too many named, or the stage tells no items apart.
    """
    registered = get_stage(stage)
    registered.check_scope(user, scope_id)
    if len(skip) > MAX_SKIP:
        raise InvalidError(f"at most {MAX_SKIP} items can be skipped at once; decide or release some")
    if len(first) > MAX_FIRST:
        raise InvalidError(f"at most {MAX_FIRST} items can come first")
    if batch_id is not None:
        check_may_work(user, get_batch(scope_id, batch_id))
    params = {
        "user": user.pk,
        "stage": stage,
        "scope": scope_id,
        "batch": batch_id,
        "settles": registered.settles(user),
        "skip": list(skip),
        "first": list(first),
        "seconds": settings.REVIEW_LEASE_SECONDS,
    }
    if wanted is not None:
        return _fitting(user, registered, scope_id, wanted, params)
    rows = list(QueueItem.objects.raw(CLAIM if batch_id is None else CLAIM_IN_BATCH, params))  # one statement, whole
    if rows:
        return Claim(item=rows[0], counts=None)
    return Claim(item=None, counts=queue_counts(user, stage, scope_id, batch_id))


def _fitting(user: User, stage: ReviewStage, scope_id: int, wanted: Mapping[str, Any], params: dict[str, Any]) -> Claim:
    """Lease one of the items that fit. What a page was told before to come next is tried first: it asks for little."""
    if stage.fitting is None or params["batch"] is not None:
        raise InvalidError("the items of this queue are not told apart: leave `wanted` out")
    skip = params["skip"]
    for among in [params["first"], *[None] * TRIES]:
        if among is not None and not among:
            continue
        found = stage.fitting.ids(user, scope_id, wanted, skip=skip, among=among)
        rows = list(QueueItem.objects.raw(PICK_FITTING, {**params, "fitting": list(found)})) if found else []
        if rows:
            return Claim(item=rows[0], counts=None, next=[pk for pk in found if pk != rows[0].pk][:MAX_FIRST])
        if among is None and not found:
            break
    return Claim(item=None, counts=QueueCounts(*stage.fitting.counts(user, scope_id, wanted), counted_to=TOLD))
