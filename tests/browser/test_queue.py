"""The review page: decisions by keyboard, undo, lost connections, other people."""

from __future__ import annotations

import time
from collections.abc import Callable

from playwright.sync_api import Page, expect

from annotation.changes.models import Change
from annotation.review.models import QueueItem, Verdict
from annotation.review.services.claim import claim
from tests.browser.holding import fetched_ahead
from tests.browser.keys import press, seen
from tests.browser.patience import patient
from tests.browser.stock import Stock
from tests.factories import UserFactory


def open_queue(page: Page, stock: Stock) -> None:
    page.goto(f"/regions/{stock.region.pk}/changes/review/")
    expect(page.locator("#review")).to_be_visible()
    expect(page.locator("#map .leaflet-tile-loaded").first).to_be_attached()
    seen(page)


def until(check: Callable[[], bool], seconds: float = 30) -> None:
    """Wait for the server's side of what the page already shows."""
    deadline = time.monotonic() + patient(seconds)
    while not check():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def saved(page: Page) -> None:
    expect(page.locator("#saved-state")).to_have_attribute("data-state", "saved")


def decision_of(change: Change) -> str:
    return QueueItem.objects.get(pk=change.item_id).decision


def accept_old(page: Page) -> None:
    """Say yes where the image is older than the object."""
    button = page.get_by_role("button", name="Accept anyway")
    if button.count():
        button.click()


def test_candidates_are_decided_by_one_key_each_and_the_next_is_there_at_once(new_page, stock):
    page = new_page(stock.admin, reduced_motion="no-preference")
    open_queue(page, stock)
    expect(page.locator(".map-credit")).to_contain_text("3 May 2024")
    expect(page.locator(".leaflet-control-scale-line")).to_be_visible()
    page.wait_for_load_state("networkidle")
    waiting = len(stock.changes)
    expect(page.locator("#left")).to_have_text(f"{waiting} left")
    for key, answer in (("a", "accept"), ("r", "reject"), ("c", "cant_tell"), ("o", "image_offset")):
        press(page, key)
        expect(page.locator("#review")).to_be_visible()
        saved(page)
        assert answer in set(QueueItem.objects.values_list("decision", flat=True))
        page.wait_for_load_state("networkidle")
    expect(page.locator("#tally")).to_have_text("4 decisions")
    expect(page.locator("#left")).to_have_text(f"{waiting - 4} left")
    answers = [decision_of(change) for change in stock.changes[:4]]
    assert answers == ["accept", "reject", "cant_tell", "image_offset"]
    assert set(Verdict.objects.values_list("reviewer__username", flat=True)) == {"ada"}


def test_a_missing_part_of_a_building_is_asked_about_as_such_and_may_be_a_building_of_its_own(new_page, stock):
    house = next(change for change in stock.changes if change.kind == "modify")
    house.evidence |= {"more_m2": 61.0}
    house.save(update_fields=["evidence"])
    QueueItem.objects.filter(pk=house.item_id).update(priority=2.0)
    page = new_page(stock.admin)
    open_queue(page, stock)
    expect(page.locator("#question")).to_have_text("A part of a building that is missing?")
    expect(page.locator("#subject")).to_contain_text("61 m²")
    expect(page.locator("#reasons button").nth(1)).to_contain_text("Separate building")
    page.wait_for_load_state("networkidle")
    press(page, "2")
    expect(page.locator("#reasons")).to_be_visible()
    assert not Verdict.objects.exists()
    press(page, "2")
    saved(page)
    until(lambda: decision_of(house) == "reject")
    assert Verdict.objects.get(item=house.item_id).reason == "separate_building"


def test_one_key_says_that_a_building_still_stands_where_the_region_asks_for_it(new_page, stock):
    doubted = next(change for change in stock.changes if change.kind == "remove")
    QueueItem.objects.filter(pk=doubted.item_id).update(priority=2.0)
    type(doubted.footprint).objects.update(edited_at=None)
    page = new_page(stock.admin)
    with fetched_ahead(page):
        open_queue(page, stock)
    expect(page.locator("#stands")).to_be_hidden()
    press(page, ".")
    expect(page.locator(".notice").first).to_contain_text("the region does not ask for it")
    type(stock.region).objects.update(confirm_standing=True)
    page.goto("about:blank")
    until(lambda: not QueueItem.objects.filter(lease_holder=stock.admin).exists())  # what one holds comes first
    open_queue(page, stock)
    expect(page.locator("#stands")).to_be_enabled()
    page.wait_for_load_state("networkidle")
    press(page, ".")
    saved(page)
    until(lambda: decision_of(doubted) == "still_stands")
    assert str(Change.objects.get(pk=doubted.pk).confirmed_on) == "2024-05-03"
    page.keyboard.press("u")
    until(lambda: decision_of(doubted) == "")
    expect(page.locator("#stands")).to_be_visible()


