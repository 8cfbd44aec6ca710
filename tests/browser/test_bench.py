"""The review bench: anchors decided by keyboard, changed, flagged; nothing is lost with connection or session."""

from __future__ import annotations

from django.contrib.sessions.models import Session
from playwright.sync_api import Page, expect

from annotation.accounts.models import User
from annotation.anchors.models import Anchor
from annotation.review.models import Batch, QueueItem, Verdict
from annotation.review.services.claim import claim
from annotation.tiles.models import Tile
from mlcore.geometry.webmercator import tile_at
from tests.browser.conftest import sign_in
from tests.browser.holding import fetched_ahead
from tests.browser.keys import closer, press, seen
from tests.browser.screens import shot
from tests.browser.test_queue import saved, until
from tests.factories import UserFactory
from tests.factories_anchors import AnchorFactory, make_batch


def open_bench(page: Page, batch: Batch, path: str = "review") -> None:
    page.goto(f"/regions/{batch.scope_id}/anchors/{path}/?batch={batch.pk}")
    expect(page.locator("#review")).to_be_visible()
    expect(page.locator("#map .leaflet-tile-loaded").first).to_be_attached()
    seen(page)


def shown_anchor(page: Page) -> Anchor:
    """The anchor on the screen, by the middle of its tile."""
    lat, lon = (float(one) for one in page.locator("#where").inner_text().split(" on ")[0].split(", "))
    tile = tile_at(lon, lat, Tile.objects.values_list("z", flat=True).distinct().get())
    return Anchor.objects.filter(pair__tile__x=tile.x, pair__tile__y=tile.y, generator="geometric").get()


def row(page: Page, name: str):
    return page.locator(f'.attribute[data-name="{name}"]')


def test_twenty_anchors_are_accepted_by_one_key_each(new_page, stock):
    for anchor in list(Anchor.objects.order_by("pk")[:6]):
        AnchorFactory(pair=anchor.pair, generator="http", model="another", summary=anchor.summary)
    total = Anchor.objects.count()
    assert total >= 20
    page = new_page(stock.admin)
    open_bench(page, make_batch(stock.region, user=stock.admin))
    for number in range(total):
        seen(page)
        page.keyboard.press("a" if number % 2 else "Enter")
        expect(page.locator("#tally")).to_contain_text(f"{number + 1} decision")
        if number + 1 < total:
            expect(page.locator("#review")).to_be_visible()
    expect(page.locator("#no-item")).to_contain_text("Every anchor has an answer")
    saved(page)
    assert set(Anchor.objects.values_list("state", flat=True)) == {"accepted"}
    assert Verdict.objects.count() == total
    expect(page.locator("#batch-count")).to_have_text(f"{total} of {total}")


def test_a_change_is_marked_counted_and_saved_as_a_correction_that_undo_takes_back(new_page, stock, batch):
    page = new_page(stock.admin)
    open_bench(page, batch)
    anchor = shown_anchor(page)
    page.keyboard.press("ArrowDown")
    expect(row(page, "dominant_building_size")).to_have_attribute("aria-current", "true")
    page.keyboard.press("ArrowUp")
    for _ in range(5):
        page.keyboard.press("ArrowDown")
    expect(row(page, "roof_hint")).to_have_attribute("aria-current", "true")
    wanted = 1 if anchor.attributes["roof_hint"] == "none" else 0
    page.keyboard.press(str(wanted + 1))
    expect(row(page, "roof_hint")).to_contain_text("proposed was")
    expect(page.locator("#accept-label")).to_have_text("Save 1 change")
    page.keyboard.press("0")
    expect(page.locator("#accept-label")).to_have_text("Accept as it is")
    page.keyboard.press(str(wanted + 1))
    page.keyboard.press("e")
    page.keyboard.press("Control+A")
    page.keyboard.type("word " * 41)
    expect(page.locator("#word-count")).to_contain_text("41 of 40 words")
    page.keyboard.press("Escape")
    press(page, "a")
    expect(page.locator("#notices")).to_contain_text("between 1 and 40 words")
    page.keyboard.press("Control+A")
    page.keyboard.type("Houses in rows.")
    expect(page.locator("#word-count")).to_have_text("3 of 40 words")
    expect(page.locator("#summary-was")).to_contain_text(anchor.summary[:20])
    page.keyboard.press("Escape")
    press(page, "a")
    saved(page)
    until(lambda: Anchor.objects.get(pk=anchor.pk).state == "corrected")
    anchor.refresh_from_db()
    assert anchor.final_summary == "Houses in rows."
    assert [n for n in anchor.attributes if anchor.final_attributes[n] != anchor.attributes[n]] == ["roof_hint"]
    page.keyboard.press("u")
    saved(page)
    until(lambda: Anchor.objects.get(pk=anchor.pk).state == "proposed")
    assert shown_anchor(page).pk == anchor.pk


