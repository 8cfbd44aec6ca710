"""What somebody looks at while its tile is scored anew stays theirs, and is renewed before anybody else gets it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from annotation.accounts.models import User
from annotation.changes.models import Change
from annotation.changes.services import rescore as service
from annotation.common.services.jobs import run_now
from annotation.consistency.engine import evidence_file
from annotation.consistency.models import Scan
from annotation.correspondences.models import Correspondences
from annotation.review.models import ItemState, QueueItem
from annotation.review.selectors import queue_counts
from annotation.review.services.claim import claim
from annotation.review.services.lease import release
from annotation.review.services.undo import undo
from annotation.sources.models import Region
from tests.annotation.changes.scanned_town import corrected, jobs, rescored, scanned, trained_town
from tests.annotation.review.test_queue_concurrency import save
from tests.factories import UserFactory
from tests.factories_correspondences import CorrespondencesFactory

pytestmark = [pytest.mark.django_db, pytest.mark.slow, pytest.mark.xdist_group("held")]


@pytest.fixture(scope="module")
def region(django_db_setup, django_db_blocker, tmp_path_factory) -> Iterator[Region]:
    with django_db_blocker.unblock(), trained_town(tmp_path_factory.mktemp("town")) as town:
        yield town


@pytest.fixture
def scan(region) -> Scan:
    return scanned(region)


def looked_at(region: Region, scan: Scan) -> tuple[User, QueueItem, Change, Correspondences]:
    """A person looks at a suggestion; on its tile a proposal waits."""
    change = Change.objects.filter(scan=scan, item__state=ItemState.OPEN).order_by("pk")[0]
    Correspondences.objects.filter(region=region).delete()
    row, person = CorrespondencesFactory(pair=change.pair, region=region), UserFactory(role="admin")
    item = only(person, change)
    assert item is not None
    return person, item, change, row


def only(user: User, change: Change) -> QueueItem | None:
    """The suggestion, if the queue gives it to this person."""
    others = QueueItem.objects.filter(stage="changes").exclude(pk=change.item_id).values_list("pk", flat=True)
    return claim(user=user, stage="changes", scope_id=change.scan.region_id, skip=list(others)).item


def test_what_a_person_looks_at_is_left_to_them_and_renewed_once_they_let_go(region, scan):
    person, item, change, row = looked_at(region, scan)

    corrected(region, row)
    rescored(scan)

    held = QueueItem.objects.get(pk=item.pk)
    assert Change.objects.get(pk=change.pk).evidence == change.evidence
    assert (held.state, held.version, held.lease_holder, held.outdated) == (ItemState.OPEN, item.version, person, True)
    assert only(person, change) == item
    assert service.start_where_let_go() == 0
    assert not jobs(scan)

    release(user=person, item_id=item.pk, lease_token=only(person, change).lease_token)
    counts = queue_counts(person, "changes", region.pk)
    assert (only(UserFactory(role="admin"), change), counts.leased) == (None, 1)
    assert service.start_where_let_go() == 1
    rescored(scan)

    renewed = QueueItem.objects.get(pk=item.pk)
    origin = Change.objects.get(pk=change.pk).evidence.get("shift_origin")
    assert (renewed.outdated, renewed.version) == (False, item.version + 1)
    assert renewed.state == ItemState.WITHDRAWN or origin == "verified"
    listed = {one.pair_id for one in Change.objects.filter(scan=scan, item__outdated=True)}
    assert not listed
    assert service.start_where_let_go() == 0


def test_what_a_person_decided_while_it_was_outdated_is_renewed_when_they_take_it_back(region, scan):
    person, item, change, row = looked_at(region, scan)
    corrected(region, row)
    rescored(scan)

    verdict = save(person, only(person, change))
    assert service.start_where_let_go() == 0
    undo(user=person, item_id=item.pk, version=verdict.item_version, idempotency_key=uuid.uuid4())
    QueueItem.objects.filter(pk=item.pk).update(lease_expires_at="2020-01-01T00:00Z")

    assert service.start_where_let_go() == 1
    rescored(scan)
    assert not QueueItem.objects.get(pk=item.pk).outdated


def test_where_nothing_can_be_looked_at_again_people_get_it_as_it_is(region, scan):
    person, item, change, row = looked_at(region, scan)
    corrected(region, row)
    rescored(scan)
    release(user=person, item_id=item.pk, lease_token=only(person, change).lease_token)
    evidence_file(scan).unlink()

    service.start_where_let_go()
    (job,) = jobs(scan)

    assert run_now(job).error_detail.endswith("scan the region again")
    assert only(UserFactory(role="admin"), change) == item
    assert service.start_where_let_go() == 0
