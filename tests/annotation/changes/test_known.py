"""What people said, or look at, among a scan's own suggestions counts when the scan suggests anew."""

import pytest
import shapely.affinity

from annotation.changes.models import Change
from annotation.changes.services.known import Known
from annotation.changes.services.store import Rows
from annotation.review.models import QueueItem
from annotation.sources.engine import to_shapely
from tests.annotation.changes.suggestions import candidate, decide, keep
from tests.factories import RegionFactory, UserFactory, square
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
