"""What was exported once stays as it was; edits that the newest map contradicts stay out; one edit can be dropped."""

import re
import time
import xml.etree.ElementTree as ET
from datetime import timedelta

import pytest
import shapely
from django.utils import timezone

from annotation.edits.models import Changeset, EditItem
from annotation.sources.engine import to_geos
from tests.factories import FootprintFactory, RegionFactory, SnapshotFactory, UserFactory, square
from tests.factories_changes import ChangeFactory, ModelVersionFactory, ScanFactory, save_decision

pytestmark = pytest.mark.django_db


@pytest.fixture
def scan():
    return ScanFactory(model=ModelVersionFactory(region=RegionFactory(open_to_all=True)))


@pytest.fixture
def editor():
    return UserFactory(role="editor")


def box(x, y=0.0, size=1e-4):
    return to_geos(shapely.box(24 + x, 60 + y, 24 + x + size, 60 + y + size))


def added(editor, scan, shape):
    change = ChangeFactory(scan=scan, geometry=shape)
    save_decision(editor, change)
    return change


def house(scan, x, first, *, kept=False, tagged=False, node_ids=None, **more):
    """A square way of the scan's map."""
    ring = list(shapely.box(24 + x, 60, 24 + x + 1e-4, 60 + 1e-4).exterior.coords)[:-1]
    ids = node_ids or [first + i for i in range(4)]
    nodes = [[ref, 2, *point, kept, tagged] for ref, point in zip(ids, ring, strict=True)]
    return FootprintFactory(snapshot=scan.snapshot, geometry=box(x), nodes=[*nodes, nodes[0]], **more)


def removed(editor, scan, footprint):
    change = ChangeFactory(
        scan=scan, kind="remove", footprint=footprint, object=footprint.object, geometry=footprint.geometry
    )
    save_decision(editor, change)
    return change


def make(client, scan, **more):
    reply = client.post(f"/api/regions/{scan.region_id}/changesets/", {"comment": "c", **more}, format="json")
    return Changeset.objects.get(pk=reply.json()["id"])


def osc(client, changeset, query=""):
    reply = client.get(f"/api/changesets/{changeset.pk}/edits.osc{query}")
    return b"".join(reply.streaming_content).decode() if reply.status_code == 200 else reply.json()


def test_the_same_file_comes_out_every_time_and_new_edits_get_ids_of_their_own(client_of, editor, scan):
    first, second = added(editor, scan, box(0)), added(editor, scan, box(0.01))
    client = client_of(editor)
    changeset = make(client, scan, change_ids=[first.pk, second.pk])
    file = osc(client, changeset)
    assert osc(client, changeset) == file
    changeset.refresh_from_db()
    assert changeset.state == "exported" and changeset.exported_at is not None
    EditItem.objects.filter(change=first).update(operations=None)
    again = osc(client, changeset)
    ids, later = (set(re.findall(r'<way id="(-\d+)"', one)) for one in (file, again))
    assert len(ids) == len(later) == 2 and len(ids & later) == 1 and min(map(int, later)) < min(map(int, ids))


def test_every_element_says_when_it_was_written_and_has_a_place_for_its_changeset(client_of, editor, scan):
    added(editor, scan, box(0))
    removed(editor, scan, house(scan, 0.01, 50))
    client = client_of(editor)
    for element in ET.fromstring(osc(client, make(client, scan))).iter():
        if element.tag in {"node", "way", "relation"}:
            assert element.get("changeset") == "0"
            assert element.get("timestamp", "") > "2026"


def test_a_dropped_edit_leaves_the_others_as_they_were(client_of, editor, scan):
    first, second = added(editor, scan, box(0)), added(editor, scan, box(0.01))
    client = client_of(editor)
    changeset = make(client, scan)
    before = set(re.findall(r'<way id="(-\d+)"', osc(client, changeset)))
    assert client.delete(f"/api/changesets/{changeset.pk}/edits/{first.pk}/").status_code == 204
    after = set(re.findall(r'<way id="(-\d+)"', osc(client, changeset)))
    assert after < before and len(after) == 1
    assert client.delete(f"/api/changesets/{changeset.pk}/edits/{first.pk}/").status_code == 404
    last = client.delete(f"/api/changesets/{changeset.pk}/edits/{second.pk}/")
    assert (last.status_code, last.json()["code"]) == (400, "invalid")


