"""A building that became one with its neighbour is suggested no more by itself, and leaves in one changeset."""

import pytest

from annotation.changes.models import Change
from annotation.changes.objects import exported_and_not_in_the_map
from annotation.changes.services.known import Known
from annotation.changes.services.store import Rows
from annotation.edits import selectors
from annotation.edits.services import changesets
from tests.annotation.changes.suggestions import again, candidate, keep
from tests.annotation.changes.test_exported_again import newer
from tests.annotation.changes.test_part_answers import two
from tests.factories import FootprintFactory, RegionFactory, UserFactory
from tests.factories_changes import ChangeFactory, ModelVersionFactory, ScanFactory, save_decision

pytestmark = pytest.mark.django_db


@pytest.fixture
def editor():
    return UserFactory(role="editor")


@pytest.fixture
def scan():
    return ScanFactory(model=ModelVersionFactory(region=RegionFactory(open_to_all=True)))


@pytest.fixture
def merged(scan, editor):
    """An accepted answer that takes a building in, and that building."""
    change, theirs = two(scan)
    save_decision(editor, change, merge=theirs.key)
    change.refresh_from_db()
    assert change.merged == theirs
    return change, theirs


@pytest.mark.parametrize("kind", ["modify", "remove"])
def test_once_accepted_a_later_scan_of_the_image_suggests_it_no_more(scan, merged, kind):
    later = again(scan)
    asked = Rows(later).of([candidate(later, kind, footprint=merged[1])])
    assert Known(later).unanswered(asked) == Known(later, about=asked).unanswered(asked) == []
    assert keep(later, candidate(later, kind, footprint=merged[1])).answered == 1


def test_once_exported_another_image_suggests_it_again_when_the_map_had_it_changed_and_not_before(scan, merged, editor):
    _, theirs = merged
    changesets.create(user=editor, region=scan.region, comment="c")
    later = newer(scan, theirs)
    there = later.snapshot.footprint_set.get()
    asked = Rows(later).of([candidate(later, footprint=there, kind="modify")])
    assert exported_and_not_in_the_map(later) == {theirs.object_id}
    assert Known(later).unanswered(asked) == Known(later, about=asked).unanswered(asked) == []
    there.version = theirs.version + 1
    there.save()
    assert exported_and_not_in_the_map(later, [theirs.object_id]) == set()
    assert Known(later).unanswered(asked) == asked


def test_what_was_answered_about_it_over_another_map_is_not_exported_beside_the_merge(scan, merged, editor):
    change, theirs = merged
    changesets.create(user=editor, region=scan.region, comment="c")
    assert list(Change.objects.filter(edit_items__isnull=False)) == [change]
    exportable = []
    for version in (theirs.version, theirs.version + 1):
        later = newer(scan)
        there = FootprintFactory(
            snapshot=later.snapshot, osm_id=theirs.osm_id, object=theirs.object, geometry=theirs.geometry,
            version=version,
        )  # fmt: skip
        other = ChangeFactory(scan=later, kind="modify", footprint=there, geometry=there.geometry)
        save_decision(editor, other)
        exportable.append(other in selectors.exportable_changes(scan.region))
    assert exportable == [False, True]
