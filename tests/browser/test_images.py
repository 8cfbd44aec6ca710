"""The pages of images without a place: dropped, found by the real worker, compared, confirmed, seen as imagery."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from annotation.accounts.models import User
from annotation.common.services.jobs import run_now
from annotation.geolocation.models import UnplacedImage
from annotation.sources.models import Imagery, Region
from annotation.sources.services.add_sources import add_imagery
from annotation.sources.services.files import Upload
from annotation.sources.services.regions import create_region
from mlcore.geometry.webmercator import lonlat_to_mercator
from mlcore.synthetic.town import TownConfig, generate_town
from mlcore.synthetic.town_files import write_town
from tests.browser.patience import patient
from tests.browser.screens import shot
from tests.browser.stock import CAPTURED
from tests.browser.test_accessibility import findings
from tests.browser.test_queue import until
from tests.factories import UserFactory
from tests.mlcore.imagery.photos import texture, write_photo
from tests.photos_of_town import frame, write_frame


@pytest.fixture(scope="session")
def image_town(tmp_path_factory) -> Path:
    return write_town(generate_town(TownConfig(seed=4, columns=6, rows=6)), tmp_path_factory.mktemp("images"))


@dataclass
class Place:
    """A region with its imagery, and an editor."""

    editor: User
    region: Region
    town: Path


@pytest.fixture
def place(image_town: Path, live_server) -> Place:
    editor = UserFactory(username="eda", role="editor")
    region = create_region(user=None, name="Wright's Town", open_to_all=True)
    imagery = add_imagery(
        user=None, region=region, file=Upload.from_path(image_town / "imagery.tif"), licence="CC0 1.0",
        attribution="A synthetic survey", captured_on=CAPTURED, wake=False,
    ).source  # fmt: skip
    run_now(imagery.job)
    region.refresh_from_db()
    return Place(editor, region, image_town)


def open_images(page: Page) -> None:
    page.goto("/")
    page.get_by_role("link", name="Place images").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Place images")
    page.wait_for_load_state("networkidle")


def send(page: Page, *paths: Path, region: str = "Wright's Town") -> None:
    page.get_by_label("Photos or scans").set_input_files(paths)
    page.get_by_label("Look in").select_option(label=region)
    page.get_by_role("button", name="Find their place").click()


def card_of(page: Page, name: str):
    return page.locator(".image-card", has=page.get_by_role("heading", name=name))


def test_a_drone_photo_is_dropped_found_confirmed_and_seen_as_imagery(new_page, place, worker, axe, tmp_path):
    truth = frame(place.town / "imagery.tif", at=(0.45, 0.55), heading_deg=-140)
    other = frame(place.town / "imagery.tif", at=(0.55, 0.55), heading_deg=-140)
    page = new_page(place.editor)
    open_images(page)
    black = write_photo(tmp_path / "night.png", np.full((300, 400, 3), 3, np.uint8))
    frames = [write_frame(tmp_path / f"DJI_000{n}.jpg", one, seconds=n) for n, one in enumerate((truth, other), 1)]
    send(page, *frames, black)
    card = card_of(page, "DJI_0001.jpg")
    expect(card).to_contain_text("To confirm", timeout=patient(240_000))
    expect(card_of(page, "DJI_0002.jpg")).to_contain_text("To confirm", timeout=patient(120_000))
    expect(card_of(page, "night.png")).to_contain_text("The picture is black")
    expect(card).to_contain_text("frames from DJI_0001.jpg")
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)
        shot(page, f"images-{scheme}")
        assert findings(page, axe) == []

    card.get_by_role("link", name="Look at 1 place").click()

    expect(page.locator(".place")).to_have_count(1)
    expect(page.locator(".place")).to_contain_text("compared points agree")
    expect(page.locator("#map .leaflet-tile-loaded").first).to_be_attached()
    overlay = page.locator("img.warped")
    expect(overlay).to_be_visible()
    assert "matrix3d" in overlay.evaluate("node => node.style.transform")
    page.keyboard.press("o")
    expect(overlay).to_have_css("opacity", "1")
    page.keyboard.down("b")
    expect(overlay).to_have_css("opacity", "0")
    page.keyboard.up("b")
    page.keyboard.press("o")
    page.keyboard.press("o")
    page.locator("#said summary").click()
    expect(page.locator("#facts")).to_contain_text("DJI FC6310")
    page.get_by_text("This place for other programs").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="QGIS points").click()
    assert download.value.suggested_filename == "DJI_0001.png.points"
    page.get_by_label("Licence").fill("CC0 1.0")
    page.get_by_label("Attribution").fill("A pilot")
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)
        shot(page, f"image-{scheme}")
        assert findings(page, axe) == []
    page.locator("#image-title").click()
    page.keyboard.press("a")
    expect(page.locator(".corner")).to_have_count(5)
    shot(page, "image-adjust")
    assert findings(page, axe) == []
    page.keyboard.press("1")  # as it was proposed
    expect(page.locator(".corner")).to_have_count(0)
    page.keyboard.press("Enter")

    expect(page.locator("#result")).to_contain_text("It is imagery of Wright's Town now", timeout=patient(120_000))
    shot(page, "image-placed")
    row = UnplacedImage.objects.get(original_name="DJI_0001.jpg")
    until(lambda: Imagery.objects.get(pk=row.imagery_id).state == "ready", 120)
    page.get_by_role("link", name="See it among the sources").click()
    source = page.locator("#imagery .card", has_text="DJI_0001.tif")
    expect(source).to_contain_text("Ready")
    expect(source).to_contain_text("A pilot")
    west, south, east, north = Imagery.objects.get(pk=row.imagery_id).footprint.extent
    assert [west, south] == pytest.approx(truth.corners.min(axis=0).tolist(), abs=2e-5)
    assert [east, north] == pytest.approx(truth.corners.max(axis=0).tolist(), abs=2e-5)
    page.goto(f"/regions/{place.region.pk}/")
    expect(page.locator("#map .leaflet-tile-loaded").first).to_be_attached()
    shot(page, "image-as-imagery")


def test_what_is_nowhere_is_given_up_or_placed_by_hand(new_page, place, axe, tmp_path, settings, watch):
    watch.expect("400 (Bad Request)")
    settings.IMAGE_LOOKS = 6
    page = new_page(place.editor)
    open_images(page)
    expect(page.locator("[data-outlook]")).to_contain_text("worker")
    send(page, write_photo(tmp_path / "cat.jpg", texture(480, 640)))
    card = page.locator(".image-card")
    card.get_by_role("button", name="Cancel").click()
    expect(card).to_contain_text("stopped before it was looked for")
    card.get_by_role("button", name="Look again").click()
    expect(card.get_by_role("button", name="Cancel")).to_be_visible()
    run_now(UnplacedImage.objects.get().job)
    expect(card).to_contain_text("Not found", timeout=patient(30_000))
    expect(card).to_contain_text("place it by hand")
    card.get_by_role("link", name="cat.jpg").click()
    expect(page.locator("#warnings")).to_contain_text("nothing in the imagery", ignore_case=True)
    expect(page.locator("#map .leaflet-tile-loaded").first).to_be_attached()
    shot(page, "image-not-found")
    page.get_by_role("button", name="Place it by hand").click()
    expect(page.locator(".corner")).to_have_count(5)
    before = page.locator("img.warped").evaluate("node => node.style.transform")
    page.get_by_label("Corner 2, upper right of the image").focus()
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("ArrowUp")
    assert page.locator("img.warped").evaluate("node => node.style.transform") != before
    handle = page.get_by_label("The whole image").bounding_box()
    page.mouse.move(handle["x"] + 12, handle["y"] + 12)
    page.mouse.down()
    page.mouse.move(handle["x"] + 60, handle["y"] + 40, steps=4)
    page.mouse.up()
    page.locator("#image-title").click()
    page.keyboard.press("t")
    shot(page, "image-by-hand")
    assert findings(page, axe) == []
    page.get_by_role("button", name="Confirm this place").click()  # licence and attribution are asked for
    expect(page.locator("#confirm-form [aria-invalid]").first).to_be_visible()
    page.get_by_label("Licence").fill("CC0 1.0")
    page.get_by_label("Attribution").fill("A pilot")
    page.get_by_role("button", name="Confirm this place").click()
    expect(page.locator("#progress")).to_contain_text("no worker", timeout=patient(20_000))
    row = UnplacedImage.objects.get()
    run_now(row.job)
    expect(page.locator("#result")).to_contain_text("It is imagery", timeout=patient(30_000))
    row.refresh_from_db()
    chosen = row.candidates.get(state="chosen")
    assert row.imagery_id and chosen.title == "placed by hand"
    middle = lonlat_to_mercator(np.array(chosen.footprint.centroid.coords))
    assert np.linalg.norm(middle - lonlat_to_mercator(np.array(place.region.area.centroid.coords))) < 300


def test_bad_files_are_refused_before_they_are_sent(new_page, place, tmp_path):
    page = new_page(place.editor)
    open_images(page)
    (tmp_path / "flight.mp4").write_bytes(b"\0" * 10)
    send(page, tmp_path / "flight.mp4")
    expect(page.locator("#images-form .error")).to_contain_text("flight.mp4 is no image")
    page.get_by_label("Photos or scans").set_input_files([])
    page.get_by_role("button", name="Find their place").click()
    expect(page.locator("#images-form .error")).to_contain_text("Choose one or several images")
    assert not UnplacedImage.objects.exists()


def test_a_reviewer_has_no_such_page(new_page, place, watch):
    watch.expect("403 (Forbidden)")
    page = new_page(UserFactory())
    page.goto("/")
    expect(page.get_by_role("link", name="Place images")).to_have_count(0)
    assert page.goto("/images/").status == 403
