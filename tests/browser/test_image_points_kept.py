"""Points that were set and left: they stay where they lie on the ground, and go only with the place that is shown."""

from __future__ import annotations

import json
import re

import numpy as np
from playwright.sync_api import Page, Request, Route, expect

from annotation.geolocation.models import PlacementCandidate, UnplacedImage
from tests.browser.screens import shot
from tests.browser.test_accessibility import findings
from tests.browser.test_image_points import RIGHTS, image, open_points  # noqa: F401
from tests.browser.test_images import image_town, place  # noqa: F401
from tests.factories_geolocation import PlacementCandidateFactory

FIT = re.compile(r"/api/images/\d+/fit/")


def second(row: UnplacedImage, found: PlacementCandidate, points: int = 9) -> PlacementCandidate:
    """Another place of the image, 60 m farther north, with points of its own."""
    transform = [*found.transform[:5], found.transform[5] + 60]
    return PlacementCandidateFactory(
        image=row, rank=2, base=None, imagery=found.imagery, transform=transform, homography=np.eye(3).tolist(),
        points=found.points[:points], footprint=found.footprint, agreeing=points, asked=60,
    )  # fmt: skip


def bare(row: UnplacedImage, found: PlacementCandidate) -> None:
    """An image for which nothing was found."""
    found.delete()
    UnplacedImage.objects.filter(pk=row.pk).update(state="not_found")


def set_pairs(page: Page) -> None:
    expect(page.locator("#adding")).to_contain_text("Click a place on the map")
    for where in ((0.35, 0.35), (0.65, 0.4), (0.5, 0.65)):
        for side in ("picture", "map"):
            box = page.locator(f"#{side}").bounding_box()
            page.mouse.click(box["x"] + where[0] * box["width"], box["y"] + where[1] * box["height"])
    expect(page.locator("#points .point-row")).to_have_count(3)


def of_three(request: Request) -> bool:
    return bool(FIT.search(request.url)) and len(request.post_data_json["points"]) == 3


def back(page: Page) -> None:
    while page.locator("#picture-view").is_visible():
        page.keyboard.press("Escape")
    expect(page.locator("#places, #image-title").first).to_be_visible()


def pan(page: Page, by: tuple[int, int]) -> None:
    box = page.locator("#map").bounding_box()
    x, y = box["x"] + 40, box["y"] + 40
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + by[0], y + by[1], steps=6)
    page.mouse.up()


def held_back(page: Page, of: PlacementCandidate) -> list[Route]:
    """Requests for the points of a place, which wait to be let go."""
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(f"**/places/{of.pk}/points/", hold)
    return held


def confirmed(page: Page) -> dict:
    """What a press on the button sends."""
    for label, text in RIGHTS.items():
        page.get_by_label(label).fill(text)
    with page.expect_request("**/confirm/") as sent:
        page.get_by_role("button", name="Confirm this place").click()
    expect(page.locator("#notices")).to_contain_text("Confirmed")
    return json.loads(sent.value.post_data)


def lonlats(body: dict) -> np.ndarray:
    return np.array([point["lonlat"] for point in body["points"]])


def test_points_that_were_left_are_where_they_were_after_the_map_moved(new_page, image, axe):  # noqa: F811
    row, found, _ = image
    bare(row, found)
    page = new_page(row.owner)
    page.goto(f"/images/{row.pk}/")
    expect(page.locator("#map .leaflet-tile-loaded").first).to_be_attached()
    page.get_by_role("button", name="Place it by points").click()
    with page.expect_request(of_three) as sent:
        set_pairs(page)
    before = lonlats(sent.value.post_data_json)
    back(page)
    pan(page, (170, 90))
    with page.expect_request(FIT) as again:
        page.keyboard.press("p")
    expect(page.locator("#points .point-row")).to_have_count(3)
    assert np.abs(lonlats(again.value.post_data_json) - before).max() < 1e-8  # a millimetre
    expect(page.locator("#map .cp")).to_have_count(3)
    expect(page.locator("#adding")).to_be_hidden()  # a click only looks: there are points already
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)
        shot(page, f"image-points-again-{scheme}")
        assert findings(page, axe) == []

    page.reload()
    expect(page.locator("#map .leaflet-tile-loaded").first).to_be_attached()
    pan(page, (-120, 60))
    with page.expect_request(FIT) as later:
        page.get_by_role("button", name="Place it by points").click()
    assert np.abs(lonlats(later.value.post_data_json) - before).max() < 1e-8
    expect(page.locator("#fit-rmse")).not_to_have_text("none")
    body = confirmed(page)
    assert np.abs(lonlats(body["points"]) - before).max() < 1e-8