def test_values_that_can_not_both_hold_are_asked_about_before_they_are_saved(new_page, stock, batch):
    page = new_page(stock.admin)
    open_bench(page, batch)
    anchor = shown_anchor(page)
    bare = anchor.attributes["building_density"] == "none"
    row(page, "building_density" if bare else "dominant_building_size").click()
    page.keyboard.press("2" if bare else "1")
    expect(page.locator("#summary-was")).to_contain_text("does this sentence still hold?")
    press(page, "a")
    expect(page.get_by_role("dialog")).to_contain_text("dominant building size is none")
    shot(page, "bench-contradiction")
    page.get_by_role("button", name="Back", exact=True).click()
    assert not Verdict.objects.exists()
    press(page, "a")
    page.get_by_role("button", name="Save it so").click()
    saved(page)
    until(lambda: Anchor.objects.get(pk=anchor.pk).state == "corrected")


def test_every_answer_has_its_key_and_rejecting_names_a_reason(new_page, stock, batch):
    page = new_page(stock.admin)
    open_bench(page, batch)
    press(page, "r")
    expect(page.locator("#choices-title")).to_contain_text("Reject because")
    page.keyboard.press("Escape")
    expect(page.locator("#choices-title")).not_to_contain_text("Reject")
    press(page, "r")
    press(page, "2")
    for key in "cox":
        expect(page.locator("#review")).to_be_visible()
        seen(page)
        press(page, key)
    saved(page)
    given = list(Verdict.objects.order_by("pk").values_list("decision", "reason"))
    assert given == [("reject", "another_place"), ("cant_tell", ""), ("image_offset", ""), ("bad_imagery", "")]
    assert Anchor.objects.filter(state="rejected").count() == 1


def test_back_goes_to_what_was_skipped_or_answered_before(new_page, stock, batch):
    page = new_page(stock.admin)
    open_bench(page, batch)
    first = page.locator("#where").inner_text()
    page.keyboard.press("s")
    expect(page.locator("#where")).not_to_have_text(first)
    page.keyboard.press("Backspace")
    expect(page.locator("#where")).to_have_text(first)
    seen(page)
    press(page, "a")
    expect(page.locator("#where")).not_to_have_text(first)
    saved(page)
    page.keyboard.press("Backspace")
    expect(page.locator("#where")).to_have_text(first)
    saved(page)
    until(lambda: not QueueItem.objects.filter(batch=batch, state="decided").exists())


def test_answers_wait_out_a_lost_connection_and_drafts_a_closed_page(new_page, stock, batch, watch):
    watch.expect("ERR_INTERNET_DISCONNECTED")
    page = new_page(stock.admin)
    with fetched_ahead(page):
        open_bench(page, batch)
    page.context.set_offline(True)
    press(page, "a")
    page.keyboard.press("ArrowDown")
    press(page, "6")
    page.keyboard.press("m")
    page.keyboard.type("look at the north")
    expect(page.locator("#saved-state")).to_contain_text("Offline: 1 waiting")
    changed = page.locator(".attribute-changed").count()
    page.context.set_offline(False)
    page.reload()
    expect(page.locator("#review")).to_be_visible()
    saved(page)
    until(lambda: Anchor.objects.filter(state="accepted").count() == 1)
    expect(page.locator("#comment")).to_have_value("look at the north")
    assert page.locator(".attribute-changed").count() == changed


def test_an_answer_given_while_signed_out_is_saved_after_signing_in_again(new_page, stock, batch, watch, live_server):
    watch.expect("403 (Forbidden)")
    watch.expect("401 (Unauthorized)")
    page = new_page(stock.admin)
    open_bench(page, batch)
    page.wait_for_load_state("networkidle")
    Session.objects.all().delete()
    press(page, "a")
    expect(page.locator("#saved-state")).to_contain_text("Signed out: 1 waiting")
    expect(page.locator("#sign-in-again")).to_be_visible()
    assert not Anchor.objects.filter(state="accepted").exists()
    sign_in(page.context, stock.admin, live_server.url)
    page.evaluate("dispatchEvent(new Event('focus'))")
    saved(page)
    until(lambda: Anchor.objects.filter(state="accepted").count() == 1)


