"""The control-point editor in the browser: points dragged, nudged, added, snapped, undone, and what they come to."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from annotation.correspondences.models import Correspondences
from annotation.review.models import Batch, Verdict
from annotation.tiles.engine import tile_address
from tests.browser.keys import press, still
from tests.browser.matched import corners_of, fitted, pairs_of, propose
from tests.browser.stock import Stock
from tests.browser.test_queue import saved
from tests.factories_correspondences import make_batch


@pytest.fixture
def row(stock: Stock) -> Correspondences:
    """A proposal of twelve points on the fullest tile."""
    return propose(pairs_of(stock)[0])


@pytest.fixture
def batch(stock: Stock, row: Correspondences) -> Batch:
    return make_batch(stock.region, user=stock.admin, no_match=True)


def open_editor(page: Page, batch: Batch) -> None:
    page.goto(f"/regions/{batch.scope_id}/correspondences/review/?batch={batch.pk}")
    expect(page.locator("#review")).to_be_visible()
    page.wait_for_load_state("networkidle")
    still(page)


def mark(page: Page, number: int, side: str = "image") -> Locator:
    """The mark of a point in the image, or on the map."""
    return page.locator(f'{"#map" if side == "image" else "#map-beside"} .cp[data-number="{number}"]')


def middle(mark: Locator) -> tuple[float, float]:
    box = mark.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag(page: Page, mark: Locator, dx: float, dy: float) -> None:
    x, y = middle(mark)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + dx / 2, y + dy / 2, steps=4)
    page.mouse.move(x + dx, y + dy, steps=4)
    page.mouse.up()


def metres_of(locator: Locator) -> float:
    return float(locator.inner_text().removesuffix(" m"))


def snap(page: Page, *, corners: bool, edges: bool) -> None:
    page.get_by_label("Snap to corners").set_checked(corners)
    page.get_by_label("Snap to edges").set_checked(edges)


def draft_of(page: Page, number: int) -> dict:
    """A point of the draft that this browser keeps; None where there is no draft."""
    drafts = page.evaluate(
        "Object.keys(localStorage).filter((key) => key.startsWith('mapwright.draft.'))"
        ".map((key) => JSON.parse(localStorage.getItem(key)).work)"
    )
    found = [point for work in drafts if work for point in work["points"] if point["number"] == number]
    return found[0] if found else None


def test_a_drag_changes_the_error_and_undo_and_redo_bring_it_back_and_again(new_page, stock, batch, row):
    page = new_page(stock.admin)
    open_editor(page, batch)
    snap(page, corners=False, edges=False)
    fit = page.locator("#fit-rmse")
    before = fit.inner_text()
    assert metres_of(fit) == pytest.approx(row.rmse_m, abs=0.01)
    drag(page, mark(page, 3), 60, 0)
    expect(fit).not_to_have_text(before)
    after = fit.inner_text()
    assert metres_of(fit) > 4 * row.rmse_m
    expect(page.locator("#accept-label")).to_have_text("Save corrected")
    expect(mark(page, 3)).to_have_class(re.compile("cp-worst"))
    expect(page.locator('.point-row[data-number="3"]')).to_contain_text("worst")
    page.keyboard.press("Control+z")
    expect(fit).to_have_text(before)
    expect(page.locator("#accept-label")).to_have_text("Accept as it is")
    assert draft_of(page, 3) is None
    page.keyboard.press("Control+Shift+z")
    expect(fit).to_have_text(after)
    page.get_by_role("button", name="Undo a step").click()
    expect(fit).to_have_text(before)
    expect(page.get_by_role("button", name="Undo a step")).to_be_disabled()


def test_arrows_move_the_chosen_point_by_a_tenth_of_a_pixel_and_with_shift_by_a_whole_one(new_page, stock, batch, row):
    page = new_page(stock.admin)
    open_editor(page, batch)
    point = row.points.get(number=2)
    mark(page, 2).click()
    page.keyboard.press("ArrowRight")
    assert draft_of(page, 2)["image_xy"] == pytest.approx([point.image_x + 0.1, point.image_y], abs=2e-3)
    page.keyboard.press("Shift+ArrowUp")
    assert draft_of(page, 2)["image_xy"] == pytest.approx([point.image_x + 0.1, point.image_y - 1], abs=2e-3)
    press(page, "o")
    page.keyboard.press("ArrowDown")
    assert draft_of(page, 2)["map_xy"] == pytest.approx([point.map_x, point.map_y + 0.1], abs=2e-3)
    expect(page.locator("#selected-what")).to_contain_text("Point 2, map")


def test_a_moved_and_saved_point_is_what_the_server_fits(new_page, stock, batch, row):
    page = new_page(stock.admin)
    open_editor(page, batch)
    page.keyboard.press(".")
    for _ in range(5):
        page.keyboard.press("Shift+ArrowRight")
    expect(page.locator("#errors")).to_have_attribute("data-waiting", "false")
    press(page, "a")
    saved(page)
    row.refresh_from_db()
    assert row.state == "corrected"
    expected = fitted(row) + np.array([5 / row.inliers, 0])
    assert np.allclose(row.final_parameters, expected, atol=2e-3)
    assert row.points.get(corrected=True, number=1).origin == "manual"
    assert set(row.points.filter(corrected=True).exclude(number=1).values_list("origin", flat=True)) == {"auto"}


def test_a_pair_is_added_by_a_click_on_the_map_and_one_in_the_image_in_either_order(new_page, stock, batch, row):
    page = new_page(stock.admin)
    open_editor(page, batch)
    snap(page, corners=False, edges=False)
    page.keyboard.press("n")
    expect(page.locator("#adding")).to_contain_text("or the other way round")
    page.locator("#map-beside").click(position={"x": 150, "y": 640})  # beside the tile, where no mark lies
    expect(page.locator("#adding")).to_contain_text("where the image shows it")
    page.locator("#map").click(position={"x": 160, "y": 640})
    expect(mark(page, 13)).to_be_visible()
    page.locator("#map").click(position={"x": 330, "y": 660})
    page.locator("#map-beside").click(position={"x": 330, "y": 660})
    expect(mark(page, 14, "map")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#adding")).to_be_hidden()
    expect(page.locator('.point-row[data-number="14"]')).to_contain_text("set by hand")
    page.keyboard.press("Delete")
    expect(mark(page, 14)).to_have_count(0)
    expect(page.locator("#points-title")).to_have_text("13 points")


def test_points_are_set_by_hand_where_there_is_no_match_and_with_the_keyboard_alone(new_page, stock):
    row = propose(pairs_of(stock)[0], most=0)
    batch = make_batch(stock.region, user=stock.admin, no_match=True)
    page = new_page(stock.admin)
    open_editor(page, batch)
    expect(page.locator("#evidence")).to_contain_text("found no match: 4 points agree, 9 needed")
    press(page, "a")
    expect(page.locator("#notices")).to_contain_text("There is no match to accept")
    page.keyboard.press("n")
    page.keyboard.press("Space")
    expect(page.locator("#accuracy")).to_have_text("A shift needs 2 points in the fit or more; there is 1.")
    page.keyboard.press("Space")
    expect(page.locator("#fit-rmse")).to_have_text("0.00 m")
    for _ in range(4):
        page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("Escape")
    expect(page.locator("#errors")).to_have_attribute("data-waiting", "false")
    press(page, "Enter")
    saved(page)
    row.refresh_from_db()
    assert (row.state, row.final_kind) == ("corrected", "shift")
    assert row.final_parameters == pytest.approx([-2, 0], abs=1e-2)  # one of two points was moved by 4 px


def test_a_place_snaps_to_a_corner_of_the_map_and_to_an_edge_in_the_image_unless_switched_off(
    new_page, stock, batch, row
):
    page = new_page(stock.admin)
    open_editor(page, batch)
    point = row.points.get(number=1)
    corners = corners_of(row.pair)
    snap(page, corners=True, edges=False)
    drag(page, mark(page, 1, "map"), 5, 3)
    expect(page.locator("#accept-label")).to_have_text("Accept as it is")  # back on its corner: nothing is changed
    snap(page, corners=False, edges=False)
    drag(page, mark(page, 1, "map"), 5, 3)
    free = np.array(draft_of(page, 1)["map_xy"])
    assert np.linalg.norm(corners - free, axis=1).min() > 1
    page.keyboard.press("Control+z")
    snap(page, corners=False, edges=True)
    drag(page, mark(page, 1), 6, 0)
    on_edge = np.array(draft_of(page, 1)["image_xy"])
    snap(page, corners=False, edges=False)
    page.keyboard.press("Control+z")
    drag(page, mark(page, 1), 6, 0)
    by_hand = np.array(draft_of(page, 1)["image_xy"])
    assert by_hand[0] > point.image_x + 3
    assert 0 < np.linalg.norm(on_edge - by_hand) < 8


def test_check_points_are_kept_out_of_the_fit_and_have_an_error_of_their_own(new_page, stock, batch, row):
    page = new_page(stock.admin)
    open_editor(page, batch)
    snap(page, corners=False, edges=False)
    expect(page.locator("#check-rmse")).to_have_text("none")
    page.locator('.point-row[data-number="1"]').get_by_role("button", name="what point 1 is for").click()
    expect(page.locator("#check-rmse")).not_to_have_text("none")
    fit = page.locator("#fit-rmse").inner_text()
    page.locator('.point-row[data-number="1"] .point-name').click()
    for _ in range(12):
        page.keyboard.press("Shift+ArrowDown")
    expect(page.locator("#errors")).to_have_attribute("data-waiting", "false")
    moved_m = 12 * tile_address(row.pair.tile).resolution_m()
    assert metres_of(page.locator("#check-rmse")) == pytest.approx(moved_m, abs=0.4)
    expect(page.locator("#fit-rmse")).to_have_text(fit)  # dropping the worst point can't flatter the error
    expect(page.locator("#accuracy")).to_contain_text("1 check point, kept out of the fit, lies")
    press(page, "x")
    expect(page.locator("#check-rmse")).to_have_text("none")
    expect(mark(page, 1)).to_have_class(re.compile("cp-off"))


def test_too_few_points_for_a_model_say_so_and_are_not_saved(new_page, stock, batch, row):
    page = new_page(stock.admin)
    open_editor(page, batch)
    for number in range(1, 11):
        page.locator(f'.point-row[data-number="{number}"]').get_by_role("button", name="On:").click()
    press(page, "4")
    expect(page.locator("#accuracy")).to_contain_text("A homography needs 5 points in the fit or more")
    press(page, "a")
    expect(page.locator("#notices")).to_contain_text("A homography needs 5 points in the fit or more")
    assert not Verdict.objects.exists()
    press(page, "1")
    expect(page.locator("#accuracy")).to_contain_text("2 points are fitted")


def test_a_stale_reply_never_replaces_a_newer_one(new_page, stock, batch, row):
    page = new_page(stock.admin)
    open_editor(page, batch)
    held = []
    page.route("**/refit/", lambda route: held.append(route) if not held else route.continue_())
    page.keyboard.press(".")
    with page.expect_request("**/refit/"):
        page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    expect(page.locator("#errors")).to_have_attribute("data-waiting", "false")
    newer = page.locator("#fit-rmse").inner_text()
    with page.expect_response("**/refit/"):
        held[0].continue_()
    expect(page.locator("#fit-rmse")).to_have_text(newer)


def test_of_hundreds_of_points_the_surest_are_shown_and_all_on_request(new_page, stock):
    row = propose(pairs_of(stock)[0], most=200, apart_px=0)
    assert row.inliers > 30
    batch = make_batch(stock.region, user=stock.admin)
    page = new_page(stock.admin)
    open_editor(page, batch)
    expect(page.locator("#points-title")).to_have_text(f"The 30 surest of {row.inliers} points")
    expect(page.locator("#map .cp")).to_have_count(30)
    page.get_by_role("button", name=f"Show all {row.inliers}").click()
    expect(page.locator("#map .cp")).to_have_count(row.inliers)
