"""Counts of what the answers of batches came to, for lists: the figures of a batch's report without reading it all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.db import connection

from annotation.anchors.answers import ADJUDICATION, REVIEW, TAKES, by_subject, outcome, untold_pairs

# One row for each way that an anchor of a batch was answered, however many anchors there are. Anchors with an answer
# still to come are left out, as they are in the report.
WAYS = """
SELECT batch_id, settled, asked, one, other, given, wordings, count(*)
FROM (
    SELECT i.batch_id,
        max(i.decision) FILTER (WHERE i.stage = %(adjudication)s AND i.state = 'decided') AS settled,
        bool_or(i.stage = %(adjudication)s AND i.state = 'open') AS asked,
        min(i.decision) FILTER (WHERE i.stage = %(review)s) AS one,
        max(i.decision) FILTER (WHERE i.stage = %(review)s) AS other,
        count(*) FILTER (WHERE i.stage = %(review)s) AS given,
        count(DISTINCT v.payload) FILTER (WHERE i.stage = %(review)s) AS wordings
    FROM review_queueitem i JOIN anchors_anchorreview r ON r.item_id = i.id
    LEFT JOIN review_verdict v ON i.decision = 'correct' AND v.item_id = i.id AND v.item_version = i.version
    WHERE i.batch_id = ANY(%(batches)s) AND i.state <> 'withdrawn'
    GROUP BY i.batch_id, i.subject_id
    HAVING bool_and(i.stage <> %(review)s OR i.state = 'decided')
) AS answered
GROUP BY batch_id, settled, asked, one, other, given, wordings
"""


def outcomes_of(batch_ids: Sequence[int]) -> dict[int, Counter[str]]:
    """Per batch how many of its anchors came to which decision, by the batch's own answers; two queries at most.

    Decisions tell it, corrections that are the same to the letter, and that a third person is asked; where two took the
    anchor in different words and nobody is asked, as in a closed batch, the answers are read and compared.
    """
    counts: dict[int, Counter[str]] = {pk: Counter() for pk in batch_ids}
    params: dict[str, Any] = {"batches": list(batch_ids), "review": REVIEW, "adjudication": ADJUDICATION}
    with connection.cursor() as cursor:
        cursor.execute(WAYS, params)
        ways = cursor.fetchall()
    to_compare = set()
    for batch_id, settled, asked, one, other, given, wordings, number in ways:
        if settled is not None:
            counts[batch_id][settled] += number
        elif given == 1 or (one == other and wordings < 2):
            counts[batch_id][one] += number
        elif not asked and {one, other} <= set(TAKES):
            to_compare.add(batch_id)
    for pair in by_subject(untold_pairs(sorted(to_compare)) if to_compare else ()):
        found = outcome(pair)
        if found is not None and found.batch_id is not None:
            counts[found.batch_id][found.decision] += 1
    return counts