def test_a_file_with_known_conflicts_is_refused_or_leaves_them_out(client_of, editor, scan):
    kept, gone = house(scan, 0.01, 50), house(scan, 0.02, 60)
    for footprint in (kept, gone):
        removed(editor, scan, footprint)
    client = client_of(editor)
    changeset = make(client, scan)
    newer = SnapshotFactory(region=scan.region)
    FootprintFactory(
        snapshot=newer, osm_id=kept.osm_id, object=kept.object, version=kept.version, geometry=kept.geometry
    )
    refused = osc(client, changeset)
    assert (refused["code"], [one["code"] for one in refused["items"]]) == ("conflicting_edits", ["gone"])
    body = osc(client, changeset, "?skip_conflicts=1")
    assert f'<way id="{kept.osm_id}"' in body and f'<way id="{gone.osm_id}"' not in body


@pytest.mark.parametrize("count", [1, 6])
def test_conflicts_cost_the_same_for_any_number_of_edits(client_of, editor, scan, count, django_assert_num_queries):
    for number in range(count):
        added(editor, scan, box(0.001 * number))
        removed(editor, scan, house(scan, 0.001 * number + 0.05, 100 * number + 10))
    from annotation.edits.selectors import conflicts

    changeset = make(client_of(editor), scan)
    newer = SnapshotFactory(region=scan.region)
    for number in range(count):
        FootprintFactory(snapshot=newer, geometry=box(0.001 * number))
    with django_assert_num_queries(8):
        found = conflicts(changeset)
    assert sorted(one.code for one in found) == ["already_mapped"] * count + ["gone"] * count


@pytest.mark.parametrize(("share", "mapped"), [(0.0, False), (0.1, False), (0.5, True), (1.0, True)])
def test_a_new_house_that_shares_a_wall_is_not_already_mapped(client_of, editor, scan, share, mapped):
    from annotation.edits.selectors import conflicts

    added(editor, scan, box(0))
    changeset = make(client_of(editor), scan)
    newer = SnapshotFactory(region=scan.region)
    FootprintFactory(snapshot=newer, geometry=box(1e-4 * (1 - share)))
    assert [one.code for one in conflicts(changeset)] == (["already_mapped"] if mapped else [])


@pytest.mark.parametrize(
    ("tagged", "third", "dropped"),
    [(False, False, True), (True, False, False), (None, False, False), (False, True, False)],
)
def test_corners_of_two_removed_houses_go_with_them(client_of, editor, scan, tagged, third, dropped):
    left = house(scan, 0, 1, kept=True, tagged=tagged, node_ids=[1, 2, 3, 4])
    right = house(scan, 1e-4, 5, kept=True, tagged=tagged, node_ids=[5, 6, 4, 1])
    if third:
        house(scan, -1e-4, 7, kept=True, tagged=tagged, node_ids=[1, 4, 7, 8])
    removed(editor, scan, left), removed(editor, scan, right)
    client = client_of(editor)
    root = ET.fromstring(osc(client, make(client, scan)))
    deleted = {node.get("id") for block in root.iter("delete") if block.get("if-unused") for node in block.iter("node")}
    assert {"1", "4"} <= deleted if dropped else not {"1", "4"} & deleted


def test_elements_that_are_not_in_osm_yet_are_refused(client_of, editor, scan):
    removed(editor, scan, house(scan, 0, 1, node_ids=[101, 102, -1, 104]))
    client = client_of(editor)
    refused = osc(client, make(client, scan))
    assert refused["code"] == "refused_items"
    assert (
        refused["items"][0]["code"] == "not_uploaded" and "node/-1 is not in OSM yet" in refused["items"][0]["detail"]
    )


def test_a_building_without_an_id_has_a_name(client_of, editor, scan):
    unnamed = FootprintFactory(snapshot=scan.snapshot, osm_type="", osm_id=None, version=None, geometry=square())
    removed(editor, scan, unnamed)
    changeset = make(client_of(editor), scan)
    shown = client_of(editor).get(f"/api/changesets/{changeset.pk}/").json()
    assert shown["items"][0]["key"] == unnamed.object.key
    assert re.fullmatch(r"shape/[0-9a-f]{16}", unnamed.object.key)


def reshaped(editor, scan, footprint, shape):
    change = ChangeFactory(scan=scan, kind="modify", footprint=footprint, object=footprint.object, geometry=shape)
    save_decision(editor, change)
    return change


def test_versions_given_after_an_export_stand_in_the_same_file_under_the_same_ids(client_of, editor, scan):
    wide = to_geos(shapely.box(24.01, 60, 24.0103, 60 + 1e-4).union(shapely.box(24.01, 60, 24.0101, 60.0003)))
    reshaped(editor, scan, house(scan, 0.01, 50, osm_id=5, version=None), wide)
    added(editor, scan, box(0))
    client = client_of(editor)
    changeset = make(client, scan)
    client.post(f"/api/changesets/{changeset.pk}/versions/", {"way/5": 3}, format="json")
    file = osc(client, changeset)
    assert client.post(f"/api/changesets/{changeset.pk}/versions/", {"way/5": 3}, format="json").status_code == 200
    assert osc(client, changeset) == file
    client.post(f"/api/changesets/{changeset.pk}/versions/", {"way/5": 9}, format="json")
    assert osc(client, changeset) == file.replace('<way id="5" version="3"', '<way id="5" version="9"') != file


