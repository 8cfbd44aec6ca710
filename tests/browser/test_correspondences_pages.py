"""The pages around the control-point editor: matching, batches, proposals, reports; and what axe-core finds there."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from annotation.common.models import Job
from annotation.correspondences.models import Correspondences
from annotation.review.models import Batch, QueueItem
from mlcore.geometry.transform import shift_of
from tests.browser.keys import press
from tests.browser.matched import pairs_of, propose
from tests.browser.patience import patient
from tests.browser.stock import Stock
from tests.browser.test_accessibility import in_both
from tests.browser.test_correspondences import mark
from tests.browser.test_queue import until
from tests.factories import UserFactory
from tests.factories_correspondences import MapScanFactory, ScanProposalFactory, adjust, answer, make_batch, take


def open_overview(page: Page, stock: Stock) -> None:
    page.goto(f"/regions/{stock.region.pk}/correspondences/")
    page.wait_for_load_state("networkidle")


@pytest.fixture
def rows(stock: Stock) -> list[Correspondences]:
    """Proposals on three tiles, and one tile without a match."""
    pairs = pairs_of(stock)
    return [*(propose(pair) for pair in pairs[:3]), propose(pairs[3], most=0)]


def differ(stock: Stock) -> Batch:
    """A batch of one tile on which two people differ."""
    ana, ben = UserFactory(username="ana"), UserFactory(username="ben")
    batch = make_batch(stock.region, user=stock.admin, plan="random", number=1, second_share=1.0)
    answer(ana, take(ana, batch))
    adjust(ben, take(ben, batch), shift_of(12.0, -2.0), checks=[5])
    return batch


def test_an_admin_starts_the_matching_and_stops_it(new_page, stock):
    page = new_page(stock.admin)
    open_overview(page, stock)
    expect(page.locator("#proposals")).to_contain_text("No proposal here")
    page.get_by_label("Matcher").select_option("sift")
    page.get_by_role("button", name="Match the tiles").click()
    expect(page.locator("#job")).to_contain_text("Under way")
    job = Job.objects.get(kind="correspondences.propose")
    assert (job.params["matcher"], job.created_by) == ("sift", stock.admin)
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#job")).to_contain_text("Start it again")


def test_the_tiles_are_matched_by_a_worker_and_what_it_proposes_is_reviewed(new_page, stock, worker):
    page = new_page(stock.admin)
    open_overview(page, stock)
    page.get_by_label("Matcher").select_option("structure")
    page.get_by_role("button", name="Match the tiles").click()
    expect(page.locator("#job")).to_contain_text("Last run", timeout=patient(300_000))
    job, rows = Job.objects.get(kind="correspondences.propose"), Correspondences.objects.filter(region=stock.region)
    assert job.result["matched"] >= 1 and job.result["matched"] + job.result["refused"] == rows.count()
    expect(page.locator("#job")).to_contain_text(f"{job.result['matched']} matched")
    expect(page.locator("#counts")).to_contain_text(re.compile(f"{rows.count()}\\s*waiting"))
    expect(page.locator("#proposals tr")).to_have_count(min(25, rows.count()))
    page.get_by_label("Name").fill("All of it")
    page.get_by_label("Plan").select_option(label="All of them")
    page.get_by_label("Second answers, %").fill("0")
    page.get_by_role("button", name="Start", exact=True).click()
    page.get_by_role("link", name="Review All of it").click()
    expect(page.locator("#evidence")).to_contain_text("agree")
    press(page, "a")
    until(lambda: rows.filter(state="verified").count() == 1)
    page.goto(f"/regions/{stock.region.pk}/correspondences/")
    page.get_by_label("Matcher").select_option("structure")
    page.get_by_role("button", name="Match the tiles").click()  # again: nothing is looked at twice
    expect(page.locator("#job")).to_contain_text(f"{rows.count()} looked at before", timeout=patient(120_000))


def test_a_reviewer_sees_what_is_offered_and_starts_nothing(new_page, stock, rows):
    page = new_page(UserFactory())
    open_overview(page, stock)
    expect(page.locator("#matchers-offered")).to_contain_text("Offered here: Structure, Sift")
    expect(page.locator("#counts")).to_contain_text(re.compile("4\\s*waiting\\s*1\\s*of them without a match"))
    for name in ("Match the tiles", "Start"):
        expect(page.get_by_role("button", name=name, exact=True)).to_have_count(0)


def test_every_proposal_is_listed_with_its_offset_and_leads_to_its_tile(new_page, stock, rows):
    rejected = rows[1]
    Correspondences.objects.filter(pk=rejected.pk).update(state="rejected")
    page = new_page(stock.admin)
    open_overview(page, stock)
    lines = page.locator("#proposals tr")
    expect(lines).to_have_count(4)
    expect(lines.first).to_contain_text("no match: 4 points agree, 9 needed")
    expect(lines.last).to_contain_text("to the north-east")
    page.get_by_label("State").select_option("rejected")
    expect(lines).to_have_count(1)
    tile = rejected.pair.tile
    page.locator(f"main a[href$='/tiles/{tile.z}/{tile.x}/{tile.y}/']").click()
    expect(page.locator("#about")).to_contain_text(f"{tile.z}/{tile.x}/{tile.y}")


def test_a_batch_is_started_given_to_others_and_closed(new_page, stock, rows, watch):
    watch.expect("400 (Bad Request)")
    for name in ("grace", "hedy"):
        UserFactory(username=name)
    page = new_page(stock.admin)
    open_overview(page, stock)
    page.get_by_label("Name").fill("North side")
    page.get_by_label("Plan").select_option(label="Most uncertain")
    page.get_by_label("Also tiles without a match").check()
    page.get_by_label("For", exact=True).select_option(label="grace")
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.locator("#start")).to_contain_text("a second answer needs a second person")
    page.get_by_label("For", exact=True).select_option(label=["grace", "hedy"])
    page.get_by_role("button", name="Start", exact=True).click()
    card = page.locator(".batch-card")
    expect(card).to_contain_text("4 tiles, most uncertain first, those without a match too, 10 % answered twice")
    expect(card).to_contain_text("for grace, hedy")
    page.get_by_role("button", name="People of North side").click()
    page.get_by_label("People", exact=True).select_option([])
    page.get_by_role("button", name="Save", exact=True).click()
    expect(card).to_contain_text("open to everyone")
    page.get_by_role("button", name="Close North side").click()
    page.get_by_role("button", name="Close it").click()
    expect(card).to_contain_text("Closed")
    assert set(QueueItem.objects.filter(batch__name="North side").values_list("state", flat=True)) == {"withdrawn"}


def test_a_batch_of_one_map_scan_is_started_and_its_proposals_are_listed(new_page, stock, rows):
    sheet, other = (MapScanFactory(region=stock.region, original_name=name, made={"pairs": 1}) for name in "ab")
    for scan in (sheet, other):
        ScanProposalFactory(scan=scan)
    page = new_page(stock.admin)
    open_overview(page, stock)
    lines = page.locator("#proposals tr")
    page.locator("#scan").select_option(label="Scan a")
    expect(lines).to_have_count(1)
    expect(lines).to_contain_text("scan a")
    page.get_by_label("Name").fill("One sheet")
    page.get_by_label("Second answers, %").fill("0")
    page.locator("#start-scan").select_option(label="Scan a")
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.locator(".batch-card")).to_contain_text("1 tile at random, pairs of a map scan")
    assert Batch.objects.get().options["scan"] == sheet.pk
    assert QueueItem.objects.get(stage="correspondences").correspondences_review.correspondences.scan == sheet


def test_where_there_is_no_map_scan_none_is_asked_for(new_page, stock, rows):
    page = new_page(stock.admin)
    open_overview(page, stock)
    expect(page.locator("#start-scan")).to_be_hidden()
    expect(page.locator("#scan")).to_be_hidden()


def test_a_disagreement_is_settled_from_its_card_and_the_report_tells_the_distance(new_page, stock, rows):
    differ(stock)
    page = new_page(stock.admin)
    open_overview(page, stock)
    expect(page.locator(".batch-card")).to_contain_text("1 disagreement waits for a third person")
    page.get_by_role("link", name="Report of Trial").click()
    expect(page.get_by_role("region", name="Agreement of two people")).to_contain_text(re.compile(r"2\.\d m"))
    expect(page.get_by_role("region", name="By reviewer")).to_contain_text("ben")
    expect(page.locator("#report")).to_contain_text("1 tile waits for a third person")
    page.go_back()
    page.get_by_role("link", name="Settle it").click()
    expect(page.locator("#apart")).to_contain_text("apart on average; up to 0.75 m counts as the same")


@pytest.mark.parametrize("size", [(1024, 768), (820, 1180)])
def test_on_a_tablet_points_are_chosen_and_moved_by_a_finger(new_page, stock, size):
    propose(pairs_of(stock)[0], most=4, apart_px=60)
    batch = make_batch(stock.region, user=stock.admin)
    page = new_page(stock.admin, has_touch=True, is_mobile=True)
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.goto(f"/regions/{stock.region.pk}/correspondences/review/?batch={batch.pk}")
    expect(page.locator("#review")).to_be_visible()
    page.wait_for_load_state("networkidle")
    number = page.locator("#map .cp").first.get_attribute("data-number")
    box = mark(page, int(number)).bounding_box()
    assert min(box["width"], box["height"]) >= 40
    mark(page, int(number)).tap()
    expect(page.locator("#selected-what")).to_contain_text(f"Point {number}, image")
    west = page.get_by_role("button", name="Move it to the west by 0.1 px")
    assert west.bounding_box()["height"] >= 36
    before = page.locator("#selected-what").inner_text()
    west.tap()
    expect(page.locator("#selected-what")).not_to_have_text(before)
    expect(page.locator("#accept-label")).to_have_text("Save corrected")
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0
    for one in ("accept", "reject", "cant-tell", "undo", "flag"):
        expect(page.locator(f"#{one}")).to_be_in_viewport(ratio=1)


def test_no_page_has_a_serious_finding(new_page, stock, rows, axe):
    batch = differ(stock)
    waiting = make_batch(stock.region, user=stock.admin, no_match=True)
    region = f"/regions/{stock.region.pk}/correspondences"
    page = new_page(stock.admin)
    found = {}
    for path in (f"{region}/", f"{region}/batches/{batch.pk}/", f"{region}/disagreements/?batch={batch.pk}",
                 f"{region}/review/?batch={waiting.pk}"):  # fmt: skip
        page.goto(path)
        page.wait_for_load_state("networkidle")
        found[path] = in_both(page, axe)
    expect(page.locator("#review")).to_be_visible()
    page.locator(".point-name").first.click()
    page.keyboard.press("Shift+ArrowRight")
    press(page, "t")
    page.keyboard.press("n")
    press(page, "c")
    expect(page.locator("#reasons")).to_be_visible()
    found["editing"] = in_both(page, axe)
    page.keyboard.press("?")
    expect(page.locator("#keys-card")).to_be_visible()
    found["keys"] = in_both(page, axe)
    assert {path: lines for path, lines in found.items() if lines} == {}
