"""A building with courtyards: its rings are edited on the review page, and the file has them, ways and all."""

from __future__ import annotations

import json
import math
import xml.etree.ElementTree as ET

import pytest
from django.contrib.gis.geos import GEOSGeometry, Point, Polygon
from playwright.sync_api import Page, expect

from annotation.changes.models import Change
from annotation.sources.models import Footprint
from tests.browser.keys import press
from tests.browser.screens import shots
from tests.browser.stock import Stock
from tests.browser.test_drawing_tools import enter, only
from tests.browser.test_queue import accept_old, decision_of, open_queue, saved, until
from tests.factories import FootprintFactory

METRE = 1 / 111_320
TAGS = {"type": "multipolygon", "building": "school", "name": "Old School"}
YARDS = """async ([shape, at]) => {
  const yards = await import("mapwright/changes/courtyards.js");
  const made = yards.withCourtyard(shape, at);
  const [filled, moved] = [yards.filled(made.geometry, made.yard), yards.moveYard(made.geometry, made.yard, 1, 0)];
  return { made, filled, moved };
}"""


def rectangle(middle: Point, wide: float, high: float) -> list[tuple[float, float]]:
    across = METRE / math.cos(math.radians(middle.y))
    corners = [(-wide, -high), (wide, -high), (wide, high), (-wide, high), (-wide, -high)]
    return [(round(middle.x + x * across / 2, 7), round(middle.y + y * METRE / 2, 7)) for x, y in corners]


def multipolygon(stock: Stock) -> Change:
    """A school with one courtyard, as the map has it and as it is suggested to be changed."""
    change = only(stock, "modify")
    middle = change.geometry.centroid
    rings = [rectangle(middle, 30, 24), rectangle(middle, 8, 6)]
    ways = []
    for number, (ring, first) in enumerate(zip(rings, (5000, 6000), strict=True)):
        nodes = [[first + n, 1, *place, False, False] for n, place in enumerate(ring[:-1])]
        ways.append([700 + number, 2, {}, [*nodes, nodes[0]], False])
    mapped = FootprintFactory(
        snapshot=stock.snapshot, osm_type="relation", osm_id=77, version=4, tags=TAGS, ways=ways,
        geometry=Polygon(*rings, srid=4326), members=[["way", 700, "outer"], ["way", 701, "inner"]],
    )  # fmt: skip
    Change.objects.filter(pk=change.pk).update(
        footprint=mapped, object=mapped.object, geometry=Polygon(rectangle(middle, 34, 24), rings[1], srid=4326)
    )
    Footprint.objects.exclude(pk=mapped.pk).filter(geometry__intersects=mapped.geometry).delete()
    change.refresh_from_db()
    return change


def area_m2(shape: dict) -> float:
    polygon = GEOSGeometry(json.dumps(shape), srid=4326)
    return polygon.area / METRE**2 * math.cos(math.radians(polygon.centroid.y))


def test_a_courtyard_lies_where_it_is_wanted_or_where_most_room_is(new_page, stock):
    page = new_page(stock.admin)
    open_queue(page, stock)
    shape = {"type": "Polygon", "coordinates": [rectangle(Point(25, 60), 40, 20)]}
    across = METRE / math.cos(math.radians(60))
    told = page.evaluate(YARDS, [shape, None])
    assert area_m2(told["made"]["geometry"]) == pytest.approx(800 - 32, rel=0.01)
    assert told["made"]["yard"] == {"part": 0, "ring": 1}
    assert told["filled"]["coordinates"] == [[list(place) for place in shape["coordinates"][0]]]
    assert told["moved"]["coordinates"][1][0][0] - told["made"]["geometry"]["coordinates"][1][0][0] == pytest.approx(
        across, rel=0.01
    )
    wanted = [25 + 12 * across, 60]
    hole = Polygon(page.evaluate(YARDS, [shape, wanted])["made"]["geometry"]["coordinates"][1])
    assert hole.centroid.distance(Point(*wanted)) < 0.1 * METRE
    within = {"type": "Polygon", "coordinates": [*shape["coordinates"], rectangle(Point(25, 60), 38, 18)]}
    elsewhere = page.evaluate(YARDS, [within, [25, 60]])["made"]["geometry"]
    assert GEOSGeometry(json.dumps(elsewhere)).valid


def file_of(page: Page, name: str) -> ET.Element:
    with page.expect_download() as got:
        page.get_by_role("link", name=name).first.press("Enter")
    return ET.parse(got.value.path()).getroot()


