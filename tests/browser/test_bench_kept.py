"""The bench keeps what a person did: across undo, tabs, others' sessions, closed batches; and shows the tile."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from annotation.anchors.models import Anchor
from annotation.anchors.services.batches import close
from annotation.review.models import Verdict
from tests.browser.conftest import sign_in
from tests.browser.holding import fetched_ahead
from tests.browser.keys import press, seen, still
from tests.browser.test_bench import open_bench
from tests.browser.test_queue import saved, until
from tests.factories import UserFactory


def where(page: Page) -> str:
    return page.locator("#where").inner_text()


def test_a_batch_that_is_closed_under_somebody_is_said_once_with_a_way_out(new_page, stock, batch, watch):
    watch.expect("409 (Conflict)")
    page = new_page(stock.admin)
    open_bench(page, batch)
    page.wait_for_load_state("networkidle")
    close(user=stock.admin, region=stock.region, batch_id=batch.pk)
    press(page, "a")
    expect(page.locator("#no-item")).to_contain_text("this batch is closed")
    expect(page.locator("#no-item").get_by_role("link").first).to_be_visible()
    expect(page.locator("#notices .notice")).to_have_count(1)
    assert not Verdict.objects.exists()


def test_what_was_corrected_is_there_again_after_undo_and_after_a_reload(new_page, stock, batch):
    page = new_page(stock.admin)
    open_bench(page, batch)
    first = where(page)
    page.locator('.attribute[data-name="open_space"]').click()
    page.keyboard.press("1" if page.locator("#choices button").first.get_attribute("aria-pressed") != "true" else "2")
    page.keyboard.press("m")
    page.keyboard.type("a word to keep")
    page.keyboard.press("Escape")
    expect(page.locator("#accept-label")).to_have_text("Save 1 change")
    for reload in (False, True):
        seen(page)
        press(page, "a")
        expect(page.locator("#where")).not_to_have_text(first)
        saved(page)
        if reload:
            page.reload()
            expect(page.locator("#review")).to_be_visible()
        page.keyboard.press("u")
        expect(page.locator("#where")).to_have_text(first)
        expect(page.locator("#accept-label")).to_have_text("Save 1 change")
        expect(page.locator("#comment")).to_have_value("a word to keep")
        saved(page)


def test_the_tile_stays_whole_and_in_the_middle_in_every_view(new_page, stock, batch):
    page = new_page(stock.admin)
    open_bench(page, batch)
    for key in "wdvdidpd":
        press(page, key)
        still(page)
        room = page.locator("#map").bounding_box()
        frame = page.locator("#map .leaflet-outlines-pane path").first.bounding_box()
        assert frame["y"] >= room["y"] - 2 and frame["y"] + frame["height"] <= room["y"] + room["height"] + 2, key
        assert abs(frame["y"] + frame["height"] / 2 - room["y"] - room["height"] / 2) < 4, key
        assert abs(frame["x"] + frame["width"] / 2 - room["x"] - room["width"] / 2) < 4, key


def test_a_page_never_answers_as_somebody_who_signed_in_since(new_page, stock, batch, watch, live_server):
    watch.expect("409 (Conflict)")
    page = new_page(stock.admin)
    open_bench(page, batch)
    page.wait_for_load_state("networkidle")
    sign_in(page.context, UserFactory(username="grace"), live_server.url)
    press(page, "a")
    expect(page.locator("#saved-state")).to_contain_text("Signed out: 1 waiting")
    assert not Verdict.objects.exists()
    sign_in(page.context, stock.admin, live_server.url)
    page.evaluate("dispatchEvent(new Event('focus'))")
    saved(page)
    assert Verdict.objects.get().reviewer == stock.admin


def test_answers_of_two_tabs_outlive_both(new_page, stock, batch, watch):
    watch.expect("ERR_INTERNET_DISCONNECTED")
    watch.expect("409 (Conflict)")  # both tabs may show one item: its second answer is refused
    page = new_page(stock.admin)
    second = page.context.new_page()
    for one in (page, second):
        with fetched_ahead(one):
            open_bench(one, batch)
    shared = where(page) == where(second)
    page.context.set_offline(True)
    press(page, "a")
    seen(page)
    press(page, "a")
    expect(page.locator("#saved-state")).to_contain_text("Offline: 2 waiting")
    second.bring_to_front()
    press(second, "a")
    expect(second.locator("#saved-state")).to_contain_text("Offline: 1 waiting")
    third = page.context.new_page()
    page.close()
    second.close()
    third.context.set_offline(False)
    open_bench(third, batch)
    saved(third)
    until(lambda: Anchor.objects.filter(state="accepted").count() == (2 if shared else 3))


def test_the_question_mark_shows_and_hides_the_card_of_keys(new_page, stock, batch):
    page = new_page(stock.admin)
    open_bench(page, batch)
    page.keyboard.press("?")
    expect(page.locator("#keys-card")).to_be_visible()
    page.keyboard.press("?")
    expect(page.locator("#keys-card")).to_be_hidden()
