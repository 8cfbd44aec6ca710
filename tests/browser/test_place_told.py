"""Where an item lies is told as people and other maps take it, and leads to its page."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from annotation.sources.models import MapFeature
from tests.browser.keys import press
from tests.browser.test_bench import open_bench, shown_anchor


def test_the_place_of_an_anchor_is_told_in_words_that_lead_to_its_page(new_page, stock, batch):
    MapFeature.objects.filter(kind="road").update(tags={"highway": "residential", "name": "Kaiserstraße"})
    page = new_page(stock.admin)
    open_bench(page, batch)
    place = page.locator("#where a")
    expect(place).to_have_text(re.compile(r"^-?\d+\.\d{5}, -?\d+\.\d{5}( on Kaiserstraße)?$"))
    expect(page.locator("#review")).not_to_contain_text("Tile")
    tile = shown_anchor(page).pair.tile
    with page.context.expect_page() as opened:
        place.click()
    expect(opened.value).to_have_url(re.compile(rf"/regions/{stock.region.pk}/tiles/{tile.z}/{tile.x}/{tile.y}/$"))
    expect(opened.value.locator("#place")).to_have_text(place.inner_text())


def test_the_way_to_its_page_keeps_the_focus_from_item_to_item(new_page, stock, batch):
    page = new_page(stock.admin)
    open_bench(page, batch)
    place = page.locator("#where a")
    first = place.get_attribute("href")
    place.focus()
    press(page, "a")
    expect(place).not_to_have_attribute("href", first or "")
    expect(place).to_be_focused()
