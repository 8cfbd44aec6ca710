"""Where a map is complete is drawn on the image when the map is sent, in place of a file."""

from __future__ import annotations

import datetime as dt

import pytest
from playwright.sync_api import Page, expect

from annotation.sources.models import MapSnapshot
from tests.browser.holding import Held
from tests.browser.screens import shot
from tests.factories import ImageryFactory

PHONE = {"width": 390, "height": 844}


def open_drawing(page: Page, region: int) -> None:
    page.goto(f"/regions/{region}/sources/")
    expect(page.locator("#complete-area")).to_be_enabled()
    page.get_by_text("Or draw it on the image").click()
    expect(page.locator("#complete-said")).to_contain_text("complete everywhere")
    page.locator("#complete-map").scroll_into_view_if_needed()


def corner(page: Page, east: float, south: float) -> tuple[float, float]:
    """A place of the page, by its shares of the map's width and height."""
    box = page.locator("#complete-map").bounding_box()
    assert box is not None
    return box["x"] + east * box["width"], box["y"] + south * box["height"]


def upload(page: Page, files) -> MapSnapshot:
    page.locator("#snapshot-file").set_input_files(files / "map.osm")
    with page.expect_response(lambda answer: answer.url.endswith("/snapshots/") and answer.request.method == "POST"):
        page.get_by_role("button", name="Upload the map").click()
    expect(page.locator("#snapshots .source-card")).to_have_count(2)
    return MapSnapshot.objects.latest("pk")


def test_a_box_and_an_area_are_drawn_one_is_taken_away_and_the_rest_goes_with_the_map(new_page, stock, town_files):
    page = new_page(stock.admin)
    open_drawing(page, stock.region.pk)
    page.locator("#complete-box").click()
    page.mouse.click(*corner(page, 0.45, 0.3))
    page.mouse.click(*corner(page, 0.55, 0.7))
    expect(page.locator("#complete-said")).to_contain_text("1 area drawn")
    page.locator("#complete-area").click()
    for place in [(0.4, 0.4), (0.6, 0.4), (0.5, 0.8), (0.4, 0.4)]:
        page.mouse.click(*corner(page, *place))
    expect(page.locator("#complete-said")).to_contain_text("2 areas drawn")
    shot(page, "area-drawn-light", whole=True)
    page.locator("#complete-last").click()
    expect(page.locator("#complete-said")).to_contain_text("1 area drawn")
    snapshot = upload(page, town_files)
    assert snapshot.coverage is not None
    outside = stock.imagery.footprint
    assert outside.contains(snapshot.coverage.centroid)
    assert 0.02 < snapshot.coverage.area / outside.area < 0.4
    expect(page.locator("#draw-complete")).not_to_have_attribute("open", "")


def test_the_whole_image_is_taken_by_keys_alone_on_a_phone(new_page, stock, town_files):
    page = new_page(stock.admin, color_scheme="dark")
    page.set_viewport_size(PHONE)
    page.goto(f"/regions/{stock.region.pk}/sources/")
    expect(page.locator("#complete-whole")).to_be_enabled()
    page.locator("#draw-complete summary").focus()
    page.keyboard.press("Enter")
    page.locator("#complete-whole").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#complete-said")).to_contain_text("1 area drawn")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    shot(page, "area-drawn-phone-dark", whole=True)
    snapshot = upload(page, town_files)
    assert snapshot.coverage.sym_difference(stock.imagery.footprint).area < 1e-3 * snapshot.coverage.area


def test_nothing_drawn_is_everywhere_and_a_file_goes_first(new_page, stock, town_files, tmp_path):
    page = new_page(stock.admin)
    open_drawing(page, stock.region.pk)
    page.locator("#complete-whole").click()
    west, south, east, north = stock.imagery.footprint.extent
    middle = (west + east) / 2
    area = tmp_path / "west.geojson"
    ring = f"[[{west},{south}],[{middle},{south}],[{middle},{north}],[{west},{north}],[{west},{south}]]"
    area.write_text(f'{{"type":"Polygon","coordinates":[{ring}]}}')
    page.locator("#snapshot-area").set_input_files(area)
    snapshot = upload(page, town_files)
    assert snapshot.coverage.extent == pytest.approx((west, south, middle, north), abs=1e-6)


def test_without_imagery_there_is_nothing_to_draw_on(new_page, stock):
    stock.region.pinned_imagery = None
    stock.region.save()
    type(stock.imagery).objects.filter(pk=stock.imagery.pk).update(state="failed")
    page = new_page(stock.admin)
    page.goto(f"/regions/{stock.region.pk}/sources/")
    expect(page.locator("#imagery .source-card")).to_have_count(1)
    expect(page.locator("#draw-complete")).to_be_hidden()


def test_the_image_that_is_drawn_on_is_the_one_in_use_though_another_came_later(new_page, stock):
    ImageryFactory(region=stock.region, captured_on=dt.date(2001, 1, 1), footprint=stock.imagery.footprint)
    page = new_page(stock.admin)
    open_drawing(page, stock.region.pk)
    tile = page.locator("#complete-map .leaflet-tile-loaded").first
    assert f"/{stock.imagery.pk}/" in (tile.get_attribute("src") or "")


def test_what_is_drawn_while_a_map_is_sent_is_for_the_next_one(new_page, stock, town_files):
    page = new_page(stock.admin)
    open_drawing(page, stock.region.pk)
    page.locator("#complete-whole").click()
    page.locator("#snapshot-file").set_input_files(town_files / "map.osm")
    sent = Held(page, "**/snapshots/", lambda request: request.method == "POST")
    page.get_by_role("button", name="Upload the map").click()
    sent.come()
    page.locator("#complete-whole").click()
    expect(page.locator("#complete-said")).to_contain_text("2 areas drawn")
    sent.let_go()
    expect(page.locator("#complete-said")).to_contain_text("1 area drawn")
    expect(page.locator("#draw-complete")).to_have_attribute("open", "")
