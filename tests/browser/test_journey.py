"""The whole way in a browser: from an empty region to a changeset's files, with a real worker doing the work."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

from playwright.sync_api import Page, expect

from annotation.changes.models import Change
from annotation.learning.models import TrainingRun
from annotation.review.models import QueueItem
from tests.browser.keys import at_once, press, seen
from tests.browser.patience import patient
from tests.factories import PASSWORD, UserFactory

WORK_MS = 180_000


def test_from_files_to_map_edits(new_page, town_files: Path, worker, live_server, tmp_path: Path):
    UserFactory(username="ada", role="admin")
    page = new_page(reduced_motion="no-preference")
    sign_in_and_create(page)
    upload(page, town_files)
    run_the_main_job(page)
    look_at_the_scores_and_a_tile(page)
    review(page)
    files = make_a_changeset(page, tmp_path)
    check(files)


def sign_in_and_create(page: Page) -> None:
    page.goto("/")
    page.get_by_label("Name").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="New region").click()
    page.get_by_label("Name").fill("Wright's Town")
    page.get_by_role("button", name="Create the region").click()
    expect(page.get_by_role("heading", name="Sources")).to_be_visible()


def upload(page: Page, files: Path) -> None:
    page.locator("#imagery-file").set_input_files(files / "imagery.tif")
    page.locator("#imagery-licence").fill("CC0 1.0")
    page.locator("#imagery-attribution").fill("A synthetic survey")
    page.locator("#imagery-captured").fill("2024-05-03")
    page.get_by_role("button", name="Upload the imagery").click()
    page.locator("#snapshot-file").set_input_files(files / "map.osm")
    page.locator("#snapshot-area").set_input_files(files / "area.geojson")
    page.get_by_role("button", name="Upload the map").click()
    for kind in ("imagery", "snapshots"):
        card = page.locator(f"#{kind} .source-card")
        expect(card).to_have_attribute("data-state", "ready", timeout=patient(60_000))
    expect(page.locator("#imagery")).to_contain_text("3 May 2024")
    expect(page.locator("#snapshots")).to_contain_text("building")


def run_the_main_job(page: Page) -> None:
    """The smallest preset, chosen where the page asks before it starts, with the page following it."""
    page.get_by_role("link", name="Overview").click()
    expect(page.get_by_role("button", name="Run the main job")).to_be_visible()
    page.get_by_role("button", name="Run the main job").click()
    expect(page.get_by_role("dialog")).to_contain_text("Decisions, changesets and models stay")
    page.get_by_label("Size of the training").select_option("tiny")
    page.get_by_role("dialog").get_by_role("button", name="Start").click()
    expect(page.locator("#main-job progress")).to_be_visible()
    expect(page.locator('[data-step="Scan"]')).to_have_attribute("data-done", "true", timeout=patient(WORK_MS))
    assert TrainingRun.objects.get().preset == "tiny"


def look_at_the_scores_and_a_tile(page: Page) -> None:
    expect(page.locator("body")).to_have_attribute("data-scores", "16")
    expect(page.locator("#grid-legend")).to_be_visible()
    page.locator("#worst a").first.click()
    expect(page.locator("#anchor dt")).to_have_count(11)
    expect(page.locator("#scores")).to_contain_text("%")


def review(page: Page) -> None:
    """Accept with an adjusted shape, reject, take back, accept; by keys alone."""
    at_once(page, "g", "2")
    expect(page.locator("#review")).to_be_visible()
    assert QueueItem.objects.count() >= 3
    saved = page.locator("#saved-state")
    if page.locator("#adjust").is_enabled():
        page.keyboard.press("e")
        page.keyboard.press("n")
        page.keyboard.press("Shift+ArrowRight")
        page.keyboard.press("Enter")
        expect(page.locator("#subject")).to_contain_text("Your adjusted shape")
    answer(page, "a")
    answer(page, "r")
    expect(page.locator("#undo-what")).to_have_text("Undo: rejected")
    page.keyboard.press("u")
    expect(page.locator("#undo-what")).to_have_text("Undo: accepted")
    expect(saved).to_have_attribute("data-state", "saved")
    answer(page, "a")
    expect(saved).to_have_attribute("data-state", "saved")
    assert QueueItem.objects.filter(decision="accept").count() == 2


def answer(page: Page, key: str) -> None:
    expect(page.locator("body")).to_have_attribute("data-phase", "reviewing")
    seen(page)
    press(page, key)
    anyway = page.get_by_role("button", name="Accept anyway")
    if key == "a" and anyway.count():
        anyway.click()


def make_a_changeset(page: Page, folder: Path) -> dict[str, Path]:
    at_once(page, "g", "4")
    expect(page.locator("#accepted-count")).to_have_text("2 changes, 2 chosen")
    page.get_by_label("Comment").fill("Correct buildings from imagery")
    page.get_by_role("button", name="Make the changeset").click()
    card = page.locator(".changeset")
    expect(card).to_contain_text("Correct buildings from imagery")
    files = {}
    for name, suffix in (("Download osmChange", "osc"), ("Download GeoJSON", "geojson")):
        with page.expect_download() as download:
            card.get_by_role("link", name=name).click()
        files[suffix] = folder / f"edits.{suffix}"
        download.value.save_as(files[suffix])
    return files


def check(files: dict[str, Path]) -> None:
    root = ElementTree.parse(files["osc"]).getroot()
    assert root.tag == "osmChange"
    assert len(root.findall(".//way")) >= 1
    features = json.loads(files["geojson"].read_text())["features"]
    assert len(features) == Change.objects.filter(item__decision="accept").count() == 2
