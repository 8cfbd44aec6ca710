"""A part of the queue, from its filters to its end: drawn on the map, decided, rejected together, taken back."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.gis.geos import Polygon
from django.utils import timezone
from playwright.sync_api import Page, expect

from annotation.changes.models import BulkRejection, Change, SavedFilter
from annotation.changes.services import reject_many
from annotation.review.models import QueueItem, Verdict
from tests.browser.keys import press
from tests.browser.screens import shot, shots
from tests.browser.stock import Stock
from tests.browser.test_accessibility import in_both
from tests.browser.test_queue import until
from tests.factories import UserFactory
from tests.factories_changes import ChangeFactory


def open_list(page: Page, stock: Stock, query: str = "") -> None:
    page.goto(f"/regions/{stock.region.pk}/changes/{query}")
    expect(page.locator("#count")).to_have_text(re.compile("shown"))


def draw_box(page: Page, share: float = 1.0) -> None:
    """Draw a box over the west of the list's map, `share` of its width."""
    page.get_by_role("button", name="Draw a box").click()
    box = page.locator("#list-map").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 4, box["y"] + 4)
    page.mouse.move(box["x"] + 60, box["y"] + 60)
    page.mouse.click(box["x"] + box["width"] * share - 60, box["y"] + box["height"] - 40)
    expect(page.get_by_role("button", name="Without: In the drawn area")).to_be_visible()


def drawn(page: Page) -> Polygon:
    (area,) = parse_qs(urlsplit(page.url).query)["area"]
    shape = Polygon.from_bbox([float(one) for one in area.split(",")])
    shape.srid = 4326
    return shape


@pytest.fixture
def stock(stock: Stock) -> Stock:
    """The stocked region with a row of sheds on its first tile, none quite sure."""
    pair = stock.changes[0].pair
    west, south, east, north = pair.tile.geometry.extent
    for number in range(6):
        x, y = west + (east - west) * (0.1 + 0.13 * number), (south + north) / 2
        shed = Polygon.from_bbox((x, y, x + (east - west) * 0.06, y + (north - south) * 0.06))
        shed.srid = 4326
        change = ChangeFactory(
            scan=stock.scan, pair=pair, geometry=shed, confidence=0.6 - number / 100, fingerprint=f"shed {number}"
        )
        stock.changes.append(change)
    return stock


def test_filter_by_kind_and_area_decide_two_reject_three_together_and_take_these_back(new_page, stock):
    kind = "add"
    page = new_page(stock.admin)
    open_list(page, stock)
    page.get_by_label("Kind").select_option(kind)
    draw_box(page)
    fits = Change.objects.filter(kind=kind, geometry__intersects=drawn(page))
    assert fits.count() >= 5, "the town has enough of a kind"
    expect(page.locator("#count")).to_have_text(f"{fits.count()} shown")
    shot(page, "list-filtered")
    page.get_by_role("link", name="Review these").click()
    expect(page.locator("#question")).to_be_visible()
    expect(page.get_by_role("button", name="Without: In the drawn area")).to_be_visible()
    expect(page.locator("#left")).to_have_text(f"{fits.count()} left")
    shot(page, "queue-filtered")
    for number in (1, 2):
        press(page, "c")
        until(lambda number=number: Verdict.objects.count() == number)
    answered = set(Verdict.objects.values_list("item", flat=True))
    assert answered <= set(fits.values_list("item", flat=True))

    page.get_by_role("link", name="Filters", exact=True).click()
    expect(page.locator("#count")).to_have_text(re.compile("shown"))  # what is drawn first is there
    page.get_by_label("State").select_option("open")
    expect(page.locator("#count")).to_have_text(f"{fits.count() - 2} shown")
    for box in page.get_by_role("checkbox", name=re.compile("Choose change")).all()[:3]:
        box.check()
    page.get_by_role("button", name="Reject chosen").click()
    page.get_by_label("Reason").select_option("temporary")
    page.get_by_label("Comment").fill("sheds")
    shot(page, "bulk-reject")
    page.get_by_role("button", name="Reject 3").click()
    expect(page.get_by_text("3 candidates rejected.")).to_be_visible()
    rejected = Verdict.objects.filter(decision="reject", reason="temporary", comment="sheds", reviewer=stock.admin)
    assert rejected.count() == 3
    page.get_by_role("button", name="Undo all").click()
    expect(page.get_by_text("3 rejections taken back.")).to_be_visible()
    assert not QueueItem.objects.filter(decision="reject").exists()
    expect(page.locator("#count")).to_have_text(f"{fits.count() - 2} shown")


@pytest.fixture
def by_twos(monkeypatch):
    monkeypatch.setattr(reject_many, "CHUNK", 2)


def reject_all(page: Page) -> None:
    page.get_by_role("button", name="Reject all that fit").click()
    page.get_by_label("Reason").select_option("temporary")
    page.get_by_role("button", name=re.compile(r"^Reject \d+$")).click()


def test_a_rejection_of_many_that_breaks_off_is_offered_on_the_spot_and_after_a_reload(new_page, stock, by_twos, watch):
    watch.expect("403")
    page = new_page(stock.admin)
    open_list(page, stock, "?kind=add&state=open")
    many = QueueItem.objects.filter(kind="add", state="open").count()
    asked: list[str] = []

    def refuse_the_second(route) -> None:
        asked.append(route.request.url)
        if len(asked) == 2:
            route.fulfill(status=403, content_type="application/json", body='{"code": "no", "detail": "Not now."}')
        else:
            route.continue_()

    page.route("**/bulk-rejections/*/next/", refuse_the_second)
    reject_all(page)
    text = page.get_by_text(f"2 of {many} candidates to be rejected are gone through so far.")
    expect(text).to_be_visible()
    expect(page.get_by_text("Not now.")).to_be_visible()
    open_list(page, stock, "?kind=add&state=open")
    expect(text).to_be_visible()
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_text(f"{many} candidates rejected.")).to_be_visible()
    open_list(page, stock)
    page.get_by_role("button", name=f"Take back the last {many}").click()
    expect(page.get_by_text(f"{many} rejections taken back.")).to_be_visible()
    assert not QueueItem.objects.filter(decision="reject").exists()
    expect(page.get_by_role("button", name="Take back the last")).to_be_hidden()


