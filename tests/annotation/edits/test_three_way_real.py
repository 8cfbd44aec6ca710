"""A real extract, a real difference and somebody else's osmChange: an edit is laid over them, and nothing is lost."""

from __future__ import annotations

import datetime as dt

import pytest
import shapely
import shapely.affinity

from annotation.changes.models import Change
from annotation.changes.services.mapped_meanwhile import withdraw_mapped
from annotation.edits import selectors
from annotation.edits.engine import base_of
from annotation.edits.models import EditItem
from annotation.edits.osmchange.compile import AcceptedChange, compile_change
from annotation.edits.osmchange.elements import NewIds
from annotation.edits.osmchange.tools import Tool, written_for
from annotation.edits.osmchange.write import write_osc
from annotation.edits.services import changesets, export
from annotation.edits.services.rebase import rebase
from annotation.edits.services.three_way import three_way
from annotation.sources.engine import to_geos, to_shapely
from annotation.sources.models import Footprint
from annotation.sources.services.store_features import store_features
from mlcore.maps.osm_files import read_map
from mlcore.progress import SilentProgress
from tests.annotation.edits.extract import Extract
from tests.annotation.edits.osmium_tool import run_osmium
from tests.annotation.edits.town import DATA, differing, same, town_from
from tests.factories import SnapshotFactory
from tests.factories_changes import ChangeFactory, save_decision

pytestmark = pytest.mark.django_db
OSM = DATA / "osm"


def somebody_elses(footprint, shape, tags) -> str:
    """An osmChange for copies of the map that reshapes and tags this building."""
    base = base_of(EditItem(change=Change(footprint=footprint), base_version=footprint.version))
    ring = [tuple(corner) for corner in shape.exterior.coords]
    operations = compile_change(AcceptedChange("modify", [[ring]], base, tags=tags), NewIds())
    return "".join(write_osc(written_for(Tool.COPY, operations)))


@pytest.mark.slow
def test_liechtenstein_changed_by_others_keeps_their_work_and_takes_ours(tmp_path):
    source = OSM / "liechtenstein-2013-08-03.osm.pbf"
    if not source.exists():
        pytest.skip(f"no {source}: set MAPWRIGHT_DATA to the folder of real data")
    town = town_from(source)
    plain = Footprint.objects.filter(snapshot=town.snapshot, osm_type="way", in_relation=False)
    house = next(
        one for one in plain.order_by("pk")
        if one.geometry.geom_type == "Polygon" and len(one.geometry.coords) == 1 and len(one.nodes) == 5
        and one.version is not None and not any(node[4] for node in one.nodes)
    )  # fmt: skip
    here = to_shapely(house.geometry)
    theirs, ours = shapely.affinity.translate(here, 1e-5, 0), shapely.affinity.scale(here, 1.1, 1.1)

    # Meanwhile: a month of real edits, and somebody who moved and tagged the very building.
    other, month, newer = tmp_path / "other.osc", tmp_path / "month.osm", tmp_path / "newer.osm"
    other.write_text(somebody_elses(house, theirs, {"building:levels": "3"}), encoding="utf-8")
    run_osmium("apply-changes", str(source), str(OSM / "liechtenstein-2013-08.osc.gz"), "-o", str(month))
    run_osmium("apply-changes", str(month), str(other), "-o", str(newer))
    later = SnapshotFactory(region=town.scan.region, taken_at=dt.datetime(2025, 1, 1, tzinfo=dt.UTC))
    store_features(later, iter(read_map(newer).features), SilentProgress())
    new = Footprint.objects.filter(snapshot=later).exclude(
        object__in=Footprint.objects.filter(snapshot=town.snapshot).values("object")
    )
    drawn = list(new.order_by("pk")[:2])
    assert len(drawn) == 2

    # What was suggested and decided before all that.
    edit = ChangeFactory(scan=town.scan, kind="modify", footprint=house, geometry=to_geos(ours))
    found = ChangeFactory(scan=town.scan, geometry=drawn[0].geometry)
    for change in (edit, found):
        save_decision(town.user, change)
    waiting = ChangeFactory(scan=town.scan, geometry=drawn[1].geometry)
    changeset = changesets.create(user=town.user, region=town.scan.region, comment="c").changeset

    assert dict(withdraw_mapped(Change.objects.filter(scan=town.scan), town.scan.region_id)) == {"add": 1}
    waiting.item.refresh_from_db()
    assert waiting.item.state == "withdrawn"
    codes = {one.change: one.code for one in selectors.conflicts(changeset)}
    assert codes == {edit.pk: "newer_version", found.pk: "already_mapped"}
    told = three_way(selectors.items_of(changeset).get(change=edit))
    assert told.theirs.version == house.version + 1
    assert [(row.key, row.theirs, row.ours) for row in told.rows] == [("building:levels", "3", None)]

    changesets.drop(user=town.user, changeset=changeset, change_id=found.pk)
    rebase(user=town.user, changeset=changeset, change_id=edit.pk, seen=told.theirs.digest, shape="ours")
    osc, after = tmp_path / "edits.osc", tmp_path / "after.osm"
    osc.write_text("".join(export.osc(changeset)), encoding="utf-8")
    run_osmium("apply-changes", str(newer), str(osc), "-o", str(after))
    before, now = Extract.read(newer), Extract.read(after)
    assert same(now.shape(house.key), ours)
    assert now.tags(house.key) == {**house.tags, "building:levels": "3"}
    assert differing(before, now) <= {house.key, *(f"node/{node[0]}" for node in house.nodes)}
