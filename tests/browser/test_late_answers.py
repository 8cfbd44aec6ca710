"""What a page gets late draws over nothing that a person did meanwhile; nothing can be pressed before it is ready."""

from __future__ import annotations

import json
import re
from urllib.parse import parse_qs

from playwright.sync_api import Page, expect

from annotation.common.models import Job
from annotation.review.models import Batch, QueueItem
from tests.browser.holding import Held, first_only
from tests.browser.keys import press
from tests.browser.stock import Stock
from tests.browser.test_queue import open_queue
from tests.factories import ImageryFactory, JobFactory, UserFactory


def changes_of(stock: Stock) -> str:
    return f"/regions/{stock.region.pk}/changes/"


def pressed_twice(page: Page, selector: str) -> None:
    page.locator(selector).evaluate("button => { button.click(); button.click(); }")


def test_nothing_of_a_page_can_be_pressed_before_its_modules_listen(new_page, stock):
    page = new_page(stock.admin)
    modules = Held(page, "**/js/changes/list.js*")
    page.goto(changes_of(stock), wait_until="commit")
    modules.come()
    expect(page.locator("#main")).to_have_js_property("inert", True)
    page.get_by_text("Saved filters", exact=False).first.evaluate("summary => summary.focus()")
    assert page.evaluate("document.activeElement === document.body")
    modules.let_go()
    expect(page.locator("#main")).to_have_js_property("inert", False)
    page.get_by_text("Saved filters").click()
    page.get_by_role("button", name="Save this filter").click()
    expect(page.get_by_role("dialog", name="Save this filter")).to_be_visible()


def test_a_group_that_is_left_while_it_is_widened_stays_left(new_page, stock):
    page = new_page(stock.admin)
    QueueItem.objects.filter(kind="remove").delete()
    open_queue(page, stock)
    press(page, "d")
    expect(page.locator("#group-bar")).to_be_visible()
    wider = Held(page, "**/group/?reach=around")
    page.keyboard.press("d")
    wider.come()
    page.keyboard.press("Escape")
    expect(page.locator("#group-bar")).to_be_hidden()
    wider.let_go()
    with page.expect_response("**/group/?reach=tile"):
        page.keyboard.press("d")  # what the late answer began would widen, not begin
    expect(page.locator("#group-bar")).to_be_visible()
    expect(page.locator("#group-reach")).to_have_attribute("aria-pressed", "false")


def test_a_shape_that_is_adjusted_meanwhile_is_not_put_away_by_a_group_that_comes_late(new_page, stock):
    page = new_page(stock.admin)
    QueueItem.objects.filter(kind="remove").delete()
    open_queue(page, stock)
    group = Held(page, "**/group/?reach=tile")
    press(page, "d")
    group.come()
    page.keyboard.press("e")
    expect(page.locator("#adjust-bar")).to_be_visible()
    group.let_go()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#adjust-undo")).to_be_enabled()
    expect(page.locator("#group-bar")).to_be_hidden()


