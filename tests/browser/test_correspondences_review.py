"""Answers of the control-point editor: taken, refused, kept as drafts, blind second ones, and a third person's."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import expect

from annotation.correspondences.models import Correspondences
from annotation.review.models import Batch, QueueItem, Verdict
from annotation.tiles.engine import tile_address
from mlcore.geometry.transform import shift_of
from tests.browser.keys import press
from tests.browser.matched import SHIFT_PX, pairs_of, propose
from tests.browser.stock import Stock
from tests.browser.test_correspondences import draft_of, open_editor
from tests.browser.test_queue import saved
from tests.factories import UserFactory
from tests.factories_correspondences import adjust, answer, make_batch, take


@pytest.fixture
def row(stock: Stock) -> Correspondences:
    """A proposal of twelve points on the fullest tile."""
    return propose(pairs_of(stock)[0])


@pytest.fixture
def batch(stock: Stock, row: Correspondences) -> Batch:
    return make_batch(stock.region, user=stock.admin, no_match=True)


def test_an_accepted_proposal_is_verified_and_the_next_tile_comes(new_page, stock, batch, row):
    other = propose(pairs_of(stock)[1])
    batch = make_batch(stock.region, user=stock.admin, plan="random", number=9)
    page = new_page(stock.admin)
    open_editor(page, batch)
    expect(page.locator("#evidence")).to_contain_text(f"{other.inliers} points agree; chance alone gives up to 5.")
    press(page, "a")
    saved(page)
    other.refresh_from_db()
    assert (other.state, other.final_kind) == ("verified", "")
    expect(page.locator("#no-item")).to_contain_text("Every tile has an answer")
    page.keyboard.press("u")
    expect(page.locator("#review")).to_be_visible()
    saved(page)
    other.refresh_from_db()
    assert other.state == "proposed"


@pytest.mark.parametrize(
    ("key", "title", "decision", "reason"),
    [("r", "Why is it wrong?", "reject", "wrong_transform"), ("c", "Why can't you tell?", "cant_tell", "blurred")],
)
def test_who_refuses_gives_a_reason(new_page, stock, batch, row, key, title, decision, reason):
    page = new_page(stock.admin)
    open_editor(page, batch)
    press(page, key)
    expect(page.locator("#reasons")).to_contain_text(title)
    press(page, "a")  # a slip: nothing is accepted while a reason is asked for
    press(page, "2")
    saved(page)
    verdict = Verdict.objects.get()
    assert (verdict.decision, verdict.reason) == (decision, reason)


def test_a_reload_keeps_the_draft(new_page, stock, batch, row):
    page = new_page(stock.admin)
    open_editor(page, batch)
    page.keyboard.press(".")
    page.keyboard.press("Shift+ArrowRight")
    press(page, "2")
    page.get_by_label("Comment").fill("The roof is not where the wall is")
    kept = draft_of(page, 1)
    page.reload()
    expect(page.locator("#accept-label")).to_have_text("Save corrected")
    expect(page.get_by_label("Comment")).to_have_value("The roof is not where the wall is")
    expect(page.get_by_role("button", name="Similarity")).to_have_attribute("aria-pressed", "true")
    assert draft_of(page, 1) == kept
    expect(page.locator("#errors")).to_have_attribute("data-waiting", "false")
    press(page, "a")
    saved(page)
    row.refresh_from_db()
    assert row.final_kind == "similarity"
    assert row.points.get(corrected=True, number=1).image_x == pytest.approx(kept["image_xy"][0])


def test_two_people_answer_blindly_and_a_third_settles_what_they_differ_on(new_page, stock, row):
    ana, ben = UserFactory(username="ana"), UserFactory(username="ben")
    batch = make_batch(stock.region, user=stock.admin, second_share=1.0)
    first = new_page(ana)
    open_editor(first, batch)
    press(first, "a")
    saved(first)
    expect(first.locator("#no-item")).to_contain_text("The rest is for somebody else")
    second = new_page(ben)
    open_editor(second, batch)
    expect(second.locator("main")).not_to_contain_text("ana")
    second.keyboard.press("n")
    second.keyboard.press("Space")  # a thirteenth pair, far off
    for _ in range(60):
        second.keyboard.press("Shift+ArrowRight")
    second.keyboard.press("Escape")
    expect(second.locator("#errors")).to_have_attribute("data-waiting", "false")
    press(second, "a")
    saved(second)
    row.refresh_from_db()
    assert row.state == "proposed"
    page = new_page(stock.admin)
    page.goto(f"/regions/{stock.region.pk}/correspondences/disagreements/?batch={batch.pk}")
    expect(page.locator("#answers-given")).to_contain_text("as proposed")
    expect(page.locator("#answers-given")).to_contain_text("corrected")
    apart = tile_address(row.pair.tile).resolution_m() * 60 / 13
    expect(page.locator("#apart")).to_contain_text(re.compile(rf"{apart:.1f} m apart"))
    expect(page.locator("main")).not_to_contain_text("ben")
    press(page, "k")
    saved(page)
    row.refresh_from_db()
    assert row.state == "corrected"
    assert np.hypot(*(np.array(row.final_parameters) - SHIFT_PX)) > 2
    expect(page.locator("#no-item")).to_contain_text("Every disagreement has an answer")


def test_the_third_person_may_go_on_from_an_answer(new_page, stock, row):
    ana, ben = UserFactory(), UserFactory()
    batch = make_batch(stock.region, user=stock.admin, second_share=1.0)
    answer(ana, take(ana, batch), "reject", reason="other")
    adjust(ben, take(ben, batch), shift_of(9.0, 4.0))
    page = new_page(stock.admin)
    page.goto(f"/regions/{stock.region.pk}/correspondences/disagreements/?batch={batch.pk}")
    expect(page.locator("#apart")).to_contain_text("can't be measured")
    page.get_by_role("button", name="Go on from it").click()
    expect(page.locator("#points-title")).to_have_text("6 points")
    page.keyboard.press(".")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#errors")).to_have_attribute("data-waiting", "false")
    press(page, "a")
    saved(page)
    row.refresh_from_db()
    assert row.final_parameters == pytest.approx([9 - 0.1 / 6, 4.0], abs=1e-3)
    assert QueueItem.objects.get(stage="correspondence-adjudication").decided_by == stock.admin


def test_a_lease_that_ended_while_points_were_moved_keeps_them_and_says_who_has_the_tile(
    new_page, stock, batch, row, watch
):
    """C4."""
    watch.expect("409 (Conflict)")
    page = new_page(stock.admin)
    open_editor(page, batch)
    page.keyboard.press(".")
    page.keyboard.press("Shift+ArrowRight")
    moved = draft_of(page, 1)
    QueueItem.objects.update(lease_expires_at="2020-01-01T00:00Z")
    assert take(UserFactory(username="grace"), batch) is not None
    press(page, "a")
    expect(page.locator("#notices")).to_contain_text("somebody else has it now")
    assert draft_of(page, 1) == moved
    row.refresh_from_db()
    assert row.state == "proposed"