def test_a_draft_of_pixels_that_no_longer_say_where_is_dropped_and_told(new_page, image):  # noqa: F811
    row, found, _ = image
    page = new_page(row.owner)
    page.goto(f"/images/{row.pk}/")
    expect(page.locator(".place")).to_have_count(1)
    key = f"mapwright.image.{row.pk}.points.{found.pk}"
    point = {"number": 41, "map_xy": [10, 20], "image_xy": [30, 40], "role": "fit", "enabled": True}
    page.evaluate(
        "([key, draft]) => localStorage.setItem(key, draft)",
        [key, json.dumps({"transform": "affine", "points": [point], "gone": []})],
    )
    page.reload()
    open_points(page, row)
    expect(page.locator("#points .point-row")).to_have_count(12)
    expect(page.locator("#notices")).to_contain_text("set them again")
    assert page.evaluate("key => localStorage.getItem(key)", key) is None


def test_points_go_only_with_the_place_as_it_is_shown(new_page, image):  # noqa: F811
    row, found, _ = image
    second(row, found)
    page = new_page(row.owner)
    page.goto(f"/images/{row.pk}/")
    expect(page.locator(".place")).to_have_count(2)
    expect(page.locator("#map .leaflet-tile-loaded").first).to_be_attached()
    page.keyboard.press("p")
    expect(page.locator("#points .point-row")).to_have_count(12)
    page.keyboard.press("3")
    expect(page.locator("#fitted-by")).to_have_text("RMSE of the affine")
    back(page)
    page.keyboard.press("2")
    expect(page.locator(".place").nth(1)).to_have_attribute("aria-checked", "true")
    page.keyboard.press("1")
    expect(page.locator(".place").nth(0)).to_have_attribute("aria-checked", "true")
    page.keyboard.press("p")
    expect(page.locator("#models [aria-pressed='true']")).to_contain_text("Affine")  # they are kept all the same
    back(page)
    page.keyboard.press("2")
    expect(page.locator(".place").nth(1)).to_have_attribute("aria-checked", "true")
    page.keyboard.press("1")
    expect(page.locator(".place").nth(0)).to_have_attribute("aria-checked", "true")
    body = confirmed(page)
    assert (body["candidate"], body["points"], body["corners"]) == (found.pk, None, None)


def test_an_image_that_is_turned_or_placed_by_hand_is_confirmed_by_its_corners(new_page, image):  # noqa: F811
    row, found, _ = image
    page = new_page(row.owner)
    open_points(page, row)
    page.keyboard.press("3")
    expect(page.locator("#fitted-by")).to_have_text("RMSE of the affine")
    back(page)
    page.keyboard.press("a")
    page.keyboard.press("t")
    body = confirmed(page)
    assert body["points"] is None and body["corners"] is not None
    assert body["candidate"] == found.pk


def test_by_hand_after_points_sends_the_corners_that_are_shown(new_page, image):  # noqa: F811
    row, found, _ = image
    bare(row, found)
    page = new_page(row.owner)
    page.goto(f"/images/{row.pk}/")
    expect(page.locator("#map .leaflet-tile-loaded").first).to_be_attached()
    page.get_by_role("button", name="Place it by points").click()
    set_pairs(page)
    expect(page.locator("#fit-rmse")).not_to_have_text("none")
    back(page)
    page.get_by_role("button", name="Place it by hand").click()
    body = confirmed(page)
    assert body["points"] is None and body["corners"] is not None


def test_points_that_come_late_are_not_opened_over_another_place(new_page, image):  # noqa: F811
    row, found, _ = image
    other = second(row, found)
    page = new_page(row.owner)
    page.goto(f"/images/{row.pk}/")
    expect(page.locator(".place")).to_have_count(2)
    expect(page.locator("#map .leaflet-tile-loaded").first).to_be_attached()
    held = held_back(page, found)
    with page.expect_request(f"**/places/{found.pk}/points/"):
        page.keyboard.press("p")
    page.keyboard.press("2")
    expect(page.locator(".place").nth(1)).to_have_attribute("aria-checked", "true")
    page.keyboard.press("p")
    expect(page.locator("#points .point-row")).to_have_count(9)
    with page.expect_response(f"**/places/{found.pk}/points/"):
        held[0].continue_()
    page.keyboard.press("3")
    expect(page.locator("#fitted-by")).to_have_text("RMSE of the affine")
    expect(page.locator("#points .point-row")).to_have_count(9)
    body = confirmed(page)
    assert body["candidate"] == other.pk and len(body["points"]["points"]) == 9


def test_points_that_come_after_another_place_was_chosen_stay_away(new_page, image):  # noqa: F811
    row, found, _ = image
    second(row, found)
    page = new_page(row.owner)
    page.goto(f"/images/{row.pk}/")
    expect(page.locator(".place")).to_have_count(2)
    held = held_back(page, found)
    with page.expect_request(f"**/places/{found.pk}/points/"):
        page.keyboard.press("p")
    page.keyboard.press("2")
    expect(page.locator(".place").nth(1)).to_have_attribute("aria-checked", "true")
    with page.expect_response(f"**/places/{found.pk}/points/") as late:
        held[0].continue_()
    late.value.finished()
    page.wait_for_load_state("networkidle")
    expect(page.locator("#picture-view")).to_be_hidden()
