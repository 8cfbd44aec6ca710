"""The group mode of the review page: several suggestions moved by one offset, by a drag and by keys, as one step."""

from __future__ import annotations

import math

import pytest
from playwright.sync_api import Page, expect

from annotation.changes.models import Change, GroupMove
from annotation.consistency.models import TileScore
from annotation.review.models import QueueItem, Verdict
from annotation.review.services.lease import reclaim
from tests.browser.keys import press, still
from tests.browser.screens import shot, shots
from tests.browser.stock import Stock
from tests.browser.test_accessibility import SETTLED
from tests.browser.test_queue import open_queue, saved, until
from tests.factories import UserFactory

METRE = 1 / 111_320


@pytest.fixture
def close_stock(stock: Stock) -> Stock:
    """Up to four suggestions of one neighbourhood that have a shape to move; the first is the queue's first."""

    def around(middle: Change) -> list[Change]:
        tile, rest = middle.pair.tile, [one for one in stock.changes if one != middle and one.kind != "remove"]
        return [one for one in rest if max(abs(one.pair.tile.x - tile.x), abs(one.pair.tile.y - tile.y)) <= 1][:3]

    first = max((one for one in stock.changes if one.kind != "remove"), key=lambda one: len(around(one)))
    near = [first, *around(first)]
    assert len(near) >= 3
    QueueItem.objects.exclude(change__in=near).delete()
    QueueItem.objects.filter(change=first).update(priority=2.0)
    stock.changes = near
    return stock


def open_group(page: Page, stock: Stock) -> None:
    open_queue(page, stock)
    page.wait_for_load_state("networkidle")
    begin_group(page)


def begin_group(page: Page) -> None:
    """The candidate's tile, then the tiles around it as well."""
    page.keyboard.press("d")
    expect(page.locator("#group-bar")).to_be_visible()
    page.keyboard.press("d")
    expect(page.locator("#group-reach")).to_have_attribute("aria-pressed", "true")


def east_and_north(change: Change) -> tuple[float, float]:
    before, after = change.geometry.centroid, change.adjusted.centroid
    return (after.x - before.x) / METRE * math.cos(math.radians(before.y)), (after.y - before.y) / METRE


def test_a_group_is_dragged_and_nudged_accepted_as_one_and_taken_back_as_one(new_page, close_stock):
    stock = close_stock
    page = new_page(stock.admin)
    open_group(page, stock)
    count = len(stock.changes)
    expect(page.locator("#group-what")).to_have_text(f"Move {count} of {count}: not moved")
    shape = page.locator(".group-shape").first
    expect(shape).to_be_visible()
    still(page)
    box = shape.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 30, y - 20, steps=5)
    page.mouse.up()
    expect(page.locator("#group-what")).to_contain_text("to the north-east")
    after = shape.bounding_box()
    assert (after["x"] - box["x"], after["y"] - box["y"]) == (pytest.approx(30, abs=2), pytest.approx(-20, abs=2))
    shot(page, "group-dragged")
    page.keyboard.press("u")
    expect(page.locator("#group-what")).to_have_text(f"Move {count} of {count}: not moved")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#group-what")).to_contain_text("1.2 m to the east")
    page.keyboard.press("n")
    page.keyboard.press(" ")
    expect(page.locator("#group-what")).to_contain_text(f"{count - 1} of {count}")
    expect(page.locator("#group-left-out")).to_have_text("Left out: 1 by you")
    page.keyboard.press(" ")
    for key in ("a", "r", "s"):
        press(page, key)
        expect(page.locator("#notices")).to_contain_text("Accept the group with Enter")
    assert not Verdict.objects.exists()

    page.keyboard.press("Enter")

    expect(page.locator("#group-bar")).to_be_hidden()
    expect(page.locator("#notices")).to_contain_text(f"{count} accepted, 1.2 m to the east")
    expect(page.locator("#tally")).to_have_text(f"{count} decisions")
    for change in Change.objects.filter(item__state="decided"):
        assert east_and_north(change) == pytest.approx((1.2, 0), abs=0.02)
    assert QueueItem.objects.filter(decision="accept").count() == count
    expect(page.locator("#no-item")).to_contain_text("Every candidate has an answer")

    page.reload()  # the step outlives the page
    expect(page.locator("#undo")).to_contain_text("Moved together")
    page.keyboard.press("u")

    expect(page.locator("#notices")).to_contain_text(f"{count} candidates taken back")
    expect(page.locator("#review")).to_be_visible()
    expect(page.locator("#tally")).to_have_text("")
    assert not QueueItem.objects.filter(state="decided").exists()
    assert not Change.objects.filter(adjusted__isnull=False).exists()
    assert GroupMove.objects.get().undone_at is not None


