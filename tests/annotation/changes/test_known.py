"""What people said, or look at, among a scan's own suggestions counts when the scan suggests anew."""

import pytest
import shapely.affinity

from annotation.changes.models import Change
from annotation.changes.services.known import Known
from annotation.changes.services.store import Rows
from annotation.edits.services import changesets
from annotation.review.models import QueueItem
from annotation.sources.engine import to_shapely
from tests.annotation.changes.suggestions import again, candidate, decide, keep
from tests.annotation.changes.test_find import extension
from tests.factories import FootprintFactory, RegionFactory, UserFactory, square
from tests.factories_changes import ModelVersionFactory, ScanFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def scan():
    return ScanFactory(model=ModelVersionFactory(region=RegionFactory(open_to_all=True)))


@pytest.fixture
def drawn_anew(scan):
    """The building that is in the queue, a little moved, and another one."""
    keep(scan, candidate(scan))
    nearly = shapely.affinity.translate(to_shapely(square()), 1e-5, 0)
    return Rows(scan).of([candidate(scan, shape=nearly), candidate(scan, shape=to_shapely(square(0.1, 0.1)))])


@pytest.mark.parametrize("decision", ["accept", "reject", "cant_tell"])
def test_a_decided_new_building_is_not_suggested_again_by_its_own_scan(scan, drawn_anew, decision):
    decide(UserFactory(), decision)
    assert Known(scan, itself=True).unanswered(drawn_anew) == drawn_anew[1:]


def test_one_that_somebody_looks_at_is_not_suggested_beside_it(scan, drawn_anew):
    QueueItem.objects.filter(change=Change.objects.get()).update(lease_expires_at="2999-01-01T00:00Z")
    assert Known(scan, itself=True).unanswered(drawn_anew) == drawn_anew[1:]


def test_one_that_is_free_may_be_drawn_anew(scan, drawn_anew):
    assert Known(scan, itself=True).unanswered(drawn_anew) == drawn_anew


def test_what_is_read_for_a_few_suggestions_says_the_same_of_them_and_no_more(scan):
    """Of many answers, those that could be the same as what is asked about."""
    ana = UserFactory()
    shapes = [to_shapely(square(n / 10, n / 10, 0.05)) for n in range(6)]
    for shape in shapes[:4]:
        keep(scan, candidate(scan, shape=shape))
        decide(ana, "reject")
    asked = Rows(scan).of([candidate(scan, shape=shape) for shape in shapes[3:]])

    everything, near = Known(scan, itself=True), Known(scan, itself=True, about=asked)

    assert near.unanswered(asked) == everything.unanswered(asked) == asked[1:]
    assert (len(everything.marks), len(near.marks)) == (4, 1)
    assert Known(scan, itself=True, about=[]).marks == set()


def test_what_is_read_for_a_few_suggestions_holds_what_is_on_its_way_near_them(scan):
    house = FootprintFactory(snapshot=scan.snapshot)
    far = FootprintFactory(snapshot=scan.snapshot, geometry=square(0.05, 0.05, 0.05))
    ana, wing = UserFactory(role="editor"), to_shapely(square(0.65, 0.5, 0.1))
    keep(scan, extension(scan, house, wing))
    decide(ana, "accept")
    keep(scan, candidate(scan, "remove", footprint=far))
    decide(ana, "accept")
    changesets.create(region=scan.region, user=ana, comment="done")
    later = again(scan)
    asked = Rows(later).of([candidate(later, shape=wing), candidate(later, "remove", footprint=house)])

    everything, near = Known(later), Known(later, about=asked)

    assert everything.unanswered(asked) == near.unanswered(asked) == []
    assert (near.waiting, everything.waiting) == ({house.object_id}, {house.object_id, far.object_id})
