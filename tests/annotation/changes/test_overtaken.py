"""A suggestion of an older scan that somebody holds while a newer one is stored is theirs, and nobody's after that."""

from __future__ import annotations

from functools import partial

import pytest
from django.db import transaction

from annotation.changes.models import Change
from annotation.changes.services import rescore
from annotation.changes.services.store import withdraw_older
from annotation.common.models import Job
from annotation.common.services.jobs import run_now
from annotation.consistency.models import Scan
from annotation.review.errors import OutdatedError
from annotation.review.models import ItemState, QueueItem
from annotation.review.services.claim import claim
from annotation.review.services.lease import reclaim, release
from tests.annotation.review.test_queue_concurrency import save
from tests.factories import UserFactory
from tests.factories_changes import ChangeFactory, ModelVersionFactory, ScanFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def scans() -> tuple[Scan, Scan]:
    older = ScanFactory(model=ModelVersionFactory(region__open_to_all=True))
    return older, ScanFactory(model=older.model)


def given(user, region_id) -> QueueItem | None:
    return claim(user=user, stage="changes", scope_id=region_id).item


def test_it_stays_with_its_holder_goes_to_nobody_else_and_leaves_the_queue_once_it_is_let_go(scans):
    older, newer = scans
    held, other = ChangeFactory(scan=older, confidence=0.9), ChangeFactory(scan=older, confidence=0.1)
    ana, ben = UserFactory.create_batch(2)
    item = given(ana, older.region_id)
    assert item is not None and item.pk == held.item_id

    withdraw_older(newer, partial(transaction.atomic))

    states = dict(Change.objects.values_list("pk", "item__state"))
    assert states == {held.pk: ItemState.OPEN, other.pk: ItemState.WITHDRAWN}
    assert given(ana, older.region_id) == item and rescore.start_where_let_go() == 0
    release(user=ana, item_id=item.pk, lease_token=given(ana, older.region_id).lease_token)
    assert given(ben, older.region_id) is None
    with pytest.raises(OutdatedError):
        reclaim(user=ben, item_id=item.pk)

    assert rescore.start_where_let_go() == 1
    run_now(Job.objects.get(kind=rescore.KIND))
    item.refresh_from_db()
    assert item.state == ItemState.WITHDRAWN and rescore.start_where_let_go() == 0


def test_the_answer_of_whoever_held_it_is_saved(scans):
    older, newer = scans
    ChangeFactory(scan=older)
    ana = UserFactory()
    item = given(ana, older.region_id)
    withdraw_older(newer, partial(transaction.atomic))
    assert save(ana, item).decision == "accept"
