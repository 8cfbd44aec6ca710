"""Lists by key against the same list sorted whole; every list and claim walks an index, never the queue."""

import datetime as dt
import re

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.common.keyset import Cursor
from annotation.review import lists
from annotation.review.lists import ORDERS, Wish, page_of
from annotation.review.models import QueueItem
from annotation.review.services.claim import CLAIM
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db
KINDS, DECISIONS, SCOPE = ("add", "remove"), ("accept", "reject"), 7
FILL = """
INSERT INTO review_queueitem
    (created_at, stage, scope_id, kind, priority, state, decision, decided_at, version, lease_token)
SELECT now() - n * interval '1 second', 'changes', %(scope)s, (ARRAY['add','remove'])[1 + n %% 2],
       (n * 7919 %% 1000) / 1000.0,
       CASE WHEN n %% 5 = 0 THEN 'decided' ELSE 'open' END, CASE WHEN n %% 5 = 0 THEN 'accept' ELSE '' END,
       CASE WHEN n %% 5 = 0 THEN now() - n * interval '1 second' END, 0, 0
FROM generate_series(1, %(count)s) AS n
"""


def fill(rows):
    """Items (kind, state, decision, priority) of one queue, decided one second after the other."""
    start = timezone.now()
    return QueueItem.objects.bulk_create(
        QueueItem(
            stage="changes", scope_id=SCOPE, kind=kind, state=state, decision=decision, priority=priority,
            decided_at=start + dt.timedelta(seconds=number // 3) if state == "decided" else None,
        )
        for number, (kind, state, decision, priority) in enumerate(rows)
    )  # fmt: skip


def key(order):
    """How a list in this order is sorted whole."""

    def of(item):
        values = [getattr(item, name) for name in order.names]
        numbers = [one.timestamp() if isinstance(one, dt.datetime) else one for one in values]
        return [-one if field.startswith("-") else one for one, field in zip(numbers, order.fields, strict=True)]

    return of


stands = st.sampled_from([("open", ""), ("decided", "accept"), ("decided", "reject"), ("withdrawn", "")])
rows = st.lists(st.tuples(st.sampled_from(KINDS), stands, st.sampled_from([0.1, 0.5, 0.9])), max_size=25)


@pytest.mark.parametrize("name", sorted(ORDERS))
@given(rows=rows, kinds=st.sets(st.sampled_from(KINDS), min_size=1), size=st.integers(1, 7))
@settings(max_examples=25, deadline=None)
def test_pages_there_and_back_hold_every_item_once_in_order(name, rows, kinds, size):
    QueueItem.objects.all().delete()
    items = fill([(kind, *stand, priority) for kind, stand, priority in rows])
    shown = [one for one in items if one.kind in kinds and one.state != "withdrawn"]
    if name == "decided":
        shown = [one for one in shown if one.state == "decided"]
    whole = [one.pk for one in sorted(shown, key=key(ORDERS[name]))]
    wish = Wish(sorted(kinds), ("open", "decided"), DECISIONS)
    page = page_of("changes", SCOPE, wish, name, None, size)
    there, pages = list(page.rows), [page]
    while page.next is not None:
        page = page_of("changes", SCOPE, wish, name, Cursor.read(page.next.text(), ORDERS[name]), size)
        there += page.rows
        pages.append(page)
    assert there == whole
    for before in reversed(pages[:-1]):
        assert page.previous is not None
        page = page_of("changes", SCOPE, wish, name, Cursor.read(page.previous.text(), ORDERS[name]), size)
        assert page.rows == before.rows
    assert page.previous is None


@pytest.fixture
def long_queue():
    with connection.cursor() as cursor:
        cursor.execute(FILL, {"scope": SCOPE, "count": 40_000})
        cursor.execute("ANALYZE review_queueitem")


def plan(statement, params=None):
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN " + statement, params)
        return "\n".join(row[0] for row in cursor.fetchall())


@pytest.mark.parametrize("name", sorted(ORDERS))
def test_a_page_of_a_long_queue_is_read_from_an_index_alone(long_queue, name, monkeypatch):
    asked = []
    run = lists._run
    monkeypatch.setattr(lists, "_run", lambda *given: asked.append(run(*given)) or asked[-1])
    middle = timezone.now() - dt.timedelta(seconds=20_000)
    values = (middle if dt.datetime in ORDERS[name].types else 0.5, 20_000)
    page_of("changes", SCOPE, Wish(KINDS, ("open", "decided"), DECISIONS), name, Cursor(values), 50)
    for one in asked:
        text = plan(*one.query.sql_with_params())
        assert "queue_list_by" in text and "Seq Scan" not in text, text
        sorted_rows = [int(one) for one in re.findall(r"Sort .*rows=(\d+)", text)]
        assert all(number < 100 for number in sorted_rows), text  # a run that is nearly empty may be sorted


@pytest.mark.parametrize("name", sorted(ORDERS))
def test_what_others_brought_is_passed_over_without_a_look_at_its_row(long_queue, name):
    QueueItem.objects.filter(pk__in=QueueItem.objects.order_by("pk").values("pk")[:15_000]).update(origin_id=5)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE review_queueitem")
    wish = Wish(KINDS, ("open", "decided"), DECISIONS, lambda items: items.filter(origin_id=5))
    text = plan(*lists._statement("changes", SCOPE, wish, wish.narrow, name, ORDERS[name], None, 50))
    assert "Index Only Scan" in text and "Seq Scan" not in text and "Bitmap Heap" not in text, text
    found = set(page_of("changes", SCOPE, wish, name, None, 50).rows)
    assert QueueItem.objects.filter(pk__in=found, origin_id=5).count() == len(found) == 50


def test_a_claim_walks_the_queue_in_its_order(long_queue):
    user = UserFactory()
    params = {
        "user": user.pk,
        "stage": "changes",
        "scope": SCOPE,
        "batch": None,
        "settles": False,
        "skip": [],
        "first": [],
        "seconds": 60,
    }
    text = plan(CLAIM, params)
    assert "queue_free" in text, text
    assert "Seq Scan on review_queueitem" not in text, text
    free = text.split("CTE free")[1]
    assert "Sort" not in free, text
