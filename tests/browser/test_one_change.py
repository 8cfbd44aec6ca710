"""The page of one candidate: where rows lead, what was said, what a colleague finds."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from annotation.review.models import QueueItem
from tests.browser.keys import press
from tests.browser.screens import shot
from tests.browser.test_queue import open_queue, saved, until
from tests.factories import UserFactory
from tests.factories_changes import save_decision


def test_a_row_opens_its_candidate_with_everything_that_was_said(new_page, stock):
    removal = next(one for one in stock.changes if one.kind == "remove")
    grace = UserFactory(username="grace", role="editor")
    save_decision(grace, removal, "reject", reason="still_there")
    verdict = removal.item.verdicts.get()
    type(verdict).objects.filter(pk=verdict.pk).update(comment="The roof is plain to see <b>here</b>.")
    page = new_page(stock.admin)
    page.goto(f"/regions/{stock.region.pk}/changes/?state=decided")
    row = page.locator(f'tr[data-change="{removal.pk}"]')
    expect(row).to_contain_text("Still there")
    expect(row).to_contain_text("The roof is plain to see <b>here</b>.")
    shot(page, "changes-list")
    row.get_by_role("link", name="Gone from the ground").click()
    expect(page).to_have_url(re.compile(f"/changes/{removal.pk}/$"))
    expect(page.locator("#said")).to_contain_text("grace said: rejected (still there)")
    expect(page.locator("#said blockquote")).to_have_text("The roof is plain to see <b>here</b>.")
    expect(page.locator("#question")).to_have_text("A building that is gone?")
    shot(page, "one-change")
    page.get_by_role("button", name="Take back").click()
    page.get_by_role("button", name="Take it back").click()
    expect(page.locator("#review")).to_be_visible()
    expect(page.locator("#question")).to_have_text("A building that is gone?")
    assert QueueItem.objects.get(pk=removal.item_id).decision == ""


def test_an_open_candidate_is_answered_by_its_link_before_the_rest_of_the_queue(new_page, stock):
    last = stock.changes[-1]
    page = new_page(stock.admin)
    page.goto(f"/regions/{stock.region.pk}/tiles/{last.pair.tile.z}/{last.pair.tile.x}/{last.pair.tile.y}/")
    page.locator(f'#changes a[href$="/changes/{last.pk}/"]').click()
    expect(page.locator("#said")).to_contain_text("Nobody has answered it yet.")
    page.get_by_role("link", name="Answer it").click()
    expect(page.locator("#review")).to_be_visible()
    page.wait_for_load_state("networkidle")
    press(page, "c")
    saved(page)
    until(lambda: QueueItem.objects.get(pk=last.item_id).decision == "cant_tell")
    page.goto(f"/regions/{stock.region.pk}/changes/review/?change={last.pk}")
    expect(page).to_have_url(re.compile(f"/changes/{last.pk}/$"))


def test_an_editor_sets_tags_of_an_accepted_building_and_a_closed_one_says_that_the_map_has_it(new_page, stock):
    new, closed = [one for one in stock.changes if one.kind == "add"][:2]
    save_decision(stock.admin, new, tags={"building": "house"})
    QueueItem.objects.filter(pk=closed.item_id).update(state="withdrawn")
    type(closed).objects.filter(pk=closed.pk).update(in_map_at="2026-05-01T12:00Z")
    page = new_page(stock.admin)
    page.goto(f"/regions/{stock.region.pk}/changes/{new.pk}/")
    expect(page.locator("#tags-set")).to_contain_text("building=house")
    page.get_by_role("button", name="Set tags").click()
    page.get_by_label("Levels", exact=True).fill("two")
    page.get_by_role("button", name="Set them").click()
    page.get_by_label("Levels", exact=True).fill("2")
    shot(page, "tags")
    page.get_by_role("button", name="Set them").click()
    expect(page.locator("#tags-set")).to_contain_text("building:levels=2")
    new.refresh_from_db()
    assert new.tags_set == {"building": "house", "building:levels": "2"}
    page.goto(f"/regions/{stock.region.pk}/changes/{closed.pk}/")
    expect(page.locator("#state")).to_contain_text("In the map by now")


def test_who_was_left_something_is_told_on_every_page_of_the_region(new_page, stock):
    grace = UserFactory(username="grace", role="editor")
    QueueItem.objects.filter(pk=stock.changes[0].item_id).update(assigned_to=grace)
    page = new_page(grace)
    page.goto(f"/regions/{stock.region.pk}/")
    tab = page.get_by_role("link", name=re.compile("Review"), exact=False).first
    expect(page.locator(".tabs .flag-count")).to_contain_text("1 flagged to you")
    expect(tab).to_be_visible()
    page.goto(f"/regions/{stock.region.pk}/changes/")
    expect(page.locator(f'tr[data-change="{stock.changes[0].pk}"]')).to_contain_text("Flagged to grace")
    theirs = new_page(stock.admin)
    open_queue(theirs, stock)
    expect(theirs.locator(".flag-count")).to_have_count(0)