def test_a_lease_that_ended_during_an_edit_keeps_the_draft_and_says_who_has_it(new_page, stock, batch, watch):
    """C4."""
    watch.expect("409 (Conflict)")
    page = new_page(stock.admin)
    open_bench(page, batch)
    page.wait_for_load_state("networkidle")
    anchor = shown_anchor(page)
    page.keyboard.press("m")
    page.keyboard.type("half a thought")
    page.keyboard.press("Escape")
    item = QueueItem.objects.get(batch=batch, subject_id=anchor.pk)
    QueueItem.objects.filter(pk=item.pk).update(lease_expires_at="2020-01-01T00:00Z")
    others = list(QueueItem.objects.exclude(pk=item.pk).values_list("pk", flat=True))
    other = UserFactory(username="grace")
    taken = claim(user=other, stage="anchors", scope_id=stock.region.pk, batch_id=batch.pk, skip=others).item
    assert taken.pk == item.pk
    press(page, "a")
    expect(page.locator("#notices")).to_contain_text("somebody else has it now")
    draft = page.evaluate(f"localStorage.getItem('mapwright.draft.{stock.admin.pk}.{item.pk}')")
    assert "half a thought" in draft
    assert Anchor.objects.get(pk=anchor.pk).state == "proposed"


def test_an_anchor_flagged_to_a_colleague_is_the_first_they_see(new_page, stock, batch):
    grace: User = UserFactory(username="grace")
    page = new_page(stock.admin)
    open_bench(page, batch)
    flagged = page.locator("#where").inner_text()
    page.keyboard.press("q")
    page.get_by_label("Colleague", exact=True).select_option(label="grace")
    page.get_by_label("What should they look at?").fill("Is this a temple?")
    page.get_by_role("button", name="Flag it to them").click()
    expect(page.locator("#where")).not_to_have_text(flagged)
    saved(page)
    theirs = new_page(grace)
    open_bench(theirs, batch)
    expect(theirs.locator("#where")).to_have_text(flagged)
    expect(theirs.locator("#flagged")).to_contain_text("ada asks you to look at this: Is this a temple?")


def test_a_flag_that_is_refused_loses_no_draft(new_page, stock, batch, watch):
    watch.expect("400 (Bad Request)")
    UserFactory(username="grace")
    Batch.objects.filter(pk=batch.pk).update(open_to_all=False)
    page = new_page(stock.admin)
    open_bench(page, batch)
    shown = page.locator("#where").inner_text()
    page.keyboard.press("m")
    page.keyboard.type("half a thought")
    page.keyboard.press("Escape")
    page.keyboard.press("q")
    page.get_by_label("Colleague", exact=True).select_option(label="grace")
    page.get_by_role("button", name="Flag it to them").click()
    expect(page.locator("#notices")).to_contain_text("grace does not work in this batch")
    expect(page.locator("#where")).to_have_text(shown)
    expect(page.locator("#comment")).to_have_value("half a thought")


def test_a_page_on_a_batch_that_is_closed_says_so_once(new_page, stock, batch, watch):
    watch.expect("409 (Conflict)")
    Batch.objects.filter(pk=batch.pk).update(closed_at="2026-01-01T00:00Z")
    page = new_page(stock.admin)
    page.clock.install()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/claim/" in request.url else None)
    page.goto(f"/regions/{batch.scope_id}/anchors/review/?batch={batch.pk}")
    expect(page.locator("#no-item")).to_contain_text("this batch is closed")
    expect(page.locator("#no-item").get_by_role("link").first).to_be_visible()
    page.clock.fast_forward(60_000)  # it would have asked again by now
    with page.expect_response("**/health/live/"):  # which is asked later than that would have been
        page.evaluate("fetch('/health/live/')")
    assert len(asked) == 1
    expect(page.locator("#notices .notice")).to_have_count(0)


def test_image_and_map_lie_side_by_side_and_move_together(new_page, stock, batch):
    page = new_page(stock.admin)
    open_bench(page, batch)
    expect(page.locator("#map-beside .leaflet-tile-loaded").first).to_be_attached()
    scales = page.locator(".leaflet-control-scale-line")
    before = scales.first.inner_text()
    closer(page, 2)
    expect(scales.first).not_to_have_text(before)
    expect(scales.nth(1)).to_have_text(scales.first.inner_text())
    kept = scales.first.inner_text()
    press(page, "a")
    expect(page.locator("#tally")).to_contain_text("1 decision")
    expect(scales.first).to_have_text(kept)
    page.keyboard.press("w")
    expect(page.locator("#map-beside")).to_be_hidden()
    expect(page.locator("#map .swipe-handle")).to_be_visible()
    page.keyboard.press("y")
    expect(page.locator("#map-beside")).to_be_visible()
    visible = "getComputedStyle(document.querySelector('#map .leaflet-drawn-pane')).visibility"
    assert page.evaluate(visible) == "hidden"
    page.keyboard.down("b")
    assert page.evaluate(visible) == "visible"
    page.keyboard.up("b")
    page.keyboard.press("?")
    expect(page.locator("#keys-card")).to_contain_text("Flag it to a colleague")
