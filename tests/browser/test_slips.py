"""Slips of the hand cost nothing: two quick presses, a skip, a flag, a number pressed by habit."""

from __future__ import annotations

from playwright.sync_api import expect

from annotation.review.models import QueueItem, Verdict
from tests.browser.keys import at_once, seen
from tests.browser.test_queue import decision_of, open_queue, saved, until
from tests.factories import UserFactory


def test_two_quick_presses_answer_one_candidate(new_page, stock):
    page = new_page(stock.admin)
    open_queue(page, stock)
    page.wait_for_load_state("networkidle")
    at_once(page, "r", "r")
    expect(page.locator("#notices")).to_contain_text("only just come")
    saved(page)
    expect(page.locator("#tally")).to_have_text("1 decision")
    assert Verdict.objects.count() == 1


def test_back_leads_to_what_was_skipped_and_then_to_the_last_answer(new_page, stock):
    page = new_page(stock.admin)
    open_queue(page, stock)
    page.wait_for_load_state("networkidle")
    page.keyboard.press("r")
    saved(page)
    seen(page)
    skipped = stock.changes[1].footprint
    assert skipped is not None
    expect(page.locator("#subject")).to_contain_text(skipped.key)
    page.keyboard.press("s")
    page.wait_for_load_state("networkidle")
    expect(page.locator("#subject")).not_to_contain_text(skipped.key)
    page.locator("#back").click()
    expect(page.locator("#subject")).to_contain_text(skipped.key)
    assert QueueItem.objects.get(pk=stock.changes[1].item_id).lease_holder_id == stock.admin.pk
    page.keyboard.press("Backspace")
    until(lambda: decision_of(stock.changes[0]) == "")
    expect(page.locator("#undo")).to_be_disabled()


def test_the_count_of_today_and_how_far_the_queue_is_survive_a_reload(new_page, stock):
    page = new_page(stock.admin)
    open_queue(page, stock)
    page.wait_for_load_state("networkidle")
    page.keyboard.press("c")
    saved(page)
    page.reload()
    expect(page.locator("#tally")).to_have_text("1 decision")
    expect(page.locator("#left")).to_have_text(f"{len(stock.changes) - 1} left")
    assert page.locator("#done").evaluate("bar => [bar.value, bar.max]") == [1, len(stock.changes)]


def test_a_flag_keeps_what_was_typed_is_confirmed_and_taken_back_by_undo(new_page, stock):
    for name in ("grace", "alan"):
        UserFactory(username=name, role="editor")
    page = new_page(stock.admin)
    open_queue(page, stock)
    question, shown = page.locator("#question").inner_text(), stock.changes[0].item_id
    page.locator("#comment").fill("A tent or a house?")
    page.locator("#flag").click()
    expect(page.get_by_label("Colleague", exact=True)).to_have_value("")
    expect(page.get_by_label("What should they look at?")).to_have_value("A tent or a house?")
    page.get_by_label("Colleague", exact=True).select_option(label="grace")
    page.get_by_role("button", name="Flag it to them").click()
    expect(page.locator("#notices")).to_contain_text("Flagged to grace")
    saved(page)
    until(lambda: QueueItem.objects.get(pk=shown).assigned_to is not None)
    page.keyboard.press("u")
    until(lambda: QueueItem.objects.get(pk=shown).assigned_to is None)
    expect(page.locator("#question")).to_have_text(question)
    expect(page.locator("#comment")).to_have_value("A tent or a house?")
    assert QueueItem.objects.get(pk=shown).lease_holder_id == stock.admin.pk
