"""Adjusting an image by points: real drags in both views, undo, check points, a file in and out, confirmed."""

from __future__ import annotations

import re

import numpy as np
import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from annotation.common.services.jobs import run_now
from annotation.geolocation.models import PlacementCandidate, UnplacedImage
from annotation.geolocation.services import images
from annotation.geolocation.services.images import image_folder
from mlcore.geometry.webmercator import lonlat_to_mercator
from mlcore.imagery.photo import prepare_photo
from tests.browser.keys import still
from tests.browser.patience import patient
from tests.browser.screens import shot
from tests.browser.test_accessibility import findings
from tests.browser.test_images import Place, image_town, place  # noqa: F401
from tests.factories_geolocation import PlacementCandidateFactory, UnplacedImageFactory
from tests.photos_of_town import HEIGHT, WIDTH, Frame, frame, write_frame

RIGHTS = {"Licence": "CC0 1.0", "Attribution": "A pilot"}


@pytest.fixture
def image(place, tmp_path) -> tuple[UnplacedImage, PlacementCandidate, Frame]:  # noqa: F811
    """A frame with forty matched points, all 3 m too far east."""
    truth = frame(place.town / "imagery.tif", at=(0.5, 0.5), heading_deg=20)
    row = UnplacedImageFactory(
        owner=place.editor, region=place.region, width=WIDTH, height=HEIGHT, state="candidates",
        original_name="DJI_0001.jpg",
    )  # fmt: skip
    target = image_folder(row.pk) / images.PICTURE
    target.parent.mkdir(parents=True, exist_ok=True)
    prepare_photo(
        write_frame(tmp_path / "DJI_0001.jpg", truth), target, target.with_name(images.PREVIEW), timezone.now()
    )
    ground = lonlat_to_mercator(truth.corners)
    across, down = (ground[1] - ground[0]) / WIDTH, (ground[3] - ground[0]) / HEIGHT
    shifted = ground[0] + [3.0 / np.cos(np.radians(truth.middle[1])), 0]
    transform = [across[0], down[0], shifted[0], across[1], down[1], shifted[1]]
    imagery = place.region.imagery_set.get()
    xy = np.random.default_rng(7).uniform([40, 40], [WIDTH - 40, HEIGHT - 40], (40, 2))
    found = PlacementCandidateFactory(
        image=row, base=None, imagery=imagery, transform=transform, homography=np.eye(3).tolist(),
        points=[[x, y, x, y, 0.9] for x, y in xy.tolist()], footprint=place.region.area, agreeing=40, asked=60,
    )  # fmt: skip
    return row, found, truth


def open_points(page: Page, row: UnplacedImage) -> None:
    page.goto(f"/images/{row.pk}/")
    expect(page.locator(".place")).to_have_count(1)
    expect(page.locator("#map .leaflet-tile-loaded").first).to_be_attached()
    page.keyboard.press("p")
    expect(page.locator("#picture-view")).to_be_visible()
    expect(page.locator("#picture .leaflet-image-layer")).to_be_visible()
    still(page)


def mark(page: Page, side: str, number: int):
    return page.locator(f"#{side} .cp[data-number='{number}']")


def drag(page: Page, node, by: tuple[float, float]) -> None:
    box = node.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + by[0], y + by[1], steps=5)
    page.mouse.up()


def metres_of(page: Page, what: str) -> float:
    number, unit = re.fullmatch(r"([\d.,]+)\s*(m|cm)", page.locator(what).inner_text()).groups()
    return float(number.replace(",", "")) / (100 if unit == "cm" else 1)


