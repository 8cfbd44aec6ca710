"""Nodes that were edited since: they stand against an edit that writes them, and against no other."""

import pytest
from django.utils import timezone

from annotation.changes.objects import exported_and_not_in_the_map
from annotation.edits import selectors
from annotation.edits.models import EditItem
from tests.annotation.edits.test_three_way import MOVED, WIDER, edit, house, newer, put, rebase
from tests.factories import RegionFactory, SnapshotFactory, UserFactory
from tests.factories_changes import ModelVersionFactory, ScanFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def scan():
    return ScanFactory(model=ModelVersionFactory(region=RegionFactory(open_to_all=True)))


@pytest.fixture
def client(client_of, scan):
    return client_of(UserFactory(role="editor"))


def plain(scan):
    """A house that is nothing more, so that its removal deletes it with its nodes."""
    return house(scan.snapshot, tags={"building": "yes"})


def newer_node(scan, change, **more):
    """A later map that has the same building, with a node that somebody edited where it is."""
    there = newer(scan, change, **{"version": 3, "tags": change.footprint.tags, **more})
    there.nodes[1][1] = 9
    there.save()


def codes(client, changeset):
    return [one["code"] for one in client.get(f"/api/changesets/{changeset}/").json()["conflicts"]]


def test_a_removal_that_deletes_a_newer_node_is_a_conflict_and_is_laid_over_it(client, scan):
    change = edit(scan, "remove", base=plain(scan), geometry=WIDER)
    number = put(client, scan, change)
    newer_node(scan, change)
    assert codes(client, number) == ["newer_part"]
    assert rebase(client, number, change).status_code == 200
    assert codes(client, number) == []


def test_a_removal_that_keeps_it_as_demolished_writes_no_node(client, scan):
    change = edit(scan, "remove", base=plain(scan), geometry=WIDER)
    number = put(client, scan, change)
    EditItem.objects.update(demolish=True)
    newer_node(scan, change)
    assert codes(client, number) == []


@pytest.mark.parametrize("kind", ["remove", "modify"])
def test_a_building_that_was_seen_to_stand_is_no_matter_of_its_nodes(client, scan, kind):
    change = edit(scan, kind, base=plain(scan), geometry=WIDER)
    type(change).objects.filter(pk=change.pk).update(confirmed_on=timezone.now().date())
    number = put(client, scan, change)
    newer_node(scan, change)
    assert codes(client, number) == []


def test_an_edit_that_took_their_shape_is_no_matter_of_its_nodes(client, scan):
    change = edit(scan, base=plain(scan), geometry=WIDER, tags_set={"building": "house"})
    number = put(client, scan, change)
    newer(scan, change, MOVED, tags={"building": "yes"})
    assert rebase(client, number, change, shape="theirs", tags="ours").status_code == 200
    latest = SnapshotFactory(region=scan.region)
    base = change.footprint
    there = house(latest, MOVED, osm_id=base.osm_id, object=base.object, version=4, tags={"building": "yes"})
    there.nodes[1][1] = 9
    there.save()
    type(latest).objects.filter(pk=latest.pk).update(taken_at="2025-07-01T00:00:00Z")
    assert codes(client, number) == []


def test_of_a_map_without_versions_an_edit_laid_over_a_newer_one_leaves_once(client, scan):
    change = edit(scan, base=house(scan.snapshot, version=None), geometry=WIDER)
    number = put(client, scan, change)
    there = newer(scan, change, MOVED, version=None)
    later = ScanFactory(model=scan.model, imagery=scan.imagery, snapshot=there.snapshot)
    again = edit(later, base=there, geometry=WIDER, pair=change.pair)
    assert list(selectors.exportable_changes(scan.region)) == [again]  # somebody changed it since the edit was made
    assert exported_and_not_in_the_map(later) == set()
    assert rebase(client, number, change, shape="ours").status_code == 200
    assert list(selectors.exportable_changes(scan.region)) == []
    assert exported_and_not_in_the_map(later) == {change.object_id}
