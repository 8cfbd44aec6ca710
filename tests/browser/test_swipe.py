"""Swipe and "Map": nothing but the map on its side, whatever images lie below; a scan of a part lies on the image."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from annotation.changes.models import Change
from tests.browser.keys import closer, still
from tests.browser.stock import Stock
from tests.browser.test_layers import layer_by_key, state
from tests.browser.test_queue import open_queue

FAR = {"shift_east_m": 9.0, "shift_north_m": 0.0, "shift_confidence": 0.9}
CLIPPED = """name => {
  const [pane, map] = [document.querySelector(`#map .leaflet-${name}-pane`), document.querySelector("#map")];
  const box = pane.getBoundingClientRect();
  const [top, right, bottom, left] = pane.style.clip.match(/-?[0-9.]+/g).map(Number);
  const { x, y } = map.getBoundingClientRect();
  return [box.x + left - x, box.y + top - y, box.x + right - x, box.y + bottom - y].map(Math.round);
}"""
"""What of a pane is shown, pixels of the map: west, north, east, south."""


def shown(page: Page, pane: str) -> list[int]:
    return page.evaluate(CLIPPED, pane)


def swiped(page: Page) -> list[int]:
    """What the image's side is, pixels of the map."""
    side = page.evaluate(
        "() => [document.querySelector('#map').clientWidth, document.querySelector('#map').clientHeight]"
    )
    edge = page.locator(".swipe-handle").evaluate("handle => parseInt(handle.style.left)")
    assert 0 < edge < side[0]
    return [0, 0, edge, side[1]]


def test_an_image_that_lies_far_off_ends_at_the_edge_and_is_whole_on_its_side(new_page, stock: Stock):
    for change in Change.objects.all():
        change.evidence |= FAR
        change.save(update_fields=["evidence"])
    page = new_page(stock.admin)
    open_queue(page, stock)
    page.get_by_role("button", name="Swipe").click()
    closer(page, 4)
    moved = "parseInt(document.querySelector('.leaflet-photo-pane').style.transform.split('(')[1])"
    assert page.evaluate(moved) < -64
    assert shown(page, "photo") == swiped(page)
    page.keyboard.press("l")
    expect(page.locator("#align")).not_to_be_checked()
    assert shown(page, "photo") == swiped(page)


def test_imagery_of_another_server_is_not_on_the_maps_side(new_page, stock: Stock, settings, watch):
    watch.expect("(http://127.0.0.1:")
    with layer_by_key(new_page, stock, settings) as (_, page):
        state(page, "shown")
        page.get_by_role("button", name="Swipe").click()
        still(page)
        assert shown(page, "other") == swiped(page)
        page.get_by_role("button", name="Map", exact=True).click()
        expect(page.locator("#map .leaflet-other-pane")).to_have_css("visibility", "hidden")
        page.get_by_role("button", name="Image", exact=True).click()
        expect(page.locator("#map .leaflet-other-pane")).to_have_css("visibility", "visible")


@pytest.mark.parametrize("mode", ["Swipe", "Map"])
def test_a_scan_of_a_part_lies_on_the_image(new_page, stock: Stock, mode):
    page = new_page(stock.admin)
    page.goto(f"/regions/{stock.region.pk}/correspondences/scans/")
    page.get_by_role("button", name=mode, exact=True).click()
    photo = page.locator("#map .leaflet-photo-pane")
    expect(photo).to_have_css("clip", "auto")
    expect(photo).to_have_css("visibility", "visible")
