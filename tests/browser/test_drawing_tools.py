"""Tools of the adjust mode: what lies around stays in sight, right angles, turns, corners that join a neighbour."""

from __future__ import annotations

import itertools
import math

from django.contrib.gis.geos import Polygon
from playwright.sync_api import Page, expect

from annotation.changes.models import Change
from annotation.review.models import QueueItem
from annotation.sources.models import Footprint
from tests.browser.keys import press, seen
from tests.browser.screens import shot
from tests.browser.stock import Stock
from tests.browser.test_queue import accept_old, decision_of, open_queue, saved, until
from tests.factories import FootprintFactory

METRE = 1 / 111_320
TOOLS = """async (ring) => {
  const { squared, turned } = await import("mapwright/changes/drawing.js");
  const shape = { type: "Polygon", coordinates: [ring] };
  return [squared(shape), turned(shape, 90)].map((one) => one.coordinates[0]);
}"""


def only(stock: Stock, kind: str) -> Change:
    """One candidate of a kind, alone in the queue."""
    change = next(one for one in stock.changes if one.kind == kind)
    QueueItem.objects.exclude(pk=change.item_id).update(state="withdrawn")
    return change


def plane(ring: list[list[float]]) -> list[tuple[float, float]]:
    lon, lat = ring[0]
    return [((x - lon) / METRE * math.cos(math.radians(lat)), (y - lat) / METRE) for x, y in ring]


def turns(ring: list[list[float]]) -> list[float]:
    """Degrees between each wall and the next."""
    points = plane(ring)
    ways = [math.atan2(v - y, u - x) for (x, y), (u, v) in itertools.pairwise(points)]
    return [math.degrees(after - way) % 180 for way, after in zip(ways, [*ways[1:], ways[0]], strict=True)]


def test_a_crooked_house_is_squared_its_oblique_wall_stays_and_a_turn_keeps_its_size(new_page, stock):
    page = new_page(stock.admin)
    open_queue(page, stock)
    metres = [(0, 0), (12, 0.6), (11.7, 8.2), (6, 8.0), (0.3, 4.0)]
    ring = [[25 + x * METRE / math.cos(math.radians(60)), 60 + y * METRE] for x, y in [*metres, metres[0]]]
    square, turned = page.evaluate(TOOLS, ring)
    angles = turns(square)
    assert [round(angle, 2) % 180 for angle in angles[:2]] == [90, 90]
    assert 25 < angles[2] < 45  # to the oblique wall
    assert len(square) == len(ring)
    assert [square[0], turned[0]] == [square[-1], turned[-1]]
    before, after = Polygon(plane(ring)), Polygon(plane(turned))
    assert math.isclose(before.area, after.area, rel_tol=1e-3)
    assert math.isclose(before.extent[2] - before.extent[0], after.extent[3] - after.extent[1], rel_tol=1e-3)


def enter(page: Page) -> None:
    page.keyboard.press("e")
    expect(page.locator("#adjust-bar")).to_be_visible()


def test_the_maps_outline_and_the_neighbours_stay_in_sight_and_one_can_start_from_the_map(new_page, stock):
    change = only(stock, "modify")
    page = new_page(stock.admin)
    open_queue(page, stock)
    page.wait_for_load_state("networkidle")
    around = Footprint.objects.filter(snapshot=stock.snapshot).exclude(pk=change.footprint_id)
    west, south, east, north = change.geometry.extent
    near = Polygon.from_bbox((west - 20 * METRE, south - 20 * METRE, east + 20 * METRE, north + 20 * METRE))
    assert around.filter(geometry__intersects=near).exists()
    thin = page.locator('#map path[stroke-width="1"]')
    expect(thin.first).to_be_attached()
    enter(page)
    expect(page.locator('#map path[stroke-dasharray="7 6"]')).to_have_count(2)  # with its casing
    expect(thin.first).to_be_attached()
    shot(page, "adjust")
    page.keyboard.press("9")
    page.keyboard.press("Enter")
    expect(page.locator("#subject")).to_contain_text("Your adjusted shape")
    press(page, "a")
    accept_old(page)
    saved(page)
    until(lambda: decision_of(change) == "accept")
    change.refresh_from_db()
    assert change.adjusted.equals_exact(change.footprint.geometry, 1e-6)


def test_a_corner_joins_its_neighbour_and_a_shape_over_it_comes_back_with_its_drawing(new_page, stock, watch):
    watch.expect("400 (Bad Request)")
    change = only(stock, "add")
    west, south, east, north = change.geometry.extent
    wall = east + 2 * METRE / math.cos(math.radians(south))
    beside = Polygon.from_bbox((wall, south, wall + (east - west), north))
    beside.srid = 4326
    house = FootprintFactory(snapshot=stock.snapshot, geometry=beside, osm_id=990_001)
    page = new_page(stock.admin)
    open_queue(page, stock)
    page.wait_for_load_state("networkidle")
    enter(page)
    for _ in range(5):
        page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Enter")
    press(page, "a")
    expect(page.locator("#notices")).to_contain_text(f"over {house.key}")
    expect(page.locator("#review")).to_be_visible()
    expect(page.locator("#subject")).to_contain_text("Your adjusted shape")
    assert decision_of(change) == ""
    enter(page)
    page.keyboard.press("0")
    for _ in range(change.geometry.num_coords - 1):
        page.keyboard.press("n")
        page.keyboard.press("j")
    page.keyboard.press("Enter")
    seen(page)
    press(page, "a")
    saved(page)
    until(lambda: decision_of(change) == "accept")
    change.refresh_from_db()
    assert change.adjusted.extent[2] > east + 1.9 * METRE
    assert change.adjusted.intersection(beside).area < 1e-12
