"""Batches as they end: what closing leaves, and what first and second answers must not know of each other."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from django.db import connection, transaction

from annotation.anchors.answers import batch_answers, region_answers
from annotation.anchors.models import Anchor, AnchorState
from annotation.anchors.overview import batch_to_work_on
from annotation.anchors.services import batches
from annotation.common.errors import InvalidError
from annotation.review.errors import BatchClosedError
from annotation.review.models import AuditEntry, ItemState, QueueItem
from annotation.review.services.reassign import reassign
from annotation.review.services.undo import undo
from tests.annotation.anchors.test_batches import anchors, disagreement, drawn
from tests.factories import RegionFactory, UserFactory
from tests.factories_anchors import answer, make_batch, take
from tests.waiting import until_somebody_waits

pytestmark = pytest.mark.django_db


@pytest.fixture
def region():
    return RegionFactory(open_to_all=True)


def test_closing_leaves_answers_and_lets_a_lone_first_one_count(region):
    anchors(region, 3)
    ana, editor = UserFactory(), UserFactory(role="editor")
    batch = make_batch(region, second_share=1.0)
    answered = answer(ana, take(ana, batch)).item.subject_id
    held = take(ana, batch)
    batches.close(user=editor, region=region, batch_id=batch.pk)
    assert Counter(QueueItem.objects.values_list("state", flat=True)) == {"decided": 1, "withdrawn": 5}
    assert Anchor.objects.get(pk=answered).state == AnchorState.ACCEPTED
    with pytest.raises(BatchClosedError):
        take(ana, batch)
    with pytest.raises(Exception, match="taken out of the queue"):
        answer(ana, held)
    assert AuditEntry.objects.filter(action="review.close_batch").count() == 1


def test_closing_asks_nobody_to_settle_and_leaves_what_an_admin_said(region):
    anchor, batch, _, _, _ = disagreement(region)
    (untouched,) = anchors(region, 1)
    other = make_batch(region)
    Anchor.objects.filter(pk=untouched.pk).update(state=AnchorState.REJECTED)
    editor = UserFactory(role="editor")
    for one in (batch, other):
        batches.close(user=editor, region=region, batch_id=one.pk)
    assert not QueueItem.objects.filter(state=ItemState.OPEN).exists()
    anchor.refresh_from_db()
    untouched.refresh_from_db()
    assert (anchor.state, untouched.state) == (AnchorState.PROPOSED, AnchorState.REJECTED)


def test_an_answer_of_a_closed_batch_is_taken_back_out_of_the_queue_and_the_anchor_can_be_drawn_again(region):
    (anchor,) = anchors(region, 1)
    ana, editor = UserFactory(), UserFactory(role="editor")
    batch = make_batch(region)
    verdict = answer(ana, take(ana, batch))
    batches.close(user=editor, region=region, batch_id=batch.pk)
    undone = undo(user=ana, item_id=verdict.item_id, version=1, idempotency_key=uuid4())
    item = QueueItem.objects.get(pk=verdict.item_id)
    assert (item.state, item.lease_holder, undone.payload["state"]) == (ItemState.WITHDRAWN, None, "withdrawn")
    anchor.refresh_from_db()
    assert anchor.state == AnchorState.PROPOSED
    assert drawn(make_batch(region)) == [anchor.pk]


def test_a_twin_flagged_to_somebody_who_answers_the_other_goes_to_others(region):
    anchors(region, 1)
    ana, ben, cleo = UserFactory.create_batch(3)
    batch = make_batch(region, second_share=1.0)
    first, second = take(ben, batch), take(ana, batch)
    flag = {"item_id": second.pk, "lease_token": second.lease_token, "version": 0, "comment": "?"}
    reassign(user=ana, **flag, to=ben.pk, idempotency_key=uuid4())
    answer(ben, first)
    assert take(ben, batch) is None
    assert take(cleo, batch).pk == second.pk
    held = QueueItem.objects.get(pk=second.pk)
    again = {"item_id": held.pk, "lease_token": held.lease_token, "version": held.version, "comment": "?"}
    with pytest.raises(InvalidError, match="can't take this one"):
        reassign(user=cleo, **again, to=ben.pk, idempotency_key=uuid4())


def test_a_first_answer_is_in_no_report_or_file_before_the_second(region):
    anchors(region, 1)
    ana, ben = UserFactory.create_batch(2)
    batch = make_batch(region, second_share=1.0)
    answer(ana, take(ana, batch))
    assert list(batch_answers(batch.pk)) == list(region_answers(region.pk)) == []
    answer(ben, take(ben, batch))
    assert len(list(batch_answers(batch.pk))) == len(list(region_answers(region.pk))) == 2


def test_the_page_opens_the_newest_batch_that_has_something_for_this_person(region):
    anchors(region, 1)
    ana = UserFactory()
    older = make_batch(region)
    anchors(region, 1)
    newer = make_batch(region, second_share=1.0)
    assert batch_to_work_on(ana, region) == newer
    answer(ana, take(ana, newer))
    assert batch_to_work_on(ana, region) == older
    assert batch_to_work_on(UserFactory(), region) == newer


@pytest.mark.django_db(transaction=True)
def test_a_disagreement_that_is_saved_while_the_batch_closes_leaves_nothing_open(region):
    anchors(region, 1)
    ana, ben, editor = UserFactory(), UserFactory(), UserFactory(role="editor")
    batch = make_batch(region, second_share=1.0)
    answer(ana, take(ana, batch))
    second = take(ben, batch)

    def close() -> None:
        try:
            batches.close(user=editor, region=region, batch_id=batch.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            answer(ben, second, "reject")
            closing = pool.submit(close)
            until_somebody_waits()
            assert not closing.done()
        closing.result(timeout=60)
    assert Counter(QueueItem.objects.values_list("state", flat=True)) == {"decided": 2, "withdrawn": 1}
