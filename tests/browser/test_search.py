"""The search: by words, coordinates, a photo and another tile; on the map and as tiles, all by keyboard."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from annotation.consistency.models import TileScore
from annotation.tiles.models import Tile
from tests.browser.keys import still
from tests.browser.searched import drop, looked_at, read_in
from tests.browser.stock import Stock
from tests.factories import UserFactory
from tests.factories_landmarks import search_weights
from tests.mlcore.imagery.photos import gps, write_photo
from tests.photos_of_town import frame


@pytest.fixture
def searched(stock: Stock, settings) -> Stock:
    """The stocked region, read in."""
    settings.LANDMARKS_WEIGHTS = str(search_weights())
    read_in(stock)
    return stock


def cards(page: Page):
    return page.locator(".found-item .found-card")


def search(page: Page, words: str) -> None:
    page.locator("#q").fill(words)
    page.keyboard.press("Enter")


def test_words_from_the_bar_are_found_walked_over_and_opened_by_keyboard(new_page, searched, axe):
    page = new_page(searched.admin)
    page.goto("/")
    page.wait_for_load_state("networkidle")
    page.keyboard.press("/")
    page.keyboard.type("houses close together")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search/?q=houses+close+together")
    expect(page.get_by_label("Words, or coordinates")).to_have_value("houses close together")
    expect(cards(page)).to_have_count(16)
    expect(page.locator("#said")).to_have_text("16 tiles for “houses close together”, the most alike first.")
    expect(cards(page).first).to_contain_text("likeness")
    expect(cards(page).first).to_contain_text("3 May 2024")
    expect(cards(page).first).to_contain_text("agree")
    expect(page.locator(".found-mark")).to_have_count(16)
    expect(page.locator("#map .leaflet-tile-loaded").first).to_be_attached()
    page.keyboard.press("/")
    page.keyboard.press("ArrowDown")
    expect(cards(page).first).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(cards(page).nth(1)).to_be_focused()
    expect(page.locator(".found-mark-chosen")).to_have_text("2")
    page.keyboard.press("ArrowDown")
    expect(cards(page).nth(4)).to_be_focused()  # three stand in a row
    page.keyboard.press("ArrowUp")
    assert looked_at(page, axe, "search-words", ("1366", "1024", "390")) == []
    address = cards(page).nth(1).get_attribute("href")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{address}")
    page.go_back()
    expect(cards(page)).to_have_count(16)


def test_more_like_this_from_a_tile_and_from_what_was_found(new_page, searched, axe):
    tile = Tile.objects.order_by("pk").first()
    page = new_page(searched.admin)
    page.goto(f"/regions/{searched.region.pk}/tiles/{tile.z}/{tile.x}/{tile.y}/")
    page.wait_for_load_state("networkidle")
    page.keyboard.press("m")
    page.wait_for_url(f"**/search/?tile={tile.pk}&**")
    expect(page.locator("#given")).to_contain_text(f"Like tile {tile.z}/{tile.x}/{tile.y}")
    expect(cards(page)).to_have_count(15)
    expect(cards(page).first).to_be_focused()
    page.keyboard.press("ArrowRight")
    second = page.locator(".found-name").nth(1).inner_text()
    page.keyboard.press("m")
    expect(page.locator("#given")).to_contain_text(f"Like tile {second}")
    expect(page.locator("#given img")).to_be_visible()
    expect(cards(page).first).to_be_focused()
    assert looked_at(page, axe, "search-like") == []
    page.go_back()
    expect(page.locator("#given")).to_contain_text(f"Like tile {tile.z}/{tile.x}/{tile.y}")
    page.get_by_role("button", name="Take the tile out of the search").click()
    expect(page.locator("#given")).to_be_hidden()
    expect(page.get_by_role("heading", name="Find any place")).to_be_visible()
    assert looked_at(page, axe, "search-empty", ("1366", "1024", "390")) == []


def test_coordinates_lead_to_the_tile_that_holds_them(new_page, searched, axe):
    tile = Tile.objects.order_by("pk")[6]
    place = tile.geometry.centroid
    page = new_page(searched.admin)
    page.goto("/search/")
    search(page, f"{place.y:.6f}, {place.x:.6f}")
    expect(cards(page).first).to_have_attribute(
        "href", f"/regions/{searched.region.pk}/tiles/{tile.z}/{tile.x}/{tile.y}/"
    )
    expect(cards(page).first).to_contain_text("it lies here")
    expect(page.locator("#said")).to_contain_text(f"near {place.y:.6f}, {place.x:.6f}")
    expect(page.locator(".found-mark-asked")).to_be_visible()
    assert looked_at(page, axe, "search-coordinates") == []
    search(page, "0, 0")
    expect(page.locator("#nothing")).to_contain_text("No tile that you may see lies within 20 km of this position.")


def test_a_photo_is_chosen_or_dropped_and_a_bad_one_is_told(new_page, searched, town_files, axe, tmp_path, watch):
    watch.expect("400 (Bad Request)")
    west, south, east, north = searched.region.area.extent
    where = gps((west + east) / 2, (south + north) / 2)
    good = write_photo(tmp_path / "square.jpg", frame(town_files / "imagery.tif").rgb, position=where)
    bad = tmp_path / "broken.jpg"
    bad.write_bytes(b"not a picture at all")
    other = tmp_path / "notes.txt"
    other.write_text("a river")
    page = new_page(searched.admin)
    page.goto("/search/")
    page.wait_for_load_state("networkidle")
    page.get_by_label("A photo to search by").set_input_files(good)
    expect(page.locator("#given")).to_contain_text("square.jpg")
    expect(page.locator("#said")).to_contain_text("like square.jpg")
    expect(cards(page)).to_have_count(16)
    expect(page.locator(".found-mark-asked")).to_be_visible()  # where the photo says it was taken
    assert looked_at(page, axe, "search-photo", ("1366", "390")) == []
    drop(page, ".search-map", other)
    expect(page.get_by_role("alert")).to_contain_text("notes.txt is no photo that can be read: use a JPEG, PNG or TIFF")
    drop(page, ".search-map", bad)
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_role("alert")).not_to_contain_text("notes.txt")
    expect(cards(page)).to_have_count(0)
    assert looked_at(page, axe, "search-bad-photo") == []
    page.get_by_role("button", name="Take the photo out of the search").click()
    expect(page.get_by_role("alert")).to_have_count(0)
    page.goto(f"/regions/{searched.region.pk}/")
    page.wait_for_load_state("networkidle")
    drop(page, "#find-form", good)
    page.wait_for_url("**/search/**")
    expect(page.locator("#given")).to_contain_text("square.jpg")
    expect(page.get_by_label("Region")).to_have_value(str(searched.region.pk))
    expect(cards(page)).to_have_count(16)


def test_filters_narrow_what_is_found_and_can_be_taken_off(new_page, searched):
    TileScore.objects.update(probability=0.9)
    low = TileScore.objects.order_by("pk").first()
    TileScore.objects.filter(pk=low.pk).update(probability=0.1)
    page = new_page(searched.admin)
    page.goto("/search/?q=fields")
    expect(cards(page)).to_have_count(16)
    page.get_by_label("Image and map").select_option(label="Disagree, below 40 %")
    expect(cards(page)).to_have_count(1)
    expect(cards(page)).to_contain_text("10 %, disagree")
    assert "score=0-0.4" in page.url
    page.get_by_label("Taken from").fill("2025-01-01")
    expect(page.locator("#nothing")).to_contain_text("No tile that you may see fits this")
    page.get_by_role("button", name="Search without the filters").click()
    expect(cards(page)).to_have_count(16)
    page.get_by_label("In this view of the map").check()
    expect(cards(page)).to_have_count(16)
    for _ in range(3):
        page.get_by_role("button", name="Closer").click()
        still(page)
    expect(cards(page)).not_to_have_count(16)
    page.get_by_role("button", name="Clear the filters").click()
    expect(cards(page)).to_have_count(16)


def test_words_that_mean_nothing_find_nothing(new_page, stock, settings, axe):
    settings.LANDMARKS_WEIGHTS = str(search_weights(floors={"text": 1.1}))
    read_in(stock)
    page = new_page(stock.admin)
    page.goto("/search/")
    search(page, "the square root of tuesday")
    expect(page.get_by_role("heading", name="Nothing found")).to_be_visible()
    expect(page.locator("#nothing")).to_contain_text("say what can be seen from above")
    expect(page.locator("#said")).to_have_text("Nothing found for “the square root of tuesday”.")
    assert looked_at(page, axe, "search-nothing", ("1366", "1024", "390")) == []
    page.get_by_role("button", name="Show the most alike all the same").click()
    expect(cards(page)).to_have_count(16)
    expect(cards(page).first).to_be_focused()
    expect(page.locator("#said")).to_have_text(
        "16 tiles most alike to “the square root of tuesday”; none is alike enough to be sure."
    )
    assert looked_at(page, axe, "search-anyway") == []
    page.reload()
    expect(cards(page)).to_have_count(16)
    search(page, "another thing")
    expect(cards(page)).to_have_count(0)
    page.get_by_role("button", name="a river").click()
    expect(page.locator("#q")).to_have_value("a river")


def test_before_anything_was_read_in_the_search_says_what_to_do(new_page, stock, settings):
    settings.LANDMARKS_WEIGHTS = str(search_weights())
    page = new_page(stock.admin)
    page.goto("/search/?q=river")
    expect(page.locator("#nothing")).to_contain_text("No tile can be searched yet")
    page.get_by_role("link", name="Make Wright's Town searchable").click()
    expect(page.get_by_role("button", name="Make the tiles searchable")).to_be_visible()


def test_nobody_finds_what_they_may_not_see(new_page, searched):
    searched.region.open_to_all = False
    searched.region.save()
    page = new_page(UserFactory())
    page.goto("/search/?q=river")
    expect(page.get_by_role("heading", name="Nothing found")).to_be_visible()
    expect(page.get_by_label("Region").locator("option")).to_have_count(1)


WIDER = """() => [...document.querySelectorAll(".search *")].filter((node) => {
    const box = node.getBoundingClientRect();
    const hidden = !box.width || node.closest(".visually-hidden, .map, [hidden]");
    return !hidden && (box.right > innerWidth + 1 || box.left < -1);
}).map((node) => node.outerHTML.slice(0, 120))"""
HIDDEN_BEHIND = """() => {
    const inside = document.querySelector(".search-found"), head = document.querySelector(".search-head");
    return head.getBoundingClientRect().bottom > document.querySelector(".search-map").getBoundingClientRect().top + 1
        || inside.scrollWidth > inside.clientWidth || inside.clientHeight < 150;
}"""


def test_on_a_small_screen_nothing_is_wider_than_it_and_results_stay_in_sight(new_page, searched, axe):
    page = new_page(searched.admin)
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/search/")
    page.locator("#filters summary").click()
    page.get_by_label("Region").select_option(str(searched.region.pk))
    search(page, "houses close together beside a very long road with a name that is written out")
    expect(cards(page)).to_have_count(16)
    assert looked_at(page, axe, "search-small", ("390",)) == []
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate(WIDER) == [] and not page.evaluate(HIDDEN_BEHIND)
