"""Files of many rows begin at once: what is first is not kept waiting by what comes after."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotation.common import streams
from annotation.review.models import AuditEntry

FIRST = 3


@pytest.fixture
def ids(transactional_db, monkeypatch) -> list[int]:
    monkeypatch.setattr(streams, "FIRST_ROWS", FIRST)
    rows = [AuditEntry(action="a", object_kind="k", object_id=str(number)) for number in range(2 * FIRST + 1)]
    return [row.pk for row in AuditEntry.objects.bulk_create(rows)]


def begun(rows):
    return streams.begun_at_once(rows, lambda row: row[1], at_once=2)


def test_first_rows_are_there_before_a_cursor_is_opened_over_all(ids):
    rows = begun(AuditEntry.objects.order_by("pk").values_list("object_id", "pk"))
    with CaptureQueriesContext(connection) as asked:
        first = [next(rows) for _ in range(FIRST)]
    assert [row[1] for row in first] == ids[:FIRST]
    assert len(asked) == 1 and asked[0]["sql"].endswith(f"LIMIT {FIRST}")
    assert [row[1] for row in rows] == ids[FIRST:]


@pytest.mark.parametrize("number", [0, 1, FIRST, FIRST + 1])
def test_every_row_comes_once_in_the_order_of_ids(ids, number):
    wanted = AuditEntry.objects.filter(pk__in=ids[:number]).order_by("pk").values_list("object_id", "pk")
    assert [row[1] for row in begun(wanted)] == ids[:number]
