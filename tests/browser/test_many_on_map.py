"""More on the list's map than can be drawn one by one: numbers that open closer, by pointer and by keyboard."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from annotation.changes.models import Change
from tests.browser.screens import shots
from tests.browser.stock import Stock

FILTER = """([name, value]) => {
    const form = document.getElementById('filters');
    form.elements.namedItem(name).value = value;
    form.dispatchEvent(new Event('change'));
}"""


@pytest.fixture
def counted(new_page, stock, monkeypatch) -> Callable[..., Page]:
    """`counted(most, **options)`: the list, whose map counts where there are more than so many."""

    def opened(most: int, **options) -> Page:
        monkeypatch.setattr("annotation.changes.api.queue.MOST_ON_MAP", most)
        page = new_page(stock.admin, **options)
        page.goto(f"/regions/{stock.region.pk}/changes/")
        expect(numbers(page).first).to_be_visible()
        answered(page)
        return page

    return opened


def numbers(page: Page) -> Locator:
    return page.get_by_role("button", name=re.compile("changes here: look closer"))


def answered(page: Page) -> None:
    """Wait until the map shows what it was last asked for."""
    expect(page.locator("#list-map")).not_to_have_attribute("aria-busy", "true")


def filtered(page: Page, name: str, value: str) -> None:
    """Filter anew, as an answer that comes late does: without going to the field."""
    page.evaluate(FILTER, [name, value])
    answered(page)


def test_numbers_count_all_and_open_closer_until_single_marks_are_seen(counted):
    page = counted(3)
    cells, note = page.locator(".map-cell"), page.locator("#map-note")
    total = Change.objects.count()
    expect(note).to_have_text(f"{total} around here, counted: press a number to look closer.")
    assert sum(int(text) for text in cells.all_text_contents()) == total
    page.locator("#map-fold").scroll_into_view_if_needed()
    shots(page, "list-numbers")

    numbers(page).first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#list-map")).to_be_focused()
    answered(page)
    while "counted" in (note.text_content() or ""):
        cells.first.click()
        answered(page)
    expect(note).to_have_text(re.compile(r"^[0-3] in this view$"))
    expect(cells).to_have_count(0)
    shots(page, "list-marks")


def test_who_stands_on_a_number_stays_on_it_when_the_map_is_drawn_anew_and_on_the_map_where_it_is_gone(counted):
    page = counted(0)
    filtered(page, "kind", "add")
    number = numbers(page).first
    number.focus()
    before, place = number.element_handle(), number.get_attribute("data-place")
    filtered(page, "kind", "")
    assert not before.evaluate("one => one.isConnected")
    stands = page.locator(f'.map-cell[data-place="{place}"]')
    expect(stands).to_be_focused()
    filtered(page, "min_square_m", "1000000")
    expect(numbers(page)).to_have_count(0)
    expect(page.locator("#list-map")).to_be_focused()


def test_numbers_that_are_the_same_are_not_drawn_anew(counted, stock: Stock):
    page = counted(0)
    before = numbers(page).first.element_handle()
    with page.expect_response(f"**/api/regions/{stock.region.pk}/changes/map/**"):
        filtered(page, "ordering", "oldest")
    assert before.evaluate("one => one.isConnected")
