"""A phone, and a zoom of 200 % on a laptop: everything can be reached, and nothing lies over the candidate."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from annotation.review.models import QueueItem
from tests.browser.keys import still
from tests.browser.matched import pairs_of, propose
from tests.browser.screens import shot, shots
from tests.browser.test_bench import open_bench
from tests.browser.test_correspondences import open_editor
from tests.browser.test_queue import open_queue, saved
from tests.factories_correspondences import make_batch

PHONE, ZOOMED = {"width": 390, "height": 844}, {"width": 683, "height": 384}
TABLET = {"width": 1024, "height": 700}
PARTS = ("#question", "#subject .facts", "#comment", "#accept", "#reject", "#flag", "#undo", "#back", "#skip")


def box(part: Locator) -> dict[str, float]:
    found = part.bounding_box()
    assert found is not None
    return found


def apart(first: dict[str, float], second: dict[str, float]) -> bool:
    return (
        first["x"] + first["width"] <= second["x"] + 1
        or second["x"] + second["width"] <= first["x"] + 1
        or first["y"] + first["height"] <= second["y"] + 1
        or second["y"] + second["height"] <= first["y"] + 1
    )


def fits(page: Page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("size", [PHONE, ZOOMED, TABLET], ids=["phone", "zoomed", "tablet"])
def test_question_evidence_and_answers_are_reached_by_scrolling_and_cover_nothing(new_page, stock, size):
    page = new_page(stock.admin)
    page.set_viewport_size(size)
    open_queue(page, stock)
    name = f"queue-{size['width']}"
    shots(page, name)
    shots(page, f"{name}-whole", whole=True)
    assert fits(page)
    parts = [page.locator(one).first for one in PARTS]
    for part in parts:
        part.scroll_into_view_if_needed()
        expect(part).to_be_in_viewport(ratio=0.9)
    boxes = [box(part) for part in parts]
    for index, one in enumerate(boxes):
        assert one["height"] > 12
        assert all(apart(one, other) for other in boxes[index + 1 :]), PARTS[index]
    page.locator("#reject").click()
    saved(page)
    expect(page.locator("#tally")).to_have_text("1 decision")


COVERED = """names => names.filter(name => {
  const part = document.querySelector(name);
  part.scrollIntoView({ block: "nearest" });
  const { x, y, width, height } = part.getBoundingClientRect();
  const top = document.elementFromPoint(x + width / 2, y + height / 2);
  return !(top === part || part.contains(top) || top?.contains(part) || part.labels?.[0]?.contains(top));
})"""
"""Parts that something else lies over once they are in sight."""


def at_hand(page: Page) -> None:
    """The answers are in sight before anything is scrolled, and lie over neither the map nor its credits."""
    expect(page.locator(".answers")).to_be_visible()
    page.evaluate("scrollTo(0, 0)")
    answers = box(page.locator(".answers"))
    for answer in page.locator(".answers .button:visible").all():
        expect(answer).to_be_in_viewport(ratio=1)
    for part in page.locator("#map, #map-beside, .map-credit, .map-legend").all():
        if part.is_visible():
            assert apart(answers, box(part))


@pytest.mark.parametrize("width", [360, 390, 820])
def test_a_thumb_answers_without_scrolling_and_every_part_is_still_reached(new_page, stock, width):
    page = new_page(stock.admin)
    page.set_viewport_size({"width": width, "height": 844})
    open_queue(page, stock)
    at_hand(page)
    assert page.evaluate(COVERED, [*PARTS, "#add-photo", ".why summary", "#evidence, #subject"]) == []
    page.keyboard.press("End")
    shots(page, f"thumb-{width}-end")
    assert fits(page)
    page.locator("#reject").click()
    saved(page)


@pytest.mark.parametrize("stage", ["anchors", "correspondences"])
def test_a_thumb_answers_on_the_other_benches_too(new_page, stock, batch, stage):
    page = new_page(stock.admin)
    page.set_viewport_size(PHONE)
    if stage == "anchors":
        open_bench(page, batch)
    else:
        propose(pairs_of(stock)[0])
        open_editor(page, make_batch(stock.region, user=stock.admin, plan="random", number=9))
    at_hand(page)
    shots(page, f"thumb-{stage}")
    assert page.evaluate(COVERED, ["#comment", "#accept", "#reject", "#undo", "#back", "#skip"]) == []
    assert fits(page)


@pytest.mark.parametrize("size", [PHONE, ZOOMED, TABLET], ids=["phone", "zoomed", "tablet"])
def test_the_bar_of_the_adjust_mode_leaves_the_shape_free(new_page, stock, size):
    QueueItem.objects.exclude(change__kind="add").delete()
    page = new_page(stock.admin)
    page.set_viewport_size(size)
    open_queue(page, stock)
    zoom, tools = page.locator(".leaflet-control-zoom-in"), page.locator("#compare")
    if size == PHONE:
        assert apart(box(zoom), box(page.locator("#compare .segment")))
    page.locator("#adjust").click()
    page.evaluate("scrollTo(0, 0)")
    still(page)
    shot(page, f"adjust-{size['width']}")
    shape = page.locator("#map path.leaflet-interactive").last
    for part in (page.locator("#adjust-bar"), tools, page.locator(".map-legend"), page.locator(".map-credit")):
        if part.is_visible():
            assert apart(box(shape), box(part))
    page.locator("#adjust-cancel").click()
    expect(page.locator("#adjust-bar")).to_be_hidden()


@pytest.mark.parametrize("path", ["", "changes/", "edits/", "tiles"])
def test_other_pages_of_the_region_scroll_to_their_end(new_page, stock, path):
    page = new_page(stock.admin)
    tile = stock.changes[0].pair.tile
    path = f"tiles/{tile.z}/{tile.x}/{tile.y}/" if path == "tiles" else path
    page.goto(f"/regions/{stock.region.pk}/{path}")
    for size in (PHONE, ZOOMED):
        page.set_viewport_size(size)
        page.wait_for_load_state("networkidle")
        shot(page, f"page-{path.split('/')[0] or 'region'}-{size['width']}", whole=True)
        assert fits(page)
        last = page.locator("main").locator("a:visible, button:visible").last
        last.scroll_into_view_if_needed()
        expect(last).to_be_in_viewport()
