"""More on the list's map than can be drawn one by one: numbers that open closer, by pointer and by keyboard."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from annotation.changes.models import Change
from tests.browser.screens import shots


def test_numbers_count_all_and_open_closer_until_single_marks_are_seen(new_page, stock, monkeypatch):
    monkeypatch.setattr("annotation.changes.api.queue.MOST_ON_MAP", 3)
    page = new_page(stock.admin)
    page.goto(f"/regions/{stock.region.pk}/changes/")
    cells, note = page.locator(".map-cell"), page.locator("#map-note")
    total = Change.objects.count()
    expect(note).to_have_text(f"{total} around here, counted: press a number to look closer.")
    assert sum(int(text) for text in cells.all_text_contents()) == total
    page.locator("#map-fold").scroll_into_view_if_needed()
    shots(page, "list-numbers")

    number = page.get_by_role("button", name=re.compile("changes here: look closer")).first
    number.focus()
    shown = cells.first.element_handle()
    page.keyboard.press("Enter")
    shown.wait_for_element_state("hidden")  # what a closer view shows is drawn anew as a whole, with its note
    expect(page.locator("#list-map")).to_be_focused()
    while "counted" in (note.text_content() or ""):
        shown = cells.first.element_handle()
        cells.first.click()
        shown.wait_for_element_state("hidden")
    expect(note).to_have_text(re.compile(r"^[0-3] in this view$"))
    expect(cells).to_have_count(0)
    shots(page, "list-marks")
