"""What a lost connection hides is said, and what it held back leaves from whichever page is opened next."""

from __future__ import annotations

from playwright.sync_api import expect

from annotation.review.models import Verdict
from tests.browser.holding import fetched_ahead
from tests.browser.keys import press
from tests.browser.screens import shot
from tests.browser.test_queue import decision_of, open_queue, saved, until


def test_a_map_that_did_not_load_is_named_and_an_answer_asks_first(new_page, stock, watch):
    watch.expect("ERR_FAILED")
    page = new_page(stock.admin)
    page.route("**/tiles/map/**", lambda route: route.abort())
    page.goto(f"/regions/{stock.region.pk}/changes/review/")
    expect(page.locator("#not-loaded")).to_contain_text("The map could not be loaded here")
    shot(page, "not-loaded")
    page.wait_for_load_state("networkidle")
    press(page, "r")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("without having seen it")
    dialog.get_by_role("button", name="Back").click()
    assert not Verdict.objects.exists()
    page.unroute("**/tiles/map/**")
    page.get_by_role("button", name="Load again").click()
    expect(page.locator("#not-loaded")).to_be_hidden()
    press(page, "r")
    saved(page)
    assert Verdict.objects.count() == 1


def test_answers_of_a_closed_tab_are_saved_from_the_home_page_which_says_so(new_page, stock, watch):
    watch.expect("ERR_INTERNET_DISCONNECTED")
    page = new_page(stock.admin)
    with fetched_ahead(page):
        open_queue(page, stock)
    page.context.set_offline(True)
    press(page, "r")
    expect(page.locator("#saved-state")).to_contain_text("Offline: 1 waiting")
    home = page.context.new_page()
    page.close()
    page.context.set_offline(False)
    home.goto("/")
    expect(home.locator("#notices")).to_contain_text("1 answer of before is saved now.")
    until(lambda: decision_of(stock.changes[0]) == "reject")
