"""One building is cut in two and two are made one on the review page, by keys and by pointer, and U takes it back."""

from __future__ import annotations

from django.contrib.gis.geos import Polygon
from playwright.sync_api import Page, expect

from annotation.changes.models import Change
from annotation.sources.models import Footprint
from tests.browser.keys import press, still
from tests.browser.screens import shot, shots
from tests.browser.stock import Stock
from tests.browser.test_courtyards import file_of, rectangle
from tests.browser.test_drawing_tools import enter, only
from tests.browser.test_queue import accept_old, decision_of, open_queue, saved, until
from tests.factories import FootprintFactory


def nodes_of(ring, first: int) -> list:
    nodes = [[first + n, 1, *place, False, False] for n, place in enumerate(ring[:-1])]
    return [*nodes, nodes[0]]


def house(stock: Stock) -> Change:
    """A rectangular house that the map has as one way, alone on its ground."""
    change = only(stock, "modify")
    ring = rectangle(change.geometry.centroid, 24, 14)
    shape = Polygon(ring, srid=4326)
    Footprint.objects.filter(snapshot=stock.snapshot, geometry__dwithin=(shape, 4e-4)).exclude(
        pk=change.footprint_id
    ).delete()
    Footprint.objects.filter(pk=change.footprint_id).update(geometry=shape, nodes=nodes_of(ring, 7000), version=4)
    Change.objects.filter(pk=change.pk).update(geometry=shape)
    change.refresh_from_db()
    return change


def neighbour(stock: Stock, change: Change) -> Footprint:
    """A smaller house, wall to wall to the east."""
    west, south, east, north = change.geometry.extent
    far = round(east + (east - west) / 2, 7)
    ring = [(east, south), (far, south), (far, north), (east, north), (east, south)]
    return FootprintFactory(
        snapshot=stock.snapshot, osm_id=990_002, geometry=Polygon(ring, srid=4326), nodes=nodes_of(ring, 7100)
    )


def accept(page: Page, change: Change) -> None:
    press(page, "a")
    accept_old(page)
    saved(page)
    until(lambda: decision_of(change) == "accept")
    change.refresh_from_db()


def test_a_house_is_cut_from_corner_to_corner_taken_back_and_cut_again(new_page, stock):
    change = house(stock)
    page = new_page(stock.admin)
    open_queue(page, stock)
    enter(page)
    page.keyboard.press("n")
    page.keyboard.press("k")
    expect(page.locator("#adjust-what")).to_contain_text("choose the corner where it ends")
    page.keyboard.press("Escape")
    expect(page.locator("#adjust-what")).to_contain_text("Corner 1 of 4")
    page.keyboard.press("k")
    page.keyboard.press("n")
    page.keyboard.press("n")
    page.keyboard.press("k")
    expect(page.locator("#adjust-what")).to_contain_text("Cut in two")
    shots(page, "cut")
    page.keyboard.press("u")
    expect(page.locator("#adjust-what")).not_to_contain_text("Cut in two")
    page.keyboard.press("y")
    page.keyboard.press("Enter")
    expect(page.locator("#parted")).to_contain_text("Cut in two")
    shots(page, "cut-kept")
    accept(page, change)
    assert change.cut is not None and change.adjusted.equals_exact(change.footprint.geometry, 1e-7)
    press(page, "u")
    expect(page.locator("#parted")).to_contain_text("Cut in two")
    until(lambda: decision_of(change) == "")
    change.refresh_from_db()
    assert change.cut is None
    accept(page, change)
    page.goto(f"/regions/{stock.region.pk}/edits/")
    page.get_by_label("Comment").fill("Row houses")
    page.get_by_role("button", name="Make the changeset of 1 change").click()
    expect(page.locator(".changeset .edits-map .leaflet-tile-loaded").first).to_be_attached()
    osc = file_of(page, "Download osmChange")
    assert [way.get("id") for way in osc.findall("create/way")] == ["-1"]
    assert [way.get("id") for way in osc.findall("modify/way")] == [str(change.footprint.osm_id)]
    assert osc.find("create/node") is None and osc.find("delete") is None


def test_a_house_is_cut_by_two_clicks_beside_it_on_a_phone(new_page, stock):
    change = house(stock)
    page = new_page(stock.admin)
    page.set_viewport_size({"width": 390, "height": 844})
    open_queue(page, stock)
    page.get_by_role("button", name="Adjust").click()
    expect(page.locator("#adjust-bar")).to_be_visible()
    page.get_by_role("button", name="Cut").click()
    expect(page.locator("#adjust-what")).to_contain_text("click where it begins")
    still(page)
    box = page.locator('#map path[stroke="#ffb000"]').first.bounding_box()
    x, top, bottom = box["x"] + box["width"] * 0.4, box["y"] - 16, box["y"] + box["height"] + 16
    page.mouse.click(x, top)
    expect(page.locator("#adjust-what")).to_contain_text("ends")
    page.mouse.click(x, bottom)
    expect(page.locator("#adjust-what")).to_contain_text("Cut in two")
    shot(page, "cut-phone")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("button", name="Keep").click()
    accept(page, change)
    assert change.cut is not None


def test_a_cut_that_ends_where_it_began_is_refused_and_escape_leaves_the_rest_as_it_is(new_page, stock):
    house(stock)
    page = new_page(stock.admin)
    open_queue(page, stock)
    enter(page)
    page.keyboard.press("ArrowRight")
    expect(page.locator("#adjust-undo")).to_be_enabled()
    page.keyboard.press("n")
    page.keyboard.press("k")
    expect(page.locator("#adjust-what")).to_contain_text("choose the corner where it ends")
    page.keyboard.press("k")
    expect(page.locator("#notices")).to_contain_text("A cut ends in another place")
    expect(page.locator("#adjust-what")).to_contain_text("Corner 1 of 4")  # nothing of the cut is left to escape from


def test_what_is_around_is_asked_for_again_where_it_could_not_be_loaded(new_page, stock, watch):
    watch.expect("503")
    other = neighbour(stock, house(stock))
    page = new_page(stock.admin)
    page.route("**/neighbours/", lambda route: route.fulfill(status=503, json={"code": "busy", "detail": "Busy."}))
    with page.expect_response("**/neighbours/"):
        open_queue(page, stock)
    page.unroute("**/neighbours/")
    enter(page)
    expect(page.locator("#adjust-merge")).to_be_enabled()
    page.keyboard.press("g")
    expect(page.locator("#adjust-what")).to_contain_text(f"Becomes one with {other.key}")


def test_two_houses_are_made_one_and_the_undo_parts_them(new_page, stock):
    change = house(stock)
    other = neighbour(stock, change)
    page = new_page(stock.admin)
    open_queue(page, stock)
    enter(page)
    expect(page.locator("#adjust-merge")).to_be_enabled()
    page.keyboard.press("g")
    expect(page.locator("#adjust-what")).to_contain_text(f"Becomes one with {other.key}")
    shots(page, "made-one")
    page.keyboard.press("g")
    expect(page.locator("#adjust-what")).not_to_contain_text("Becomes one")
    page.get_by_role("button", name="Make one").click()
    page.keyboard.press("Enter")
    expect(page.locator("#parted")).to_contain_text(other.key)
    accept(page, change)
    assert change.merged == other and change.adjusted.area > 1.4 * change.geometry.area
    press(page, "u")
    until(lambda: decision_of(change) == "")
    expect(page.locator("#parted")).to_contain_text(other.key)
    change.refresh_from_db()
    assert change.merged is None and change.adjusted is None