def test_a_later_download_is_the_same_to_the_byte_with_shared_corners_deleted(client_of, editor, scan):
    for house_ in row_of_two(scan):
        removed(editor, scan, house_)
    client = client_of(editor)
    changeset = make(client, scan)
    file = osc(client, changeset)
    assert file.count("<delete if-unused") >= 1 and file.count('<node id="2"') == 1
    time.sleep(1.1)
    assert osc(client, changeset) == file


def row_of_two(scan):
    """Two houses with a wall, nodes 2 and 3, in common."""
    left = house(scan, 0, 0, kept=True, node_ids=[2, 3, 11, 12])
    ring = list(shapely.box(24 + 1e-4, 60, 24 + 2e-4, 60 + 1e-4).exterior.coords)[:-1]
    nodes = [[ref, 2, *point, ref in (2, 3), False] for ref, point in zip([21, 22, 3, 2], ring, strict=True)]
    return left, FootprintFactory(snapshot=scan.snapshot, geometry=box(1e-4), nodes=[*nodes, nodes[0]])


def test_corners_of_a_removed_and_a_reshaped_house_that_both_leave_go(client_of, editor, scan):
    left, right = row_of_two(scan)
    removed(editor, scan, left)
    reshaped(editor, scan, right, to_geos(shapely.box(24.00013, 60, 24.0002, 60.0001)))
    client = client_of(editor)
    file = osc(client, make(client, scan))
    gone = file[file.index("<delete") :]
    assert all(f'<node id="{number}"' in gone for number in (2, 3))


def test_corners_that_an_edit_left_out_still_uses_stay(client_of, editor, scan):
    left, right = row_of_two(scan)
    type(right).objects.filter(pk=right.pk).update(in_relation=True)  # so that it gets no courtyard
    removed(editor, scan, left)
    refused = reshaped(editor, scan, right, to_geos(shapely.box(24.00013, 60, 24.0002, 60.0001)))
    type(refused).objects.filter(pk=refused.pk).update(
        geometry=to_geos(
            shapely.box(24.00013, 60, 24.0002, 60.0001).difference(shapely.box(24.00015, 60.00002, 24.00017, 60.00004))
        )
    )
    client = client_of(editor)
    file = osc(client, make(client, scan), "?skip_refused=true")
    assert '<node id="2"' not in file and '<way id="' in file


def test_no_element_is_older_than_the_object_it_changes(client_of, editor, scan):
    ahead = timezone.now() + timedelta(days=2)
    removed(editor, scan, house(scan, 0, 10, edited_at=ahead))
    client = client_of(editor)
    file = osc(client, make(client, scan))
    assert set(re.findall(r'timestamp="([^"]+)"', file)) == {ahead.strftime("%Y-%m-%dT%H:%M:%SZ")}


def test_a_file_that_reached_the_map_can_still_be_fetched_as_it_was(client_of, editor, scan):
    added(editor, scan, box(0))
    client = client_of(editor)
    changeset = make(client, scan)
    assert osc(client, changeset, "?as_exported=true")["code"] == "never_exported"
    file = osc(client, changeset)
    FootprintFactory(snapshot=SnapshotFactory(region=scan.region), geometry=box(0))
    told = osc(client, changeset)
    assert told["code"] == "conflicting_edits" and "as_exported" in told["detail"]
    assert osc(client, changeset, "?as_exported=true") == file


def test_two_answers_about_one_building_leave_in_one_edit(client_of, editor, scan):
    first = house(scan, 0, 10)
    removed(editor, scan, first)
    other = ScanFactory(model=scan.model, snapshot=scan.snapshot)
    again = removed(editor, other, first)
    new, drawn_again = added(editor, scan, box(0.01)), added(editor, other, box(0.010001))
    client = client_of(editor)
    changeset = make(client, scan)
    assert set(changeset.items.values_list("change", flat=True)) == {again.pk, drawn_again.pk}
    reply = client.post(f"/api/regions/{scan.region_id}/changesets/", {"comment": "c"}, format="json")
    assert reply.json()["code"] == "nothing_accepted"
    body = {"comment": "c", "change_ids": [new.pk]}
    assert client.post(f"/api/regions/{scan.region_id}/changesets/", body, format="json").status_code == 400