def test_an_editor_gives_a_missing_building_its_tags_and_they_are_saved_with_the_answer(new_page, stock):
    new = next(change for change in stock.changes if change.kind == "add")
    QueueItem.objects.filter(pk=new.item_id).update(priority=2.0)
    page = new_page(stock.admin)
    open_queue(page, stock)
    page.wait_for_load_state("networkidle")
    press(page, ",")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Kind of building").fill("house")
    expect(dialog).to_contain_text("A dwelling for one household")
    dialog.get_by_label("Levels", exact=True).fill("2")
    dialog.get_by_role("button", name="Another tag").click()
    dialog.get_by_label("Key", exact=True).fill("name")
    dialog.get_by_label("Value", exact=True).fill("Mill")
    dialog.get_by_role("button", name="Set them").click()
    expect(dialog).to_be_visible()
    dialog.get_by_label("Key", exact=True).fill("roof:shape")
    page.keyboard.press("Enter")
    expect(page.locator("#tags-set")).to_contain_text("building=house")
    press(page, "a")
    saved(page)
    until(lambda: decision_of(new) == "accept")
    assert Change.objects.get(pk=new.pk).tags_set == {
        "building": "house", "building:levels": "2", "roof:shape": "Mill",
    }  # fmt: skip


def test_every_decision_can_be_undone_and_taken_anew(new_page, stock):
    page = new_page(stock.admin)
    open_queue(page, stock)
    first = page.locator("#question").inner_text()
    for key in "arr":
        seen(page)
        press(page, key)
    saved(page)
    for _ in range(3):
        page.keyboard.press("u")
    saved(page)
    until(lambda: not QueueItem.objects.filter(state="decided").exists())
    expect(page.locator("#question")).to_have_text(first)
    expect(page.locator("#undo")).to_be_disabled()
    seen(page)
    press(page, "t")
    saved(page)
    until(lambda: decision_of(stock.changes[0]) == "too_old")


def test_a_double_click_answers_one_candidate(new_page, stock):
    page = new_page(stock.admin)
    open_queue(page, stock)
    page.wait_for_load_state("networkidle")
    page.locator('[data-decision="reject"]').dblclick()
    saved(page)
    expect(page.locator("#tally")).to_have_text("1 decision")
    page.locator("#skip").dblclick()
    page.wait_for_load_state("networkidle")
    seen(page)
    assert Verdict.objects.count() == 1
    press(page, "r")
    until(lambda: decision_of(stock.changes[2]) == "reject")
    assert decision_of(stock.changes[1]) == ""


def test_nothing_is_lost_while_the_connection_is(new_page, stock, watch):
    watch.expect("ERR_INTERNET_DISCONNECTED")
    page = new_page(stock.admin)
    with fetched_ahead(page):
        open_queue(page, stock)
    page.context.set_offline(True)
    press(page, "a")
    accept_old(page)
    seen(page)
    press(page, "r")
    expect(page.locator("#saved-state")).to_contain_text("Offline: 2 waiting")
    page.context.set_offline(False)
    saved(page)
    until(lambda: [decision_of(change) for change in stock.changes[:2]] == ["accept", "reject"])


def test_decisions_and_drafts_survive_a_closed_page(new_page, stock, watch):
    watch.expect("ERR_INTERNET_DISCONNECTED")
    page = new_page(stock.admin)
    with fetched_ahead(page):
        open_queue(page, stock)
    page.context.set_offline(True)
    press(page, "r")
    expect(page.locator("#saved-state")).to_contain_text("waiting")
    page.keyboard.press("m")
    page.keyboard.type("behind the trees")
    page.context.set_offline(False)
    page.reload()
    expect(page.locator("#review")).to_be_visible()
    saved(page)
    until(lambda: decision_of(stock.changes[0]) == "reject")
    expect(page.locator("#comment")).to_have_value("behind the trees")


