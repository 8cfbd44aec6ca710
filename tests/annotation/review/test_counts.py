"""The counts that the database keeps are those that counting gives, whatever is written and rolled back."""

import threading

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import Count
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.review.counts import Sort, counts_of, counts_of_batches, counts_with_batches
from annotation.review.models import Batch, QueueCount, QueueItem
from annotation.review.services.counts import fold
from tests.factories import RegionFactory, UserFactory
from tests.factories_changes import QueueItemFactory

SCOPE = 3


def counted(**narrow):
    rows = QueueItem.objects.filter(stage="changes", scope_id=SCOPE, **narrow)
    rows = rows.values_list("kind", "state", "decision").annotate(Count("pk"))
    return {Sort(kind, state, decision): number for kind, state, decision, number in rows}


moves = st.lists(
    st.tuples(
        st.sampled_from(["insert", "decide", "withdraw", "delete", "lease", "batch", "roll back", "fold"]),
        st.integers(0, 9), st.sampled_from(["add", "remove"]),
    ),
    max_size=20,
)  # fmt: skip


def make(move, number, kind):
    ids = list(QueueItem.objects.order_by("pk").values_list("pk", flat=True))
    some = QueueItem.objects.filter(pk__in=ids[number::3])
    if move == "insert":
        QueueItem.objects.bulk_create(QueueItem(stage="changes", scope_id=SCOPE, kind=kind) for _ in range(number))
    elif move == "decide":
        some.update(state="decided", decision=["accept", "reject"][number % 2], decided_at="2026-01-01T00:00Z")
    elif move == "withdraw":
        some.update(state="withdrawn")
    elif move == "delete":
        some.delete()
    elif move == "lease":
        some.update(lease_token=number)
    elif move == "batch":
        batch = Batch.objects.create(stage="changes", scope_id=SCOPE, name="b", plan="all")
        some.update(batch=batch, subject_id=number)
    elif move == "fold":
        fold()
    else:
        try:
            with transaction.atomic():
                some.update(state="decided", decision="accept", decided_at="2026-01-01T00:00Z")
                raise InterruptedError
        except InterruptedError:
            pass


@pytest.mark.django_db
@given(moves)
@settings(max_examples=40, deadline=None)
def test_counts_follow_every_way_of_writing(moves):
    with transaction.atomic():
        for move in moves:
            make(*move)
            assert dict(counts_of("changes", SCOPE)) == counted(batch=None)
            assert dict(counts_with_batches("changes", SCOPE)) == counted()
            for batch, counts in counts_of_batches("changes", list(Batch.objects.values_list("pk", flat=True))).items():
                assert dict(counts) == counted(batch=batch)
        transaction.set_rollback(True)


@pytest.mark.django_db
def test_folding_leaves_one_row_a_count_and_none_for_nothing():
    for _ in range(5):
        QueueItemFactory(scope_id=SCOPE, kind="add")
    QueueItem.objects.all().update(kind="remove")
    assert QueueCount.objects.count() > 5
    fold()
    assert list(QueueCount.objects.values_list("kind", "state", "number")) == [("remove", "open", 5)]


@pytest.mark.django_db(transaction=True)
def test_two_that_fold_at_once_count_nothing_twice():
    for _ in range(30):
        QueueItemFactory(scope_id=SCOPE)

    def folding():
        for _ in range(10):
            fold()
        connection.close()

    threads = [threading.Thread(target=folding) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        QueueItemFactory(scope_id=SCOPE)
    for thread in threads:
        thread.join()
    assert sum(counts_of("changes", SCOPE).values()) == 50


@pytest.mark.django_db(transaction=True)
def test_counting_anew_mends_what_was_written_past_the_triggers():
    QueueItemFactory(scope_id=SCOPE, kind="add")
    QueueCount.objects.all().update(number=17)
    call_command("recount_queue")
    assert dict(counts_of("changes", SCOPE)) == {Sort("add", "open", ""): 1}


@pytest.mark.django_db
def test_what_waits_is_told_to_those_who_may_see_it(client_of):
    region = RegionFactory(members=[member := UserFactory()])
    QueueItemFactory.create_batch(3, scope_id=region.pk)
    QueueItemFactory(
        scope_id=region.pk, state="decided", decision="accept", decided_by=member, decided_at=timezone.now()
    )
    url = "/api/review/changes/waiting/"
    assert client_of(member).get(url, {"region": region.pk}).json() == {"open": 3}
    assert client_of(UserFactory()).get(url, {"region": region.pk}).status_code == 404
    assert client_of(member).get("/api/review/none/waiting/", {"region": region.pk}).status_code == 404
