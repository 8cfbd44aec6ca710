"""A single way that gets a courtyard comes back as a multipolygon; one of the old style keeps its courtyards."""

from __future__ import annotations

from pathlib import Path

import pytest

from annotation.edits.osmchange.tools import Tool
from annotation.edits.services.compiling import compile_changeset
from annotation.sources.models import Footprint
from tests.annotation.edits.extract import Extract
from tests.annotation.edits.town import (
    YARD,
    as_accepted,
    box,
    differing,
    same,
    shapes_of,
    through,
    town_from,
    with_old_yard,
    with_yard,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def old_town(made_osm: Path):
    return town_from(with_old_yard(made_osm))


@pytest.mark.parametrize("tool", list(Tool))
def test_a_way_becomes_the_outline_of_a_multipolygon_that_takes_its_tags(town, tmp_path, tool):
    wanted = with_yard(box(0, 0, 2, 3), box(0.5, 0.5, 1, 1))
    town.accept("modify", wanted, key="way/11")
    before, after = through(town, tmp_path, town.changeset(), tool)
    old, new = Extract.read(before), Extract.read(after)
    (key,) = (one for one in new.elements if one.startswith("relation/") and one not in old.elements)
    (yard,) = (one for one in new.elements if one.startswith("way/") and one not in old.elements)
    assert new.elements[key][0] == (("w", 11, "outer"), ("w", int(yard.split("/")[1]), "inner"))
    assert new.tags(key) == {"type": "multipolygon", **old.tags("way/11")}
    assert new.tags("way/11") == new.tags(yard) == {}
    # Nodes 2 and 3 are the neighbour's, 1 the path's: node 4 alone may move, and (2, 3) is a corner of its own.
    assert {1, 2, 3, 4} < set(new.elements["way/11"][0])
    assert {one for one in differing(old, new) if one in old.elements} == {"way/11", "node/4"}
    found = shapes_of(after)
    assert as_accepted(found[key], wanted) and "way/11" not in found
    assert same(found["way/12"], shapes_of(before)["way/12"])


def test_what_came_back_is_a_building_with_its_ways_that_may_be_changed_again(town, tmp_path):
    town.accept("modify", with_yard(box(6, 0), box(6.5, 0.5, 1, 1)), key="way/13")
    _, after = through(town, tmp_path, town.changeset(), Tool.COPY)
    snapshot = town.imported(after)
    row = Footprint.objects.get(snapshot=snapshot, tags__shop="bakery")
    assert (row.osm_type, row.tags["building"], len(row.ways)) == ("relation", "retail", 2)
    assert not Footprint.objects.filter(snapshot=snapshot, osm_type="way", osm_id=13).exists()
    assert (
        Footprint.objects.filter(snapshot=snapshot).count() == Footprint.objects.filter(snapshot=town.snapshot).count()
    )


def refused(town):
    (refusal,) = compile_changeset(town.changeset()).refusals
    return refusal


def test_a_way_that_another_relation_names_gets_no_courtyard(town):
    Footprint.objects.filter(snapshot=town.snapshot, osm_id=11).update(in_relation=True)
    town.accept("modify", with_yard(box(0, 0), box(0.5, 0.5, 1, 1)), key="way/11")
    refusal = refused(town)
    assert refusal.code == "way_in_relation" and "way/11" in refusal.detail


def test_a_way_whose_tags_use_the_key_of_relations_gets_no_courtyard(town):
    Footprint.objects.filter(snapshot=town.snapshot, osm_id=11).update(tags={"building": "yes", "type": "barn"})
    town.accept("modify", with_yard(box(0, 0), box(0.5, 0.5, 1, 1)), key="way/11")
    assert refused(town).code == "way_has_type"


def test_the_outline_of_an_old_multipolygon_is_reshaped_and_its_courtyard_stays(old_town, tmp_path):
    building = old_town.building("way/17")
    assert building.geometry.num_interior_rings == 1
    wanted = with_yard(box(4, 4, 2, 3), YARD)
    old_town.accept("modify", wanted, key="way/17")
    before, after = through(old_town, tmp_path, old_town.changeset())
    assert same(shapes_of(after)["way/17"], wanted)
    assert differing(Extract.read(before), Extract.read(after)) == {"node/42", "node/43"}


@pytest.mark.parametrize("yard", [None, box(4.5, 4.5, 1, 0.5)])
def test_the_courtyard_of_an_old_multipolygon_is_not_changed_and_the_page_is_told_why(old_town, client_of, yard):
    wanted = with_yard(box(4, 4), yard) if yard is not None else box(4, 4)
    old_town.accept("modify", wanted, key="way/17")
    changeset = old_town.changeset()
    reply = client_of(old_town.user).get(f"/api/changesets/{changeset.pk}/edits.osc")
    assert (reply.status_code, reply.json()["code"]) == (409, "refused_items")
    (item,) = reply.json()["items"]
    assert (item["key"], item["code"]) == ("way/17", "old_multipolygon") and "JOSM" in item["detail"]


def test_the_courtyard_of_an_old_multipolygon_stays_off_a_node_a_few_centimetres_away(old_town):
    shed = old_town.building("way/16")
    shed.nodes = [[n[0], n[1], *(YARD.exterior.coords[0] if n[0] == 31 else n[2:4]), *n[4:]] for n in shed.nodes]
    shed.nodes = [[n[0], n[1], n[2] + (3e-7 if n[0] == 31 else 0), *n[3:]] for n in shed.nodes]
    shed.geometry = box(0, 4, 4.6, 2).boundary.envelope.wkt
    shed.save()
    old_town.accept("modify", with_yard(box(4, 4, 2, 3), YARD), key="way/17")
    compiled = compile_changeset(old_town.changeset())
    assert compiled.refusals == [] and compiled.edits == 1
