"""The page of map scans: a picture without a place is added, looked for, found, and its pairs are reviewed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
import rasterio
from django.conf import settings
from playwright.sync_api import Page, expect

from annotation.accounts.models import User
from annotation.common.models import Job
from annotation.common.services.jobs import run_now
from annotation.correspondences.models import Correspondences, MapScan
from annotation.review.models import Batch
from annotation.sources.models import Imagery, MapSnapshot, Region
from annotation.sources.services.add_sources import add_imagery, add_snapshot
from annotation.sources.services.files import Upload
from annotation.sources.services.regions import create_region
from annotation.tiles.engine import map_index, render_map
from mlcore.correspondences.exchange import ControlPoints, qgis_text
from mlcore.geometry.webmercator import TileAddress
from mlcore.synthetic.town import TownConfig, generate_town
from mlcore.synthetic.town_files import write_town
from tests.browser.keys import press, seen
from tests.browser.patience import patient
from tests.browser.screens import shot
from tests.browser.stock import CAPTURED, Stock
from tests.browser.test_accessibility import findings
from tests.browser.test_queue import saved, until
from tests.factories import UserFactory

TURN_DEG, SCALE = 7.0, 0.9


@pytest.fixture(scope="session")
def large_files(tmp_path_factory) -> Path:
    """A town of 64 tiles: a window of a set is as large as four."""
    return write_town(generate_town(TownConfig(seed=4, columns=8, rows=8)), tmp_path_factory.mktemp("large"))


@dataclass
class Place:
    """A region with nothing but its image and its map, and who may work on it."""

    admin: User
    region: Region
    imagery: Imagery
    snapshot: MapSnapshot


@pytest.fixture
def place(large_files: Path, live_server) -> Place:
    admin = UserFactory(username="ada", role="admin")
    region = create_region(user=admin, name="Wright's Town", zoom=19, open_to_all=True)
    imagery = add_imagery(
        user=admin, region=region, file=Upload.from_path(large_files / "imagery.tif"), licence="CC0 1.0",
        attribution="A synthetic survey", captured_on=CAPTURED, wake=False,
    ).source  # fmt: skip
    snapshot = add_snapshot(
        user=admin, region=region, file=Upload.from_path(large_files / "map.osm"), area=None, licence="ODbL 1.0",
        attribution="OpenStreetMap contributors", wake=False,
    ).source  # fmt: skip
    for source in (imagery, snapshot):
        run_now(source.job)
        source.refresh_from_db()
    region.refresh_from_db()
    return Place(admin, region, imagery, snapshot)


@pytest.fixture
def sheet(place: Place, tmp_path: Path) -> tuple[Path, Path]:
    """The town's map as a scan, turned on grey paper, and four points of a person that place it."""
    with rasterio.open(Path(settings.MEDIA_ROOT) / place.imagery.cog_path) as data:
        left, top, step = data.transform.c, data.transform.f, data.transform.a
        width, height = data.width, data.height
    west, north, east, south = left, top, left + step * width, top - step * height
    zoom, index = place.region.zoom, map_index(place.snapshot)
    span = TileAddress(zoom, 0, 0).bounds_mercator[2] - TileAddress(zoom, 0, 0).bounds_mercator[0]
    world = -TileAddress(zoom, 0, 0).bounds_mercator[0]
    columns = range(int((west + world) // span), int((east + world) // span) + 1)
    rows = range(int((world - north) // span), int((world - south) // span) + 1)
    drawn = np.vstack([np.hstack([render_map(TileAddress(zoom, x, y), index, 512) for x in columns]) for y in rows])
    grow = 512 / span
    corner = np.array([columns[0] * span - world, world - rows[0] * span])
    size = (int(drawn.shape[1] * 1.1), int(drawn.shape[0] * 1.1))
    turn = cv2.getRotationMatrix2D((drawn.shape[1] / 2, drawn.shape[0] / 2), TURN_DEG, SCALE)
    turn[:, 2] += (np.array(size) - np.array(drawn.shape[1::-1])) / 2
    paper = cv2.warpAffine(drawn, turn, size, borderValue=(208, 204, 196), flags=cv2.INTER_AREA)
    picture = tmp_path / "town sheet.png"
    cv2.imwrite(str(picture), paper[..., ::-1])
    image_xy = np.array([[0.1, 0.1], [0.9, 0.15], [0.85, 0.9], [0.12, 0.88]]) * [width, height]
    on_map = ((np.array([left, top]) + image_xy * [step, -step]) - corner) * [grow, -grow]
    on_sheet = on_map @ turn[:, :2].T + turn[:, 2]
    points = tmp_path / "town.points"
    points.write_text(qgis_text(ControlPoints.of(image_xy, on_sheet * [1, -1])))
    return picture, points


def open_scans(page: Page, stock: Stock | Place) -> None:
    page.goto(f"/regions/{stock.region.pk}/")
    page.get_by_role("link", name="Map scans").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Map scans")
    page.wait_for_load_state("networkidle")


def add(page: Page, picture: Path, points: Path | None = None) -> None:
    page.get_by_label("Picture of a map").set_input_files(picture)
    page.get_by_label("Licence").fill("CC0-1.0")
    page.get_by_label("Attribution").fill("A survey office")
    if points is not None:
        page.get_by_text("If it is not found by itself").click()
        page.get_by_label("Points that place it").set_input_files(points)
        page.get_by_label("Windows at most").fill("9")
    page.get_by_role("button", name="Look for it").click()


def test_a_scan_is_added_found_and_its_pairs_are_reviewed_with_it_as_the_map(new_page, place, sheet, worker, axe):
    page = new_page(place.admin)
    open_scans(page, place)
    add(page, *sheet)
    card = page.locator(".scan-card")
    expect(card).to_contain_text("town sheet.png")
    expect(card).to_contain_text("Found", timeout=patient(240_000))
    row = MapScan.objects.get()
    pairs = Correspondences.objects.filter(scan=row).count()
    assert pairs >= 2 and row.options == {"windows": 9}
    expect(card.locator(".figures")).to_contain_text(str(row.made["pairs"]))
    expect(card).to_contain_text(f"{pairs} waiting")
    expect(card).to_contain_text("median RMSE")
    expect(card).to_contain_text("by the given points")
    expect(page.locator("#map .leaflet-outlines-pane path").first).to_be_attached()
    expect(page.locator("#map .leaflet-drawn-pane .leaflet-tile-loaded").first).to_be_attached()
    expect(page.locator(".map-credit")).to_contain_text("A survey office")
    with page.expect_download() as download:
        card.get_by_role("link", name="Download the pairs").click()
    assert download.value.suggested_filename == f"map-scan-{row.pk}.zip"
    if card.locator("summary").count():
        card.locator("summary").click()
    shot(page, "scans-light")
    assert findings(page, axe) == []
    page.emulate_media(color_scheme="dark")
    shot(page, "scans-dark")
    assert findings(page, axe) == []
    page.emulate_media(color_scheme="light")

    card.get_by_role("button", name="Review its pairs").click()

    expect(page.locator("#review")).to_be_visible()
    expect(page.locator("#of-scan")).to_have_text("The map is a scan: town sheet.png.")
    expect(page.locator("#evidence")).to_contain_text("agree")
    expect(page.locator("#map-beside .leaflet-tile-loaded").first).to_be_attached()
    expect(page.locator("#map-beside .map-credit")).to_contain_text("A survey office")
    shot(page, "scan-editor-light")
    page.emulate_media(color_scheme="dark")
    shot(page, "scan-editor-dark")
    press(page, "a")
    saved(page)
    until(lambda: Correspondences.objects.filter(scan=row, state="verified").count() == 1)
    seen(page)
    page.keyboard.press("n")  # the next one is corrected: one point more
    for side in ("#map-beside", "#map"):
        box = page.locator(side).bounding_box()
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.locator("#accept-label")).to_contain_text("Save")
    press(page, "a")
    saved(page)
    until(lambda: Correspondences.objects.filter(scan=row, state="corrected").count() == 1)
    open_scans(page, place)
    expect(card).to_contain_text("1 verified")
    expect(card).to_contain_text("1 corrected")
    card.get_by_role("button", name="Review its pairs").click()  # the batch that is there, not another one
    expect(page.locator("#of-scan")).to_be_visible()
    assert Batch.objects.count() == 1
    page.goto(f"/regions/{place.region.pk}/correspondences/")
    expect(page.locator("#proposals")).to_contain_text("scan town sheet.png")


def test_the_search_is_stopped_and_resumed(new_page, place, sheet):
    page = new_page(UserFactory(username="eda", role="editor"))
    open_scans(page, place)
    expect(page.locator("[data-outlook]")).to_contain_text("worker")
    add(page, sheet[0])
    card = page.locator(".scan-card")
    card.get_by_role("button", name="Cancel").click()
    expect(card).to_contain_text("What was done is kept")
    first = Job.objects.get(kind="correspondences.build_pairs")
    assert first.state == "cancelled"
    card.get_by_role("button", name="Resume").click()
    expect(card.get_by_role("button", name="Cancel")).to_be_visible()
    assert MapScan.objects.get().job_id != first.pk
    card.get_by_role("button", name="Cancel").click()
    expect(card.get_by_role("button", name="Resume")).to_be_visible()
    card.get_by_role("button", name="Remove").click()
    page.get_by_role("button", name="Remove it").click()
    expect(page.locator("#scans")).to_contain_text("No map scan yet")


def test_what_is_no_picture_is_refused_before_it_is_sent(new_page, stock, tmp_path):
    page = new_page(stock.admin)
    open_scans(page, stock)
    wrong = tmp_path / "sheet.pdf"
    wrong.write_bytes(b"%PDF")
    add(page, wrong)
    expect(page.locator("#scan-form .error")).to_contain_text("Use one of .tif, .tiff, .png, .jpg, .jpeg")
    assert not MapScan.objects.exists()


def test_a_reviewer_looks_and_adds_nothing(new_page, stock, axe):
    page = new_page(UserFactory())
    open_scans(page, stock)
    expect(page.locator("#scans")).to_contain_text("an editor adds one")
    expect(page.locator("#scan-form")).to_have_count(0)
    assert findings(page, axe) == []