def test_points_are_dragged_undone_exported_read_back_and_confirmed(new_page, image, axe, tmp_path):
    row, found, _ = image
    page = new_page(row.owner)
    open_points(page, row)
    expect(page.locator("#points .point-row")).to_have_count(12)
    expect(page.locator("#picture .cp")).to_have_count(12)
    expect(page.locator("#map .cp")).to_have_count(12)
    expect(page.locator("#evidence")).to_contain_text("28 more points")
    expect(page.locator("#fitted-by")).to_have_text("RMSE of the similarity")
    box = mark(page, "map", 1).bounding_box()
    assert min(box["width"], box["height"]) >= 20
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)
        shot(page, f"image-points-{scheme}")
        assert findings(page, axe) == []

    before = metres_of(page, "#fit-rmse")
    drag(page, mark(page, "map", 1), (40, 0))
    expect(page.locator(".point-row[data-number='1'] .badge-bad")).to_have_text("worst")
    assert metres_of(page, "#fit-rmse") > before + 0.2
    shot(page, "image-points-worst")
    page.keyboard.press("x")
    expect(page.locator(".point-row[data-number='1']")).to_have_class(re.compile("point-off"))
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    expect(page.locator("#step-undo")).to_be_disabled()
    expect(page.locator("#fit-rmse")).not_to_have_text("none")

    page.keyboard.press("Control+Shift+z")
    said = page.locator("#selected-what")
    was = said.inner_text()
    page.keyboard.press("Shift+ArrowRight")
    expect(said).not_to_have_text(was)
    page.keyboard.press("o")
    expect(said).to_contain_text("image")
    x = float(re.search(r"image: ([\d.]+)", said.inner_text()).group(1))
    page.keyboard.press("ArrowRight")
    expect(said).to_contain_text(f"image: {x + 0.1:.1f}")
    for _ in range(4):
        page.keyboard.press("Control+z")
    expect(page.locator("#step-undo")).to_be_disabled()

    page.keyboard.press("3")
    expect(page.locator("#models [aria-pressed='true']")).to_contain_text("Affine")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(page.locator("#picture-view")).to_be_hidden()
    expect(page.locator(".place")).to_be_visible()
    page.keyboard.press("p")
    expect(page.locator("#models [aria-pressed='true']")).to_contain_text("Affine")  # nothing is lost
    page.get_by_role("button", name="Take 28 more matched points").click()
    expect(page.locator("#points-title")).to_contain_text("40")

    for label, text in RIGHTS.items():
        page.get_by_label(label).fill(text)
    page.locator("#points-heading").click()
    page.keyboard.press("Enter")
    expect(page.locator("#picture-view")).to_be_hidden()
    expect(page.locator("#progress")).to_contain_text("no worker", timeout=patient(20_000))
    found.refresh_from_db()
    assert (found.state, found.adjusted["fitted"], len(found.adjusted["points"])) == ("chosen", "affine", 40)
    assert found.decided_by == row.owner
    page.get_by_text("This place for other programs").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="QGIS points").click()
    download.value.save_as(tmp_path / "back.points")
    row.refresh_from_db()
    run_now(row.job)
    expect(page.locator("#result")).to_contain_text("It is imagery", timeout=patient(30_000))
    assert len((tmp_path / "back.points").read_text().splitlines()) == 42


def test_pairs_are_clicked_here_and_there_and_a_file_takes_their_place(new_page, image, axe, tmp_path):
    row, found, truth = image
    PlacementCandidate.objects.filter(pk=found.pk).update(points=[])
    page = new_page(row.owner)
    open_points(page, row)
    expect(page.locator("#adding")).to_contain_text("Click a place on the map")
    expect(page.locator("#accuracy")).to_contain_text("A place needs 2 points")
    for where in ((0.3, 0.3), (0.7, 0.4), (0.5, 0.7)):
        for side in ("picture", "map"):
            box = page.locator(f"#{side}").bounding_box()
            page.mouse.click(box["x"] + where[0] * box["width"], box["y"] + where[1] * box["height"])
    expect(page.locator("#points .point-row")).to_have_count(3)
    expect(page.locator("#points .badge", has_text="set by hand")).to_have_count(3)
    shot(page, "image-points-added")
    page.keyboard.press("Escape")
    expect(page.locator("#adding")).to_be_hidden()
    page.keyboard.press("Delete")
    expect(page.locator("#points .point-row")).to_have_count(2)

    ground = lonlat_to_mercator(truth.corners)
    lines = ["mapX,mapY,pixelX,pixelY,enable"]
    for (x, y), (u, v) in zip(ground, ((0, 0), (WIDTH, 0), (WIDTH, HEIGHT), (0, HEIGHT)), strict=True):
        lines.append(f"{x!r},{y!r},{u},{-v},1".replace("np.float64(", "").replace(")", ""))
    (tmp_path / "truth.points").write_text("\n".join(lines) + "\n")
    page.locator("#points-file").set_input_files(tmp_path / "truth.points")
    expect(page.locator("#points .point-row")).to_have_count(4)
    expect(page.locator("#fit-rmse")).to_have_text(re.compile(r"^0"))
    page.set_viewport_size({"width": 820, "height": 1180})
    shot(page, "image-points-tablet")
    assert findings(page, axe) == []
    for label, text in RIGHTS.items():
        page.get_by_label(label).fill(text)
    page.get_by_role("button", name="Confirm this place").click()
    expect(page.locator("#picture-view")).to_be_hidden()
    found.refresh_from_db()
    off = lonlat_to_mercator(np.array(found.adjusted["corners"])) - ground
    assert np.abs(off).max() < 0.01