def test_a_rejection_of_many_that_is_taken_back_elsewhere_ends(new_page, stock, by_twos):
    page = new_page(stock.admin)
    open_list(page, stock, "?kind=add&state=open")
    asked: list[str] = []

    def taken_back(route) -> None:
        asked.append(route.request.url)
        if len(asked) == 2:
            BulkRejection.objects.update(undo_begun_at=timezone.now())
        route.continue_()

    page.route("**/bulk-rejections/*/next/", taken_back)
    reject_all(page)
    expect(page.get_by_text("0 of 2 rejections are taken back so far.")).to_be_visible()
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_text("2 rejections taken back.")).to_be_visible()
    assert len(asked) == 2


def test_a_server_that_is_away_for_a_moment_is_asked_again(new_page, stock, by_twos, watch):
    watch.expect("503")
    page = new_page(stock.admin)
    open_list(page, stock, "?kind=add&state=open")
    many = QueueItem.objects.filter(kind="add", state="open").count()
    asked: list[str] = []

    def away_once(route) -> None:
        asked.append(route.request.url)
        if len(asked) == 1:
            route.fulfill(status=503, content_type="application/json", body='{"code": "away", "detail": "Away."}')
        else:
            route.continue_()

    page.route("**/bulk-rejections/*/next/", away_once)
    reject_all(page)
    expect(page.get_by_text(f"{many} candidates rejected.")).to_be_visible()


def test_lots_and_the_nearest_first_are_chosen_on_the_page_of_the_queue(new_page, stock):
    page = new_page(stock.admin)
    page.goto(f"/regions/{stock.region.pk}/changes/review/")
    sure = sum(change.confidence >= 0.9 for change in stock.changes)
    lot = page.get_by_role("button", name=f"Judgement calls: {len(stock.changes) - sure} left")
    lot.click()
    expect(page).to_have_url(re.compile(r"\?lot=judgement$"))
    expect(page.get_by_role("button", name="Without: Judgement calls")).to_be_visible()
    expect(page.locator("#question")).to_be_visible()
    page.keyboard.press("n")
    expect(page.get_by_label("Nearest first")).to_be_checked()
    until(lambda: QueueItem.objects.filter(lease_holder=stock.admin).count() == 3)
    first = Change.objects.filter(confidence__lt=0.9).order_by("-confidence").first()
    others = Change.objects.filter(confidence__lt=0.9).exclude(pk=first.pk)
    nearest = min(others, key=lambda one: one.geometry.distance(first.geometry.centroid))
    until(lambda: QueueItem.objects.get(pk=nearest.item_id).lease_holder_id == stock.admin.pk)


def test_a_filter_is_saved_chosen_and_given_a_feed(new_page, stock):
    page = new_page(stock.admin)
    open_list(page, stock, "?kind=add&min_square_m=20")
    page.get_by_text("Saved filters").click()
    page.get_by_role("button", name="Save this filter").click()
    page.get_by_label("Name").fill("Large new ones")
    page.get_by_label("Others who see this region find it too").check()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("button", name="Large new ones", exact=True)).to_be_visible()
    page.get_by_role("button", name="Without: Missing from the map").click()
    page.get_by_role("button", name="Large new ones", exact=True).click()
    expect(page.get_by_role("button", name="Without: Missing from the map")).to_be_visible()
    page.get_by_role("button", name="Feed: Large new ones").click()
    page.get_by_role("button", name="Make its addresses").click()
    link = page.get_by_role("link", name="JSON Feed")
    expect(link).to_be_visible()
    told = page.request.get(link.get_attribute("href") or "").json()
    assert len(told["items"]) == Change.objects.filter(kind="add", square_m__gte=20).count()
    kept = SavedFilter.objects.get()
    assert (kept.shared, kept.query) == (True, "kind=add&min_square_m=20")


def test_the_filtered_pages_read_well_in_both_themes(new_page, stock, axe):
    page = new_page(stock.admin)
    open_list(page, stock, "?kind=add&min_square_m=20&tag=building")
    page.get_by_text("More filters").click()
    page.get_by_text("Saved filters").click()
    shots(page, "list-more", whole=True)
    assert in_both(page, axe) == []
    page.goto(f"/regions/{stock.region.pk}/changes/review/?lot=judgement&min_square_m=20")
    expect(page.locator("#lots button")).to_have_count(2)
    shots(page, "queue-lots")
    assert in_both(page, axe) == []


def test_chosen_ones_are_given_to_a_colleague_for_some_days(new_page, stock):
    ben = UserFactory(username="ben")
    page = new_page(stock.admin)
    open_list(page, stock, "?state=open&kind=add")
    for box in page.get_by_role("checkbox", name=re.compile("Choose change")).all()[:2]:
        box.check()
    page.get_by_role("button", name="Give chosen to").click()
    page.get_by_label("Person").select_option("ben")
    page.get_by_label("For", exact=True).select_option("3")
    page.get_by_role("button", name="Give them").click()
    expect(page.get_by_text("2 candidates given to ben.")).to_be_visible()
    expect(page.get_by_text("Flagged to ben")).to_have_count(2)
    assert QueueItem.objects.filter(assigned_to=ben, assigned_until__isnull=False).count() == 2
