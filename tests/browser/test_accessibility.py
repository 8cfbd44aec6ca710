"""Every page in light and dark against the rules of WCAG 2.2 A and AA that a machine can check (axe-core)."""

from __future__ import annotations

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from annotation.consistency.models import TileScore
from annotation.edits.services.changesets import create
from annotation.geolocation.services.images import PREVIEW, image_folder
from tests.browser.stock import Stock, stock_region
from tests.factories import JobFactory, UserFactory
from tests.factories_anchors import answer, make_batch, take
from tests.factories_changes import save_decision
from tests.factories_geolocation import PlacementCandidateFactory, UnplacedImageFactory

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture
def stock(town, town_files, live_server) -> Stock:
    """The stocked region, with an answer, a changeset and jobs in every state."""
    stock = stock_region(town, town_files)
    accepted = stock.changes[0]
    save_decision(stock.admin, accepted)
    create(user=stock.admin, region=stock.region, comment="Buildings", source="", change_ids=[accepted.pk])
    for state in ("queued", "running", "failed", "cancelled"):
        JobFactory(scope_id=stock.region.pk, created_by=stock.admin, kind="learning.train", state=state)
    return stock


SETTLED = """() => document.getAnimations()
    .filter((one) => one.effect.getComputedTiming().iterations !== Infinity)
    .forEach((one) => one.finish())"""
"""Colours fade from one theme to the other: what is between them is no colour of either."""


def findings(page: Page, axe: str) -> list[str]:
    """What axe-core finds serious or critical on the page as it is, one line each."""
    page.evaluate(SETTLED)
    page.evaluate(axe)
    found = page.evaluate(
        "tags => axe.run({runOnly: {type: 'tag', values: tags}, resultTypes: ['violations']})"
        ".then(result => result.violations)",
        RULES,
    )
    lines = [
        f"{one['id']}: {node['html'][:160]} ({node['failureSummary'][:200]})"
        for one in found
        if one["impact"] in {"serious", "critical"}
        for node in one["nodes"]
    ]
    print(*lines, sep="\n")  # whole, where a failed test is told
    return lines


def test_the_check_itself_finds_what_is_wrong(new_page, axe):
    page = new_page()
    page.set_content("<html lang='en'><title>Wrong</title><main><button></button></main></html>")
    assert [line.split(":")[0] for line in findings(page, axe)] == ["button-name"]


def anchor_pages(stock: Stock) -> list[str]:
    """Pages of the review of anchors, each with something on it: a bench, a disagreement, a report with every table."""
    ana, ben = UserFactory(), UserFactory()
    batch = make_batch(stock.region, user=stock.admin, plan="random", number=3, second_share=1.0)
    for decision in ("correct", "reject"):
        answer(ana, take(ana, batch))
        answer(ben, take(ben, batch), decision)
    region = f"/regions/{stock.region.pk}"
    return [
        f"{region}/anchors/review/?batch={batch.pk}", f"{region}/anchors/disagreements/?batch={batch.pk}",
        f"{region}/anchors/batches/", f"{region}/anchors/batches/{batch.pk}/", f"{region}/activity/?stage=anchors",
    ]  # fmt: skip


def image_pages(stock: Stock) -> list[str]:
    """Pages of images without a place: the list, one with a place, one that was not found."""
    found = PlacementCandidateFactory(
        image__owner=stock.admin,
        image__state="candidates",
        image__warnings=["it was found far off"],
        agreeing=9,
        asked=12,
    )
    lost = UnplacedImageFactory(owner=stock.admin, state="not_found", error_code="not_here", error_detail="nowhere")
    for image in (found.image, lost):
        (image_folder(image.pk)).mkdir(parents=True, exist_ok=True)
        picture = Image.new("RGB", (image.width, image.height), (90, 120, 80))
        picture.save(image_folder(image.pk) / PREVIEW)
    return ["/images/", f"/images/{found.image.pk}/", f"/images/{lost.pk}/"]


def in_both(page: Page, axe: str) -> list[str]:
    """What is found on the page as it is in light and in dark: it is loaded once for both."""
    lines: list[str] = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        lines += [f"{scheme}: {line}" for line in findings(page, axe)]
    return lines


def of_pages(page: Page, paths: list[str], axe: str) -> dict[str, list[str]]:
    """What is found on pages, by path; nothing of those where nothing is."""
    found = {}
    for path in paths:
        page.goto(path)
        page.wait_for_load_state("networkidle")
        found[path] = in_both(page, axe)
    return {path: lines for path, lines in found.items() if lines}


def test_no_page_has_a_serious_finding(new_page, stock, axe, watch):
    watch.expect("404 (Not Found)")
    region = f"/regions/{stock.region.pk}"
    tile = stock.changes[0].pair.tile
    paths = [
        "/", "/jobs/", "/regions/new/", f"{region}/", f"{region}/sources/", f"{region}/training/",
        f"{region}/changes/", f"{region}/changes/review/", f"{region}/edits/",
        f"{region}/changes/{stock.changes[0].pk}/", "/account/",
        f"{region}/tiles/{tile.z}/{tile.x}/{tile.y}/", f"{region}/tiles/{tile.z}/1/1/",
        "/search/", "/search/?q=river", f"{region}/landmarks/",
    ]  # fmt: skip
    assert of_pages(new_page(stock.admin), paths, axe) == {}


def test_no_page_of_anchors_or_images_has_a_serious_finding(new_page, stock, axe):
    assert of_pages(new_page(stock.admin), anchor_pages(stock) + image_pages(stock), axe) == {}


def test_nothing_that_is_opened_on_a_page_has_a_serious_finding(new_page, stock, axe):
    region = f"/regions/{stock.region.pk}"
    TileScore.objects.filter(scan=stock.scan).update(
        shift_east_m=2.0, shift_north_m=1.0, shift_confidence=0.9, shift_origin="verified"
    )
    page = new_page(stock.admin)
    page.goto(f"{region}/")
    page.get_by_label("Offsets").check()
    expect(page.locator("#offset-legend")).to_contain_text("verified by people")
    assert in_both(page, axe) == []
    page.goto(f"{region}/changes/review/")
    expect(page.locator("#review")).to_be_visible()
    page.locator("#review .why summary").last.click()
    page.keyboard.press("?")
    expect(page.locator("#keys-card")).to_be_visible()
    assert in_both(page, axe) == []
    guest = new_page()
    guest.goto("/login/")
    assert in_both(guest, axe) == []
