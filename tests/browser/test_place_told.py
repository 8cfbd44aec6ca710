"""Where an item lies is told as people and other maps take it, and leads to nothing that would sway who answers."""

from __future__ import annotations

import re

import pytest
from django.contrib.gis.geos import LineString
from playwright.sync_api import expect

from annotation.sources.models import MapFeature
from annotation.tiles.models import TilePair
from tests.browser.keys import press
from tests.browser.matched import pairs_of, propose
from tests.browser.screens import shots
from tests.browser.stock import Stock
from tests.browser.test_bench import open_bench
from tests.browser.test_correspondences import open_editor
from tests.factories_correspondences import make_batch

PLACE = re.compile(r"^-?\d+\.\d{5}, -?\d+\.\d{5} on (.+, )?Kaiserstraße(, .+)?$")


@pytest.fixture
def street(stock: Stock) -> None:
    """One long street that crosses every tile."""
    middles = [pair.tile.geometry.centroid for pair in TilePair.objects.filter(snapshot=stock.snapshot)]
    MapFeature.objects.create(
        snapshot=stock.snapshot, osm_type="way", osm_id=900_001, kind="road", geometry=LineString(middles, srid=4326),
        tags={"highway": "residential", "name": "Kaiserstraße"},
    )  # fmt: skip


def test_the_place_of_an_anchor_is_told_with_its_street_and_copied(new_page, stock, street, batch):
    page = new_page(stock.admin)
    open_bench(page, batch)
    place = page.locator("#where")
    expect(place).to_have_text(PLACE)
    expect(page.locator(".queue-panel")).not_to_contain_text("Tile ")
    place.get_by_role("button").press("Enter")
    expect(page.locator("#notices")).to_contain_text(place.inner_text().split(" on ")[0])
    shots(page, "place-told")


def test_the_page_of_a_tile_is_headed_by_its_place_and_keeps_its_number_in_the_details(new_page, stock, street, watch):
    watch.expect("404")  # of a tile that the region has no pair of
    tile = stock.changes[0].pair.tile
    page = new_page(stock.admin)
    page.goto(f"/regions/{stock.region.pk}/tiles/{tile.z}/{tile.x}/{tile.y}/")
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_have_text(PLACE)
    words = heading.inner_text()
    expect(page).to_have_title(f"{words} · {stock.region.name} · Mapwright")
    expect(page.locator("#about")).to_contain_text(f"{tile.z}/{tile.x}/{tile.y}")
    expect(page.get_by_role("button", name="Copy the place")).to_be_visible()
    shots(page, "tile")
    page.set_viewport_size({"width": 390, "height": 844})
    shots(page, "tile-390")
    page.goto(f"/regions/{stock.region.pk}/tiles/{tile.z}/0/0/")
    expect(page.locator("#about")).to_contain_text(f"{tile.z}/0/0")
    expect(heading).to_have_text(re.compile(r"^85\.\d{5}, -179\.\d{5}$"))


@pytest.mark.parametrize("stage", ["anchors", "correspondences"])
def test_nothing_that_a_reviewer_is_not_to_know_is_a_link_away(new_page, stock, street, batch, stage):
    page = new_page(stock.admin)
    if stage == "anchors":
        open_bench(page, batch)
    else:
        propose(pairs_of(stock)[0])
        open_editor(page, make_batch(stock.region, user=stock.admin, plan="random", number=9))
    expect(page.locator("#where")).to_have_text(PLACE)
    expect(page.locator('a[href*="/tiles/"]')).to_have_count(0)


def test_the_keyboard_stays_on_the_place_from_item_to_item(new_page, stock, street, batch):
    page = new_page(stock.admin)
    open_bench(page, batch)
    place = page.locator("#where")
    place.locator("button").focus()
    first = place.inner_text()
    press(page, "s")
    expect(place).not_to_have_text(first)
    expect(place.locator("button")).to_be_focused()
