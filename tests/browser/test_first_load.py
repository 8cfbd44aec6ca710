"""What a page needs first and did not get: it says so, and gets it by a button or once the connection is back."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.matched import pairs_of, propose
from tests.browser.screens import shot


@pytest.mark.parametrize(
    ("path", "asked", "where", "button"),
    [("correspondences", "matchers", "#match", "Match the tiles"),
     ("anchors", "anchor-generators", "#generate", "Describe the tiles")],
)  # fmt: skip
def test_what_did_not_come_is_loaded_again_by_a_button(new_page, stock, watch, path, asked, where, button):
    watch.expect("ERR_FAILED")
    page = new_page(stock.admin)
    page.route(f"**/{asked}/", lambda route: route.abort())
    page.goto(f"/regions/{stock.region.pk}/{path}/")
    again = page.get_by_role("button", name="Load again")
    expect(page.get_by_role("alert")).to_contain_text("can't be reached")
    expect(page.get_by_role("button", name=button)).to_be_disabled()
    again.focus()
    with page.expect_event("requestfailed"):
        page.keyboard.press("Enter")
    expect(again).to_be_focused()
    shot(page, f"first-load-{path}")
    page.unroute(f"**/{asked}/")
    page.keyboard.press("Enter")
    expect(again).to_have_count(0)
    expect(page.get_by_role("button", name=button)).to_be_enabled()


def test_lists_that_did_not_come_either_are_there_once_the_connection_is_back(new_page, stock, watch):
    watch.expect("ERR_FAILED")
    propose(pairs_of(stock)[0])
    page = new_page(stock.admin)
    page.route("**/api/regions/**", lambda route: route.abort())
    page.goto(f"/regions/{stock.region.pk}/correspondences/")
    expect(page.get_by_role("button", name="Load again")).to_have_count(1)
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
