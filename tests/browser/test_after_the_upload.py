"""Many changesets by area, what became of an upload, and webhooks with what was given up."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from django.db import connection
from playwright.sync_api import Page, expect

from annotation.edits.models import Changeset, Delivery, EditItem, Upload, UploadReceipt, Webhook
from annotation.edits.services import changesets
from annotation.edits.services.webhooks.deliver import deliver
from tests.annotation.edits.receiver import receiver
from tests.browser.patience import patient
from tests.browser.screens import shots
from tests.browser.test_accessibility import in_both
from tests.factories_changes import save_decision


def sent() -> int:
    """What a beat sends, in a thread of its own: this one has the browser's event loop."""

    def run() -> int:
        try:
            return deliver()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run).result()


def on_a_phone(page: Page, name: str) -> None:
    """Nothing is wider than a phone."""
    before = page.viewport_size
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    shots(page, f"{name}-phone", whole=True)
    page.set_viewport_size(before)


def test_what_is_accepted_is_grouped_by_area_and_becomes_several_changesets(new_page, stock, axe):
    chosen = [one for one in stock.changes if one.kind == "add"][:2]
    chosen += [one for one in stock.changes if one.kind == "modify" and one.footprint.nodes][:1]
    for change in chosen:
        save_decision(stock.admin, change)
    page = new_page(stock.admin)
    page.goto(f"/regions/{stock.region.pk}/edits/")
    page.get_by_label("Comment").fill("🏠" * 256)
    expect(page.locator("#changeset-form")).to_contain_text("256 of 255 characters")
    page.get_by_label("Comment").fill("Houses 🏠")
    expect(page.locator("#changeset-form")).to_contain_text("8 of 255 characters")
    page.get_by_text("More tags").click()
    page.get_by_label("Hashtags").fill("buildings")
    page.get_by_label("Edits at most").fill("1")
    page.get_by_role("button", name="Group by area").click()
    make = page.get_by_role("button", name=f"Make {len(chosen)} changesets")
    expect(make).to_be_visible()
    expect(page.locator("#accepted-map .area-number")).to_have_count(len(chosen))
    make.scroll_into_view_if_needed()
    shots(page, "areas", whole=True)
    on_a_phone(page, "areas")
    page.get_by_role("button", name="Show area 1 on the map").click()
    expect(page.locator("#accepted-map")).to_be_in_viewport()
    make.click()
    expect(page.locator("article.changeset")).to_have_count(len(chosen))
    expect(page.locator("#notices")).to_contain_text(f"{len(chosen)} changesets are made")
    assert EditItem.objects.count() == Changeset.objects.count() == len(chosen)
    assert all(one.tags["hashtags"] == "#buildings" for one in Changeset.objects.all())
    card = page.locator("article.changeset").filter(has=page.locator("details[open]")).first
    card.get_by_text("Change the tags").click()
    card.get_by_label("Source").fill("Survey")
    card.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#notices")).to_contain_text("The tags are saved")
    assert Changeset.objects.filter(source="Survey").count() == 1
    assert in_both(page, axe) == []


def test_the_page_of_uploads_tells_who_changed_what_and_what_is_said(new_page, osm, stock, worker, axe):
    change = next(one for one in stock.changes if one.kind == "add")
    save_decision(stock.admin, change)
    made = changesets.create(user=stock.admin, region=stock.region, comment="One new house").changeset
    osm.put(("way", 5, 1, {"body": [], "tags": {}}), ("way", 5, 2, None))
    upload = Upload.objects.create(
        region=stock.region, changeset=made, user=stock.admin, server=osm.url, site=osm.url, osm_id=1, osm_name="Ada",
        token="1" * 32, osc=b"", sha256="0" * 64, elements=1, state="done", osm_changeset=1, done_at=made.created_at,
    )  # fmt: skip
    UploadReceipt.objects.create(upload=upload, kind="way", old_id=-1, new_id=5, new_version=1)
    osm.rows("INSERT INTO changesets (id, user, tags, created, closes) VALUES (1, 1, '{}', 0, 0)")
    osm.comment(1, "Grace", "That house is gone.")
    page = new_page(stock.admin)
    page.goto(f"/regions/{stock.region.pk}/edits/")
    page.get_by_role("link", name="What became of uploads").click()
    expect(page.locator("#uploads")).to_contain_text("not asked yet")
    page.get_by_role("button", name="Ask the map now").click()
    expect(page.locator("#uploads")).to_contain_text("1 deleted", timeout=patient(60_000))
    expect(page.locator("#uploads")).to_contain_text("That house is gone.")
    page.get_by_text("What changed, and by whom").click()
    expect(page.get_by_role("link", name="way/5")).to_have_attribute("href", f"{osm.url}/way/5/history")
    shots(page, "uploads")
    on_a_phone(page, "uploads")
    assert in_both(page, axe) == []


def test_an_admin_registers_a_webhook_and_sends_again_what_was_given_up(new_page, settings, stock, axe, watch):
    watch.expect("400")
    settings.WEBHOOK_HOSTS = ["127.0.0.1"]
    with receiver() as server:
        page = new_page(stock.admin)
        page.goto("/jobs/")
        page.get_by_role("link", name="Webhooks").click()
        page.get_by_label("Address").fill("http://example.org/hook")
        page.get_by_label("Secret").fill("sixteen letters at least")
        page.get_by_role("button", name="Register it").click()
        expect(page.get_by_role("alert")).to_contain_text("https://")
        page.get_by_label("Address").fill(server.url)
        page.get_by_role("button", name="Register it").click()
        expect(page.locator("#webhooks")).to_contain_text("127.0.0.1")
        assert Webhook.objects.get().events == ["decided", "exported", "uploaded"]
        save_decision(stock.admin, stock.changes[0])
        Delivery.objects.update(attempts=7)
        server.status = 500
        sent()
        page.reload()
        page.get_by_text("1 given up").click()
        expect(page.locator("#webhooks")).to_contain_text("the server answers 500")
        page.get_by_text("Change it").click()
        page.locator("#webhooks").get_by_label("exported").uncheck()
        page.locator("#webhooks").get_by_label("New secret").fill("another sixteen letters")
        page.locator("#webhooks").get_by_role("button", name="Save").click()
        expect(page.locator("#webhooks")).to_contain_text("decided, uploaded;")
        assert Webhook.objects.get().events == ["decided", "uploaded"]
        page.get_by_text("1 given up").click()
        expect(page.locator("#webhooks")).to_contain_text("the server answers 500")
        shots(page, "webhooks")
        on_a_phone(page, "webhooks")
        assert in_both(page, axe) == []
        page.get_by_role("button", name="Send again: decided").click()
        expect(page.locator("#webhooks")).to_contain_text("1 delivery waiting")
        server.status = 200
        assert sent() == 1 and len(server.came) == 2