def test_a_flag_that_is_asked_twice_is_one_and_none_once_the_item_has_its_answer(new_page, stock):
    UserFactory(username="grace")
    page = new_page(stock.admin)
    open_queue(page, stock)
    people = Held(page, "**/people/*")
    press(page, "q")
    page.keyboard.press("q")
    people.come(2)
    people.let_go()
    expect(page.get_by_role("dialog", name="Flag it to a colleague")).to_have_count(1)
    page.get_by_role("button", name="Back", exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    people = Held(page, "**/people/*")
    page.keyboard.press("q")
    people.come()
    press(page, "c")
    expect(page.locator("#tally")).to_have_text("1 decision")
    people.let_go()
    press(page, "c")  # no dialog takes the key
    expect(page.locator("#tally")).to_have_text("2 decisions")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_more_of_a_list_that_is_asked_for_twice_comes_once(new_page, stock):
    for _ in range(35):
        JobFactory(scope_id=stock.region.pk, state="succeeded")
    page = new_page(stock.admin)
    page.goto("/jobs/")
    cards = page.locator(".job-card")
    expect(cards).to_have_count(30)
    count = Job.objects.count()
    more = Held(page, "**/api/jobs/?*")
    pressed_twice(page, "#more")
    more.come()
    with page.expect_response("**/health/live/"):  # which is asked later than a second time would have been
        page.evaluate("fetch('/health/live/')")
    assert len(more.routes) == 1
    more.let_go()
    expect(page.locator("#more")).to_be_hidden()
    expect(cards).to_have_count(count)


def test_a_batch_is_started_once_there_are_people_to_choose_from(new_page, stock):
    UserFactory(username="grace")
    page = new_page(stock.admin)
    people = Held(page, "**/review/anchors/people/*")
    page.goto(f"/regions/{stock.region.pk}/anchors/batches/")
    people.come()
    start = page.get_by_role("button", name="Start", exact=True)
    expect(page.locator("#plan-words")).not_to_be_empty()
    expect(start).to_be_disabled()
    people.let_go()
    page.get_by_label("Name").fill("For one")
    page.get_by_label("For", exact=True).select_option(label="grace")
    page.get_by_label("Second answers, %").fill("0")
    start.click()
    expect(page.locator(".batch-card")).to_contain_text("for grace")
    assert not Batch.objects.get().open_to_all


def test_all_that_fit_are_those_of_the_filter_that_was_on_the_screen(new_page, stock):
    page = new_page(stock.admin)
    page.goto(f"{changes_of(stock)}?kind=add&state=open")
    expect(page.locator("#count")).to_have_text(re.compile("shown"))
    counted = Held(page, "**/changes/lots/?*")
    page.get_by_role("button", name="Reject all that fit").click()
    counted.come()
    page.get_by_label("Kind").select_option("remove")
    expect(page.locator("#count")).to_have_text(re.compile("shown"))
    counted.let_go()
    page.get_by_label("Reason").select_option("temporary")
    with page.expect_request("**/bulk-rejections/") as sent:
        page.get_by_role("button", name=re.compile(r"^Reject \d+$")).click()
    assert parse_qs(json.loads(sent.value.post_data)["query"])["kind"] == ["add"]
    expect(page.get_by_text("rejected.")).to_be_visible()
    assert set(QueueItem.objects.filter(decision="reject").values_list("kind", flat=True)) == {"add"}


def test_nothing_chosen_can_be_rejected_while_the_last_rejection_is_read(new_page, stock):
    page = new_page(stock.admin)
    page.goto(f"{changes_of(stock)}?kind=add&state=open")
    expect(page.locator("#count")).to_have_text(re.compile("shown"))
    page.locator("#rows input[type=checkbox]").first.check()
    page.get_by_role("button", name="Reject chosen").click()
    page.get_by_label("Reason").select_option("temporary")
    told = Held(page, "**/bulk-rejections/", lambda request: request.method == "GET")
    page.get_by_role("button", name="Reject 1", exact=True).click()
    told.come()
    expect(page.get_by_role("button", name="Reject all that fit")).to_be_enabled()
    expect(page.get_by_role("button", name="Reject chosen")).to_be_disabled()
    expect(page.get_by_role("button", name="Give chosen")).to_be_disabled()
    told.let_go()
    expect(page.get_by_role("button", name="Take back the last 1")).to_be_visible()


def test_a_list_of_saved_filters_that_comes_late_does_not_hide_a_newer_one(new_page, stock):
    page = new_page(stock.admin)
    early = Held(page, "**/changes/filters/", first_only())
    page.goto(changes_of(stock))
    early.come()
    page.get_by_text("Saved filters").click()
    page.get_by_role("button", name="Save this filter").click()
    page.get_by_label("Name").fill("Mine")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#saved-filters")).to_contain_text("Mine")
    (route,) = early.routes
    with page.expect_response(lambda response: response.request == route.request):
        route.fulfill(status=200, content_type="application/json", body="[]")
    # What is asked after the late answer has come is drawn after it as well.
    page.evaluate("fetch('/health/live/').then((answer) => answer.text())")
    expect(page.locator("#saved-filters")).to_contain_text("Mine")


def test_an_import_that_ends_is_told_once_however_often_its_list_was_drawn(new_page, stock):
    job = JobFactory(kind="sources.import_imagery", scope_id=stock.region.pk, state="running")
    for name in ("a.tif", "b.tif"):
        ImageryFactory(region=stock.region, original_name=name, state="failed")
    ImageryFactory(region=stock.region, state="pending", original_name="slow.tif", job=job)
    page = new_page(stock.admin)
    followed = Held(page, f"**/api/jobs/{job.pk}/")
    page.goto(f"/regions/{stock.region.pk}/sources/")
    expect(page.locator("#imagery .source-card")).to_have_count(4)
    followed.come()
    for times, name in enumerate(("a.tif", "b.tif")):
        page.get_by_role("button", name=f"Remove {name}").click()
        page.get_by_role("button", name="Remove it").click()
        followed.come(2 + times)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/imagery/") else None)
    job.state = "succeeded"
    job.save()
    with page.expect_request(lambda request: request.url.endswith("/imagery/")):
        followed.let_go()
    page.wait_for_load_state("networkidle")
    assert len(asked) == 1
