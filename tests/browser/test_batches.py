"""Batches in the browser: one click to inspect, blind second answers, settling, reports, files, the page of acts."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from annotation.anchors.models import Anchor
from annotation.review.models import Batch, QueueItem
from tests.browser.keys import press
from tests.browser.screens import shot
from tests.browser.stock import Stock
from tests.browser.test_bench import open_bench
from tests.browser.test_queue import saved
from tests.factories import UserFactory
from tests.factories_anchors import answer, make_batch, take


def open_batches(page: Page, stock: Stock) -> None:
    page.goto(f"/regions/{stock.region.pk}/anchors/batches/")
    page.wait_for_load_state("networkidle")


def differ(stock: Stock) -> Batch:
    """A batch of one anchor on which two people differ."""
    ana, ben = UserFactory(username="ana"), UserFactory(username="ben")
    batch = make_batch(stock.region, user=stock.admin, plan="random", number=1, second_share=1.0)
    answer(ana, take(ana, batch))
    answer(ben, take(ben, batch), "reject", reason="mostly_wrong")
    return batch


def test_one_click_draws_an_inspection_and_its_card_says_how_much_was_accepted(new_page, stock):
    page = new_page(stock.admin)
    open_batches(page, stock)
    page.get_by_role("button", name="Inspect 500 at random").click()
    expect(page.locator("#review")).to_be_visible()
    for key in ("a", "a", "a", "r"):
        press(page, key)
        expect(page.locator("#review")).to_be_visible()
    press(page, "1")
    saved(page)
    open_batches(page, stock)
    expect(page.locator(".batch-card")).to_contain_text(
        re.compile(r"4 of \d+ inspected, 75\.0 % accepted \(30\.1 to 95\.4 %\)")
    )
    page.get_by_role("link", name="Report of Inspection of 500").click()
    expect(page.locator("#verdict")).to_contain_text("4 inspected, 75.0 % accepted")
    expect(page.get_by_role("region", name="By reviewer")).to_contain_text("ada")


def test_a_batch_is_started_for_somebody_and_closed(new_page, stock, watch):
    watch.expect("400 (Bad Request)")
    UserFactory(username="grace")
    page = new_page(stock.admin)
    open_batches(page, stock)
    page.get_by_label("Name").fill("North side")
    page.get_by_label("Plan").select_option(label="By strata")
    page.get_by_label("Strata").select_option(label="Land use")
    page.get_by_label("How many").fill("6")
    page.get_by_label("For", exact=True).select_option(label="grace")
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.locator("#start")).to_contain_text("a second answer needs a second person")
    page.get_by_label("Second answers, %").fill("0")
    page.get_by_role("button", name="Start", exact=True).click()
    card = page.locator(".batch-card")
    expect(card).to_contain_text("6 anchors by strata of land use; for grace")
    card.get_by_role("button", name="Close North side").click()
    page.get_by_role("button", name="Close it").click()
    expect(card).to_contain_text("Closed")
    assert set(QueueItem.objects.filter(batch__name="North side").values_list("state", flat=True)) == {"withdrawn"}


def test_who_answered_alone_is_told_that_the_rest_is_for_somebody_else(new_page, stock):
    batch = make_batch(stock.region, user=stock.admin, plan="random", number=1, second_share=1.0)
    page = new_page(stock.admin)
    open_bench(page, batch)
    press(page, "a")
    expect(page.locator("#no-item")).to_contain_text("The rest is for somebody else")


def test_a_third_person_settles_a_disagreement_by_one_key(new_page, stock):
    batch = differ(stock)
    cleo = UserFactory(username="cleo")
    page = new_page(cleo)
    open_batches(page, stock)
    page.get_by_role("link", name="Settle it").click()
    expect(page.locator("#answers-given")).to_contain_text("First: accepted")
    expect(page.locator("#answers-given")).to_contain_text("Second: rejected (Mostly wrong)")
    expect(page.locator("main")).not_to_contain_text("ana")
    press(page, "k")
    saved(page)
    assert Anchor.objects.filter(state="rejected").count() == 1
    expect(page.locator("#no-item")).to_contain_text("Every disagreement has an answer")
    assert batch.items.filter(stage="anchor-adjudication", decided_by=cleo).count() == 1


def test_the_report_shows_agreement_confusion_and_reasons(new_page, stock):
    batch = differ(stock)
    cleo = UserFactory(username="cleo")
    answer(cleo, take(cleo, batch, "anchor-adjudication"), "correct")
    anchor = Anchor.objects.get(state="corrected")
    changed = next(name for name, value in anchor.attributes.items() if anchor.final_attributes[name] != value)
    page = new_page(stock.admin)
    page.goto(f"/regions/{stock.region.pk}/anchors/batches/{batch.pk}/")
    expect(page.get_by_role("region", name="Agreement of two people")).to_contain_text("The whole anchor")
    expect(page.get_by_role("region", name=f"Confusion of {changed.replace('_', ' ').capitalize()}")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    lines = Path(download.value.path()).read_text().splitlines()
    assert len(lines) == 4 and lines[0].startswith("batch,anchor,z,x,y")


def test_label_studio_gets_tasks_and_gives_annotations_back(new_page, stock, tmp_path):
    page = new_page(stock.admin)
    open_batches(page, stock)
    with page.expect_download() as download:
        page.get_by_role("link", name="Tasks for Label Studio").click()
    tasks = json.loads(Path(download.value.path()).read_text())
    for task in tasks[:2]:
        task["annotations"] = [{"id": 1, "result": task["predictions"][0]["result"]}]
    tasks[1]["annotations"][0]["result"][-1]["value"]["text"] = ["Another sentence."]
    path = tmp_path / "annotated.json"
    path.write_text(json.dumps(tasks))
    for known in ("0 known already", "2 known already"):
        page.get_by_label("Bring annotations back").set_input_files(path)
        page.get_by_role("button", name="Bring in").click()
        expect(page.locator("#brought")).to_contain_text(known)
    assert sorted(Anchor.objects.exclude(state="proposed").values_list("state", flat=True)) == ["accepted", "corrected"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_of_acts_filters_leads_to_what_each_is_about_and_is_whole_for_admins_alone(new_page, stock, scheme):
    differ(stock)
    page = new_page(stock.admin, color_scheme=scheme)
    page.goto(f"/regions/{stock.region.pk}/activity/?stage=anchors")
    expect(page.locator("#people")).to_contain_text("ben")
    expect(page.locator("#acts tr")).to_have_count(3)
    expect(page.locator("#acts tr a")).to_have_count(3)
    shot(page, f"activity-{scheme}")
    page.locator("select[name=action]").select_option(label="Decide")
    page.locator("input[name=actor]").fill("ben")
    page.locator("input[name=actor]").press("Tab")
    expect(page.locator("#acts tr")).to_have_count(1)
    expect(page.locator("#acts")).to_contain_text("Decision: reject")
    page.locator("#acts a").click()
    expect(page).to_have_url(re.compile(r"/tiles/\d+/\d+/\d+/$"))
    expect(page.locator("#anchor")).to_contain_text("Described by")
    theirs = new_page(UserFactory(username="cleo"))
    theirs.goto(f"/regions/{stock.region.pk}/activity/?stage=anchors")
    expect(theirs.locator("#people")).to_contain_text("ben")
    expect(theirs.locator("#acts")).to_have_count(0)


def test_an_editor_says_for_whom_a_batch_is_after_it_was_started(new_page, stock):
    UserFactory(username="grace")
    batch = make_batch(stock.region, user=stock.admin)
    page = new_page(stock.admin)
    open_batches(page, stock)
    expect(page.locator(".batch-card")).to_contain_text("open to everyone")
    page.get_by_role("button", name=f"People of {batch.name}").click()
    page.get_by_label("People", exact=True).select_option(label="grace")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".batch-card")).to_contain_text("for grace")
    batch.refresh_from_db()
    assert not batch.open_to_all
