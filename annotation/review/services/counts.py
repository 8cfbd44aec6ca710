"""Keep the counts of queues short, and count them anew where somebody doubts them."""

from django.db import connection, transaction

FOLD = """
WITH gone AS (
    DELETE FROM review_queuecount RETURNING stage, scope_id, batch_id, kind, state, decision, number
)
INSERT INTO review_queuecount (stage, scope_id, batch_id, kind, state, decision, number)
SELECT stage, scope_id, batch_id, kind, state, decision, sum(number) FROM gone
GROUP BY stage, scope_id, batch_id, kind, state, decision HAVING sum(number) <> 0
"""
RECOUNT = """
INSERT INTO review_queuecount (stage, scope_id, batch_id, kind, state, decision, number)
SELECT stage, scope_id, batch_id, kind, state, decision, count(*) FROM review_queueitem
GROUP BY stage, scope_id, batch_id, kind, state, decision
"""


def fold() -> None:
    """One row a count in place of its differences. Readers see either; writers don't wait."""
    with connection.cursor() as cursor:
        cursor.execute(FOLD)


@transaction.atomic
def recount() -> None:
    """Count all items; nobody writes to the queue meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE review_queueitem IN SHARE MODE")
        cursor.execute("DELETE FROM review_queuecount")
        cursor.execute(RECOUNT)
