"""The offset of image and map: told once and calmly, corrected for, and the image can be shown moved onto the map."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from annotation.changes.models import Change
from annotation.consistency.models import TileScore
from tests.browser.keys import press
from tests.browser.stock import Stock

NORTH_EAST = {"shift_east_m": 1.7, "shift_north_m": 1.7, "shift_confidence": 0.9}


@pytest.fixture
def offset_stock(stock: Stock) -> Stock:
    """The region with its image 2.4 m to the north-east of its map."""
    scan = stock.scan
    scan.offset_east_m, scan.offset_north_m, scan.offset_confidence, scan.offset_tiles = 1.7, 1.7, 0.92, 11
    scan.save()
    TileScore.objects.filter(scan=scan).update(**NORTH_EAST, shift_origin="measured")
    for change in Change.objects.filter(scan=scan):
        change.evidence |= {**NORTH_EAST, "shift_m": 2.404}
        change.save(update_fields=["evidence"])
    return stock


def test_the_regions_offset_is_told_once_and_corrected_for(new_page, offset_stock):
    page = new_page(offset_stock.admin)
    page.goto(f"/regions/{offset_stock.region.pk}/")
    expect(page.locator(".offset-note")).to_have_count(1)
    expect(page.locator(".offset-note")).to_contain_text("2.4 m to the north-east of the map on 11 of")
    page.goto(f"/regions/{offset_stock.region.pk}/changes/review/")
    expect(page.locator("#review")).to_be_visible()
    expect(page.locator("#offset-note")).to_contain_text("they fit the map as it is drawn")
    expect(page.locator("#subject")).to_contain_text("2.4 m to the north-east (90 % sure)")
    moved = "document.querySelector('.leaflet-photo-pane').style.transform"
    assert page.evaluate(moved).startswith("translate(-")
    page.keyboard.press("l")
    expect(page.locator("#align")).not_to_be_checked()
    assert page.evaluate(moved) == ""
    tile = offset_stock.changes[0].pair.tile
    page.goto(f"/regions/{offset_stock.region.pk}/tiles/{tile.z}/{tile.x}/{tile.y}/")
    expect(page.locator("#scores")).to_contain_text("measured on this tile")


def test_without_an_offset_nothing_is_said(new_page, stock):
    page = new_page(stock.admin)
    page.goto(f"/regions/{stock.region.pk}/changes/review/")
    expect(page.locator("#review")).to_be_visible()
    expect(page.locator("#offset-row")).to_be_hidden()
    tile = stock.changes[0].pair.tile
    page.goto(f"/regions/{stock.region.pk}/tiles/{tile.z}/{tile.x}/{tile.y}/")
    expect(page.locator("#scores")).to_contain_text("too few buildings to tell")


def test_tiles_are_asked_for_by_their_version_and_kept(new_page, stock):
    page = new_page(stock.admin)
    with page.expect_response(lambda answer: "/tiles/image/" in answer.url) as first:
        page.goto(f"/regions/{stock.region.pk}/changes/review/")
    assert "&v=" in first.value.url
    assert "immutable" in first.value.headers["cache-control"]


def test_the_offsets_of_tiles_are_arrows_that_a_key_shows_and_hides(new_page, offset_stock):
    score = TileScore.objects.filter(scan=offset_stock.scan).order_by("pk")[0]
    TileScore.objects.filter(pk=score.pk).update(shift_origin="verified", shift_east_m=-4.0)
    count = TileScore.objects.filter(scan=offset_stock.scan).count()
    page = new_page(offset_stock.admin)
    page.goto(f"/regions/{offset_stock.region.pk}/")
    expect(page.get_by_label("Offsets")).to_be_visible()
    expect(page.get_by_label("Offsets")).not_to_be_checked()
    expect(page.locator("#offset-legend")).to_be_hidden()

    press(page, "o")

    expect(page.locator("body")).to_have_attribute("data-offsets", str(count))
    expect(page.locator("#offset-legend")).to_contain_text("verified by people")
    expect(page.locator("#offset-legend")).to_contain_text("measured on the tile")
    expect(page.locator("#offset-legend")).to_contain_text(f"{count} tiles, half of them 2.4 m or more off")
    expect(page.locator(".leaflet-offsets-pane path")).to_have_count(3 * count)
    press(page, "o")
    expect(page.locator(".leaflet-offsets-pane path")).to_have_count(0)
    expect(page.locator("#offset-legend")).to_be_hidden()


def test_a_suggestion_tells_the_offset_of_its_own_place_to_who_edits_in_id(new_page, offset_stock):
    page = new_page(offset_stock.admin)
    page.goto(f"/regions/{offset_stock.region.pk}/changes/review/")
    expect(page.locator("#review")).to_be_visible()
    expect(page.locator("#subject code")).to_have_text("offset=-1.70,-1.70")