def test_a_multipolygon_is_reshaped_accepted_and_exported_with_its_ways(new_page, stock):
    change = multipolygon(stock)
    page = new_page(stock.admin)
    open_queue(page, stock)
    enter(page)
    page.keyboard.press("9")
    expect(page.locator("#adjust-what")).to_contain_text("B a courtyard")
    page.keyboard.press("b")
    expect(page.locator("#adjust-what")).to_contain_text("Courtyard 1 of 1")
    page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("h")
    expect(page.locator("#adjust-what")).to_contain_text("Courtyard 2 of 2")
    expect(page.locator("#adjust-fill")).to_be_visible()
    shots(page, "courtyards")
    page.keyboard.press("Delete")
    expect(page.locator("#adjust-what")).not_to_contain_text("Courtyard")
    page.keyboard.press("u")
    page.get_by_role("button", name="Courtyard").click()
    expect(page.locator("#adjust-what")).to_contain_text("Courtyard 3 of 3")
    page.get_by_role("button", name="Fill it").click()
    page.keyboard.press("n")
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#subject")).to_contain_text("Your adjusted shape")
    shots(page, "courtyards-kept")
    press(page, "a")
    accept_old(page)
    saved(page)
    until(lambda: decision_of(change) == "accept")
    change.refresh_from_db()
    assert change.adjusted.num_interior_rings == 2
    page.goto(f"/regions/{stock.region.pk}/edits/")
    page.get_by_label("Comment").fill("A second courtyard")
    page.get_by_role("button", name="Make the changeset of 1 change").click()
    expect(page.locator(".changeset .edits-map .leaflet-tile-loaded").first).to_be_attached()
    shots(page, "courtyards-changeset", whole=True)
    osc = file_of(page, "Download osmChange")
    relation = osc.find("modify/relation")
    assert (relation.get("id"), relation.get("version")) == ("77", "4")
    assert [(m.get("ref"), m.get("role")) for m in relation.iter("member")] == [
        ("700", "outer"), ("701", "inner"), ("-1", "inner"),
    ]  # fmt: skip
    assert {tag.get("k"): tag.get("v") for tag in relation.iter("tag")} == TAGS
    assert {way.get("id") for way in osc.findall("modify/way")} == {"700", "701"}
    assert {node.get("id") for node in osc.findall("modify/node")} == {"5000", "6000", "6001", "6002", "6003"}
    assert osc.find("delete") is None
    assert {"700", "701", "-1"} <= {way.get("id") for way in file_of(page, "JOSM file").findall("way")}


def test_a_way_that_a_relation_names_gets_no_courtyard_and_the_page_says_why(new_page, stock):
    change = only(stock, "modify")
    Footprint.objects.filter(pk=change.footprint_id).update(in_relation=True)
    page = new_page(stock.admin)
    open_queue(page, stock)
    enter(page)
    page.keyboard.press("h")
    expect(page.locator("#notices")).to_contain_text(f"{change.footprint.key} is named by a relation")


def test_a_single_way_gets_a_courtyard_and_leaves_as_a_multipolygon(new_page, stock):
    change = only(stock, "modify")
    footprint = change.footprint
    ring = footprint.geometry.coords[0]
    nodes = [[8000 + n, 1, *(round(one, 7) for one in place), False, False] for n, place in enumerate(ring[:-1])]
    Footprint.objects.filter(pk=footprint.pk).update(nodes=[*nodes, nodes[0]])
    page = new_page(stock.admin)
    open_queue(page, stock)
    enter(page)
    page.keyboard.press("9")
    page.keyboard.press("h")
    expect(page.locator("#adjust-what")).to_contain_text("Courtyard 1 of 1")
    page.keyboard.press("Enter")
    expect(page.locator("#subject")).to_contain_text("Your adjusted shape")
    press(page, "a")
    accept_old(page)
    saved(page)
    until(lambda: decision_of(change) == "accept")
    page.goto(f"/regions/{stock.region.pk}/edits/")
    page.get_by_label("Comment").fill("A courtyard")
    page.get_by_role("button", name="Make the changeset of 1 change").click()
    expect(page.locator(".changeset .edits-map .leaflet-tile-loaded").first).to_be_attached()
    osc = file_of(page, "Download osmChange")
    members = [(m.get("ref"), m.get("role")) for m in osc.find("create/relation").iter("member")]
    assert members == [(str(footprint.osm_id), "outer"), ("-1", "inner")]
    assert [way.get("id") for way in osc.findall("modify/way")] == [str(footprint.osm_id)]
    assert osc.find("modify/way/tag") is None
