"""The review page: a candidate's shape is adjusted by keys and by mouse, and goes out with the answer."""

from __future__ import annotations

from playwright.sync_api import expect

from annotation.changes.models import Change
from annotation.review.models import QueueItem, Verdict
from tests.browser.keys import still
from tests.browser.test_queue import accept_old, open_queue, saved, until


def test_a_shape_is_adjusted_by_keys_with_undo_and_goes_out_with_the_answer(new_page, stock):
    page = new_page(stock.admin)
    QueueItem.objects.filter(change__kind="remove").delete()
    open_queue(page, stock)
    page.keyboard.press("e")
    expect(page.locator("#adjust-bar")).to_be_visible()
    page.keyboard.press("n")
    expect(page.locator("#adjust-what")).to_contain_text("Corner 1")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowUp")
    page.keyboard.press("u")
    page.keyboard.press("u")
    expect(page.locator("#adjust-undo")).to_be_disabled()
    page.keyboard.press("y")
    page.keyboard.press("Enter")
    expect(page.locator("#subject")).to_contain_text("Your adjusted shape")
    page.keyboard.press("a")
    accept_old(page)
    saved(page)
    until(lambda: Change.objects.filter(adjusted__isnull=False).count() == 1)
    adjusted = Change.objects.get(adjusted__isnull=False)
    assert adjusted.adjusted.num_coords == adjusted.geometry.num_coords
    assert not adjusted.adjusted.equals_exact(adjusted.geometry, 1e-7)


def test_a_shape_is_adjusted_by_mouse(new_page, stock):
    QueueItem.objects.exclude(change__kind="add").delete()
    page = new_page(stock.admin)
    open_queue(page, stock)
    page.keyboard.press("e")
    corner = page.locator(".marker-icon:not(.marker-icon-middle)").first
    expect(corner).to_be_visible()
    still(page)
    box = corner.bounding_box()
    page.mouse.move(box["x"] + 8, box["y"] + 8)
    page.mouse.down()
    page.mouse.move(box["x"] - 12, box["y"] - 6, steps=4)
    page.mouse.up()
    expect(page.locator("#adjust-undo")).to_be_enabled()
    page.get_by_role("button", name="Keep").click()
    expect(page.locator("#subject")).to_contain_text("Your adjusted shape")


def test_a_changed_shape_is_neither_lost_nor_crossed_and_goes_back_to_the_proposal(new_page, stock):
    QueueItem.objects.exclude(change__kind="add").delete()
    page = new_page(stock.admin)
    open_queue(page, stock)
    page.locator("#adjust").click()
    page.keyboard.press("ArrowRight")
    for key in ("r", "s", "c"):
        page.keyboard.press(key)
        expect(page.locator("#notices")).to_contain_text("Keep the new shape with Enter")
    page.locator("#skip").click()
    expect(page.locator("#adjust-bar")).to_be_visible()
    page.reload()
    expect(page.locator("#subject")).to_contain_text("Your adjusted shape")
    page.keyboard.press("e")
    page.keyboard.press("n")
    for _ in range(80):
        page.keyboard.press("Shift+ArrowRight")
    for _ in range(80):
        page.keyboard.press("Shift+ArrowUp")
    for _ in range(80):
        page.keyboard.press("Shift+ArrowLeft")
    expect(page.locator("#notices")).to_contain_text("must not cross itself")
    page.keyboard.press("0")
    page.keyboard.press("Enter")
    expect(page.locator("#adjust-bar")).to_be_hidden()
    expect(page.locator("#subject")).not_to_contain_text("Your adjusted shape")
    assert not Verdict.objects.exists()