def test_what_others_hold_is_named_and_stays_theirs(new_page, close_stock):
    stock = close_stock
    grace = UserFactory(username="grace", role="editor")
    page = new_page(stock.admin)
    open_queue(page, stock)
    page.wait_for_load_state("networkidle")
    held = stock.changes[-1].item_id
    QueueItem.objects.filter(pk=held).update(lease_holder=None, lease_expires_at=None)
    reclaim(user=grace, item_id=held)
    count = len(stock.changes)
    begin_group(page)
    expect(page.locator("#group-left-out")).to_have_text("Left out: 1 on somebody else's screen")
    # another one is taken after the group was loaded: the server leaves it out as well
    taken = stock.changes[1].item_id
    QueueItem.objects.filter(pk=taken).update(lease_holder=None, lease_expires_at=None)
    reclaim(user=grace, item_id=taken)
    page.keyboard.press("ArrowUp")
    page.get_by_role("button", name=f"Accept {count - 1}, moved").click()
    expect(page.locator("#notices")).to_contain_text(f"{count - 2} accepted, 0.10 m to the north")
    expect(page.locator("#notices")).to_contain_text("Left out: 1 on somebody else's screen")
    assert set(QueueItem.objects.filter(state="open").values_list("pk", flat=True)) == {held, taken}
    assert set(QueueItem.objects.filter(state="open").values_list("lease_holder__username", flat=True)) == {"grace"}


def test_the_tiles_registration_shift_is_where_a_group_begins(new_page, close_stock):
    stock = close_stock
    TileScore.objects.filter(scan=stock.scan).update(
        shift_east_m=1.7, shift_north_m=1.7, shift_confidence=0.9, shift_origin="measured"
    )
    for change in stock.changes:
        change.evidence |= {"shift_east_m": 1.7, "shift_north_m": 1.7, "shift_confidence": 0.9}
        change.save(update_fields=["evidence"])
    page = new_page(stock.admin)
    open_queue(page, stock)
    page.wait_for_load_state("networkidle")
    page.keyboard.press("e")
    page.get_by_role("button", name="Whole group").click()
    expect(page.locator("#group-what")).to_contain_text("2.4 m to the north-east")
    photo = "document.querySelector('.leaflet-photo-pane').style.transform"
    assert page.evaluate(photo) == ""  # the image lies where it lies, so that the shapes are seen on it
    page.keyboard.press("0")
    expect(page.locator("#group-what")).to_contain_text("not moved")
    press(page, "t")
    expect(page.locator("#group-what")).to_contain_text("2.4 m to the north-east")
    page.keyboard.press("Escape")
    expect(page.locator("#group-bar")).to_be_hidden()
    assert page.evaluate(photo).startswith("translate(-")
    expect(page.locator(".group-shape")).to_have_count(0)
    press(page, "r")
    saved(page)
    until(lambda: QueueItem.objects.filter(decision="reject").count() == 1)


def test_the_group_mode_is_accessible_in_light_and_dark(new_page, close_stock, axe):
    page = new_page(close_stock.admin)
    open_group(page, close_stock)
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("n")
    shots(page, "group")
    page.evaluate(axe)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.evaluate(SETTLED)
        found = page.evaluate("axe.run(document, {runOnly: ['wcag2a', 'wcag2aa']})")["violations"]
        assert [one["id"] for one in found] == [], scheme


def test_one_that_was_cut_stays_as_it_is_when_its_group_is_moved(new_page, close_stock):
    page = new_page(close_stock.admin)
    open_queue(page, close_stock)
    page.keyboard.press("e")
    expect(page.locator("#adjust-bar")).to_be_visible()
    for key in ("n", "k", "n", "n", "k", "Enter"):
        page.keyboard.press(key)
    expect(page.locator("#parted")).to_contain_text("Cut in two")
    press(page, "s")
    expect(page.locator("#parted")).to_have_count(0)
    begin_group(page)
    expect(page.locator("#group-left-out")).to_have_text("Left out: 1 cut in two, or made one with another, by you")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator("#notices")).to_contain_text("accepted, 1.0 m to the east")
    assert QueueItem.objects.get(change=close_stock.changes[0]).state != "decided"