def test_what_somebody_else_decided_is_told_in_words(new_page, stock, watch):
    watch.expect("409 (Conflict)")
    page = new_page(stock.admin)
    open_queue(page, stock)
    page.wait_for_load_state("networkidle")
    other = UserFactory(username="grace", role="editor")
    QueueItem.objects.filter(pk=stock.changes[0].item_id).update(lease_expires_at="2020-01-01T00:00Z")
    others = [change.item_id for change in stock.changes[1:]]
    taken = claim(user=other, stage="changes", scope_id=stock.region.pk, skip=others).item
    assert taken is not None and taken.pk == stock.changes[0].item_id
    press(page, "r")
    expect(page.locator("#notices")).to_contain_text("Not saved")
    expect(page.locator("#notices")).to_contain_text("somebody else has it now")


def test_a_candidate_flagged_to_a_colleague_is_the_first_they_see(new_page, stock):
    grace = UserFactory(username="grace", role="editor")
    page = new_page(stock.admin)
    open_queue(page, stock)
    question = page.locator("#question").inner_text()
    shown = stock.changes[0].item_id
    press(page, "q")
    page.get_by_label("Colleague", exact=True).select_option(label="grace")
    page.get_by_label("What should they look at?").fill("A tent or a house?")
    page.get_by_role("button", name="Flag it to them").click()
    saved(page)
    until(lambda: QueueItem.objects.get(pk=shown).assigned_to_id == grace.pk)
    expect(page.locator("#flagged")).to_be_hidden()
    theirs = new_page(grace)
    open_queue(theirs, stock)
    expect(theirs.locator("#question")).to_have_text(question)
    expect(theirs.locator("#flagged")).to_contain_text("ada asks you to look at this: A tent or a house?")
    press(theirs, "r")
    saved(theirs)
    assert decision_of(stock.changes[0]) == "reject"


def test_an_empty_queue_differs_from_one_that_others_hold(new_page, stock):
    other = UserFactory(username="grace")
    last = stock.changes[-1]
    QueueItem.objects.exclude(pk=last.item_id).delete()
    assert claim(user=other, stage="changes", scope_id=stock.region.pk).item is not None
    page = new_page(stock.admin)
    page.goto(f"/regions/{stock.region.pk}/changes/review/")
    expect(page.locator("#no-item")).to_contain_text("Others have the rest just now")
    QueueItem.objects.update(lease_expires_at="2020-01-01T00:00Z")
    expect(page.locator("#review")).to_be_visible(timeout=patient(20_000))
    page.keyboard.press("s")
    page.get_by_role("button", name="Go through them again").click()
    expect(page.locator("#review")).to_be_visible()
    seen(page)
    press(page, "r")
    expect(page.locator("#no-item")).to_contain_text("Every candidate has an answer")


def test_the_view_keeps_its_zoom_and_compares_by_keys(new_page, stock):
    page = new_page(stock.admin)
    open_queue(page, stock)
    scale = page.locator(".leaflet-control-scale-line")
    before = scale.inner_text()
    press(page, "r")
    expect(scale).to_have_text(before)
    page.keyboard.press("i")
    expect(page.locator('[data-mode="image"]')).to_have_attribute("aria-pressed", "true")
    visible = "getComputedStyle(document.querySelector('#map .leaflet-drawn-pane')).visibility"
    assert page.evaluate(visible) == "hidden"
    page.keyboard.down("b")
    assert page.evaluate(visible) == "visible"
    page.keyboard.up("b")
    assert page.evaluate(visible) == "hidden"
    page.keyboard.press("y")
    expect(page.locator("#map-beside .leaflet-tile-loaded").first).to_be_attached()
    expect(page.locator("#map-beside .leaflet-outlines-pane path").first).to_be_attached()
    left, right = page.locator("#map").bounding_box(), page.locator("#map-beside").bounding_box()
    assert left and right and left["x"] + left["width"] <= right["x"] and abs(left["width"] - right["width"]) < 2
    page.keyboard.press("i")
    expect(page.locator("#map-beside")).to_be_hidden()
    lines = page.locator("#map .leaflet-outlines-pane path")
    expect(lines.first).to_be_attached()
    page.keyboard.down("h")
    expect(lines).to_have_count(0)
    page.keyboard.up("h")
    expect(lines.first).to_be_attached()
