"""Each page by itself: it opens without a fault, says what it knows, and offers what this person may do."""

from __future__ import annotations

import datetime as dt
import re

from playwright.sync_api import Page, expect

from annotation.sources.models import RegionMember
from tests.factories import PASSWORD, ImageryFactory, SnapshotFactory, UserFactory


def test_a_person_signs_in_and_out(new_page, live_server):
    UserFactory(username="ada", role="admin")
    page = new_page()
    page.goto("/")
    page.get_by_label("Name").fill("ada")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Regions")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_new_region_leads_to_its_sources(new_page, live_server, watch):
    watch.expect("400 (Bad Request)")
    page = new_page(UserFactory(role="admin"))
    page.goto("/regions/new/")
    page.get_by_role("button", name="Create the region").click()
    expect(page.locator("#name")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Name").fill("Erg")
    page.get_by_role("button", name="Create the region").click()
    expect(page.get_by_role("heading", name="Sources")).to_be_visible()


def test_a_region_shows_scores_steps_and_sources(new_page, stock):
    page = new_page(stock.admin)
    page.goto("/")
    page.get_by_role("link", name=stock.region.name).click()
    expect(page.locator("body")).to_have_attribute("data-scores", "16")
    expect(page.locator("#grid-legend")).to_contain_text("Probably disagree")
    expect(page.locator('[data-step="Describe the tiles"]')).to_have_attribute("data-done", "true")
    expect(page.locator("#source-list")).to_contain_text("CC0 1.0")
    expect(page.locator(".map-credit")).to_contain_text("3 May 2024")
    page.locator("#worst a").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile(r"^-?\d+\.\d{5}, -?\d+\.\d{5}"))
    expect(page.locator("#about")).to_contain_text("Tile19/")


def test_an_admin_chooses_which_imagery_and_map_are_used_and_a_reviewer_is_told(new_page, stock):
    older = ImageryFactory(
        region=stock.region, original_name="older.tif", captured_on=dt.date(2015, 5, 3), cog_path=stock.imagery.cog_path
    )
    colleague = UserFactory()
    RegionMember.objects.create(region=stock.region, user=colleague)
    SnapshotFactory(region=stock.region, original_name="newer.osm", taken_at=dt.datetime(2030, 1, 1, tzinfo=dt.UTC))
    page = new_page(stock.admin)
    page.goto(f"/regions/{stock.region.pk}/")
    expect(page.locator('[data-used="imagery"]')).to_have_text("In use: the newest")
    expect(page.locator("#source-list")).not_to_contain_text("Captured on3 May 2015")
    page.get_by_label("Imagery to use").select_option(label="older.tif (3 May 2015)")
    expect(page.locator('[data-used="imagery"]')).to_have_text("In use: chosen by an admin")
    expect(page.locator(".map-credit")).to_contain_text("3 May 2015")
    stock.region.refresh_from_db()
    assert stock.region.pinned_imagery == older
    expect(page.get_by_label("Map to use")).to_have_value("")
    expect(page.locator("#source-list strong").last).to_have_text("newer.osm")
    reviewer = new_page(colleague)
    reviewer.goto(f"/regions/{stock.region.pk}/")
    expect(reviewer.locator('[data-used="imagery"]')).to_have_text("In use: chosen by an admin")
    expect(reviewer.get_by_label("Imagery to use")).to_have_count(0)
    page.get_by_label("Imagery to use").select_option(label="The newest")
    expect(page.locator('[data-used="imagery"]')).to_have_text("In use: the newest")


def test_a_tile_shows_its_pair_anchor_and_neighbours(new_page, stock, watch):
    watch.expect("404 (Not Found)")
    tile = stock.changes[0].pair.tile
    page = new_page(stock.admin)
    page.goto(f"/regions/{stock.region.pk}/tiles/{tile.z}/{tile.x}/{tile.y}/")
    expect(page.locator("#anchor dt")).to_have_count(11)
    expect(page.locator("#about")).to_contain_text("100 %")
    expect(page.locator("#changes")).to_contain_text("%")
    page.keyboard.press("ArrowRight")
    page.wait_for_url(f"**/{tile.x + 1}/{tile.y}/")
    page.goto(f"/regions/{stock.region.pk}/tiles/{tile.z}/1/1/")
    expect(page.get_by_text("no image and map of this tile")).to_be_visible()


def test_the_keys_card_opens_on_every_page(new_page, stock):
    page = new_page(stock.admin)
    region = f"/regions/{stock.region.pk}"
    for path in ("/", "/jobs/", "/regions/new/", f"{region}/", f"{region}/sources/", f"{region}/training/",
                 f"{region}/changes/", f"{region}/changes/review/", f"{region}/edits/", "/search/",
                 f"{region}/landmarks/"):  # fmt: skip
        page.goto(path)
        page.wait_for_load_state("networkidle")
        page.locator("main").focus()
        page.keyboard.press("?")
        expect(page.locator("#keys-card")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator("#keys-card")).to_be_hidden()


def test_training_shows_models_and_who_may_start_one(new_page, stock):
    page = new_page(stock.admin)
    page.goto(f"/regions/{stock.region.pk}/training/")
    expect(page.locator("#models")).to_contain_text("In use")
    expect(page.get_by_role("button", name="Start the training")).to_be_visible()
    reviewer = new_page(UserFactory())
    reviewer.goto(f"/regions/{stock.region.pk}/training/")
    expect(reviewer.locator("#models")).to_contain_text("In use")
    expect(reviewer.get_by_role("button", name="Start the training")).to_have_count(0)


def test_jobs_show_their_state(new_page, stock):
    page = new_page(stock.admin)
    page.goto("/jobs/")
    expect(page.locator(".job-card")).to_have_count(3)
    page.get_by_label("State").select_option("failed")
    expect(page.get_by_role("heading", name="No jobs")).to_be_visible()


def test_the_theme_is_kept_and_everything_has_a_name(new_page, stock):
    page = new_page(stock.admin)
    page.goto("/")
    page.get_by_role("button", name="Change the colours").click()
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.goto(f"/regions/{stock.region.pk}/changes/review/")
    assert nameless(page) == []


def nameless(page: Page) -> list[str]:
    """Controls without a name that a screen reader could say."""
    return page.evaluate(
        """() => [...document.querySelectorAll('button, a[href], input:not([type=hidden]), select, textarea')]
        .filter((node) => node.offsetParent !== null
            && !(node.textContent.trim() || node.ariaLabel || node.title || node.labels?.length))
        .map((node) => node.outerHTML)"""
    )
