"""What a page needs first and did not get: it says so, and gets it by a button or once the connection is back."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.matched import pairs_of, propose
from tests.browser.screens import shot
from tests.browser.test_drawn_anew import drawn_over, mark
from tests.factories import UserFactory


@pytest.mark.parametrize(
    ("path", "asked", "first", "button"),
    [("correspondences", "matchers", "#matcher", "Match the tiles"),
     ("anchors", "anchor-generators", "#choices input", "Describe the tiles")],
)  # fmt: skip
def test_what_did_not_come_is_loaded_again_by_a_button(new_page, stock, watch, path, asked, first, button):
    watch.expect("ERR_FAILED")
    page = new_page(stock.admin)
    page.route(f"**/{asked}/", lambda route: route.abort())
    page.goto(f"/regions/{stock.region.pk}/{path}/")
    again = page.get_by_role("button", name="Load again")
    expect(page.get_by_role("alert")).to_contain_text("can't be reached")
    expect(page.get_by_role("button", name=button)).to_be_disabled()
    again.focus()
    mark(page, ".load-again")
    page.keyboard.press("Enter")
    drawn_over(page)  # by its refusal: a press before that is none
    expect(again).to_be_focused()
    shot(page, f"first-load-{path}")
    page.unroute(f"**/{asked}/")
    page.keyboard.press("Enter")
    expect(again).to_have_count(0)
    expect(page.locator(first).first).to_be_focused()
    expect(page.get_by_role("button", name=button)).to_be_enabled()


def test_who_can_start_nothing_goes_on_with_the_heading_once_it_came(new_page, stock, watch):
    watch.expect("ERR_FAILED")
    page = new_page(UserFactory())
    page.route("**/matchers/", lambda route: route.abort())
    page.goto(f"/regions/{stock.region.pk}/correspondences/")
    again = page.get_by_role("button", name="Load again")
    again.focus()
    page.unroute("**/matchers/")
    page.keyboard.press("Enter")
    expect(page.locator("#matchers-offered")).to_contain_text("Offered here")
    expect(page.locator("#match-title")).to_be_focused()


def test_map_scans_that_did_not_come_hold_up_nothing_but_the_batch_that_may_be_of_one(new_page, stock, watch):
    watch.expect("ERR_FAILED")
    page = new_page(stock.admin)
    page.route("**/map-scans/", lambda route: route.abort())
    page.goto(f"/regions/{stock.region.pk}/correspondences/")
    again = page.locator("#start").get_by_role("button", name="Load again")
    expect(again).to_be_visible()
    expect(page.get_by_role("button", name="Match the tiles")).to_be_enabled()
    expect(page.locator("#counts div")).to_have_count(5)
    start = page.get_by_role("button", name="Start", exact=True)
    expect(start).to_be_disabled()
    page.unroute("**/map-scans/")
    again.click()
    expect(start).to_be_enabled()
    expect(page.locator("#start-matcher option", has_text="Structure")).to_have_count(1)


def test_lists_that_did_not_come_either_are_there_once_the_connection_is_back(new_page, stock, watch):
    watch.expect("ERR_FAILED")
    propose(pairs_of(stock)[0])
    page = new_page(stock.admin)
    page.route("**/api/regions/**", lambda route: route.abort())
    page.goto(f"/regions/{stock.region.pk}/correspondences/")
    expect(page.get_by_role("button", name="Load again")).to_have_count(2)  # of matchers, and of map scans
    page.unroute("**/api/regions/**")
    page.evaluate("window.dispatchEvent(new Event('online'))")
    expect(page.locator("#proposals tr")).to_have_count(1)
    expect(page.locator("#batches")).to_contain_text("No batch yet")
    expect(page.get_by_role("button", name="Load again")).to_have_count(0)


def test_people_to_ask_that_did_not_come_are_loaded_again(new_page, stock, watch):
    watch.expect("ERR_FAILED")
    page = new_page(stock.admin)
    page.route("**/people/**", lambda route: route.abort())
    page.goto(f"/regions/{stock.region.pk}/anchors/batches/")
    start = page.get_by_role("button", name="Start", exact=True)
    expect(start).to_be_disabled()
    page.unroute("**/people/**")
    page.get_by_role("button", name="Load again").click()
    expect(start).to_be_enabled()
    expect(page.locator("#start-people option").first).to_be_attached()
