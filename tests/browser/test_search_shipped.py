"""The search as it is installed: with the weights that ship, from the first words to a tile that looks like another."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from annotation.tiles.models import Tile
from tests.browser.patience import patient
from tests.browser.searched import drop, looked_at, read_in
from tests.browser.stock import Stock
from tests.browser.test_search import cards, search
from tests.factories_landmarks import LandmarkFactory
from tests.mlcore.imagery.photos import gps, write_photo
from tests.photos_of_town import frame

ANYWAY = "Show the most alike all the same"


@pytest.fixture
def searched(stock: Stock, settings) -> Stock:
    """The stocked region with a landmark, read in by what ships."""
    settings.LANDMARKS_WEIGHTS = ""
    LandmarkFactory(region=stock.region, name="Castle of the Wrights", point=stock.region.area.centroid)
    read_in(stock)
    return stock


def found_or_anyway(page: Page, most: int) -> None:
    """Tiles are found, or the search says that none is sure, and shows the likest to whoever wants them."""
    expect(page.locator("#said")).not_to_have_text("")
    expect(page.locator("#results")).not_to_have_attribute("aria-busy", "true")
    if cards(page).count() == 0:
        page.get_by_role("button", name=ANYWAY).click()
        expect(page.locator("#said")).to_contain_text("none is alike enough to be sure")
        expect(cards(page)).to_have_count(most)
    expect(cards(page).first).to_contain_text("likeness")


def test_what_ships_finds_by_words_names_coordinates_photos_and_tiles(
    new_page, searched, town_files, tmp_path, axe, watch
):
    watch.expect("400 (Bad Request)")
    tile = Tile.objects.order_by("pk")[5]
    place = tile.geometry.centroid
    page = new_page(searched.admin)
    page.goto("/search/")
    for nonsense in ("how to boil an egg", "who won the match last night"):
        search(page, nonsense)
        expect(page.locator("#said")).to_have_text(f"Nothing found for “{nonsense}”.")
    page.get_by_role("button", name=ANYWAY).click()
    expect(cards(page)).to_have_count(16)
    search(page, "a large building with a car park")
    expect(page.locator("#said")).to_contain_text("a large building with a car park")
    found_or_anyway(page, 16)

    search(page, "castle of the wrights")
    expect(page.locator("#landmarks")).to_contain_text("Castle of the Wrights")
    expect(cards(page).first).to_be_visible()

    search(page, f"{place.y:.6f}, {place.x:.6f}")
    address = f"/regions/{searched.region.pk}/tiles/{tile.z}/{tile.x}/{tile.y}/"
    expect(page.locator("#results .found-card").first).to_have_attribute("href", address)
    expect(page.locator("#results .found-card").first).to_contain_text("it lies here")
    page.locator("#results .found-card").first.focus()
    page.keyboard.press("m")
    page.wait_for_url(f"**/search/?tile={tile.pk}&**")
    found_or_anyway(page, 15)
    hrefs = [card.get_attribute("href") for card in cards(page).all()]
    assert address not in hrefs
    assert looked_at(page, axe, "shipped-like", ("1366", "390")) == []

    photo = write_photo(tmp_path / "square.jpg", frame(town_files / "imagery.tif").rgb, position=gps(place.x, place.y))
    page.get_by_label("A photo to search by").set_input_files(photo)
    expect(page.locator("#said")).to_contain_text("square.jpg", timeout=patient(60_000))
    found_or_anyway(page, 16)
    expect(page.locator(".found-mark-asked")).to_be_visible()
    cut = tmp_path / "cut.jpg"
    cut.write_bytes(photo.read_bytes()[:4000])
    drop(page, ".search-map", cut)
    expect(page.get_by_role("alert")).to_contain_text("cut.jpg is damaged or did not come whole: send it again")
