"""From a changeset to the map: signing in at its server, the upload, its receipts."""

from __future__ import annotations

from playwright.sync_api import expect

from annotation.edits.models import OsmAccount, Upload
from annotation.edits.services import changesets
from tests.annotation.edits.uploading import sign_in_at
from tests.browser.patience import patient
from tests.browser.screens import shot, shots
from tests.factories_changes import save_decision


def in_a_changeset(stock) -> int:
    """Two new buildings, accepted."""
    chosen = [one for one in stock.changes if one.kind == "add"][:2]
    for change in chosen:
        save_decision(stock.admin, change)
    made = changesets.create(
        user=stock.admin, region=stock.region, comment="Two new houses", change_ids=[one.pk for one in chosen]
    )  # fmt: skip
    return made.changeset.pk


def test_a_person_signs_in_at_the_map_uploads_and_sees_the_receipts(new_page, osm, stock, worker, watch):
    watch.expect("favicon.ico")
    number = in_a_changeset(stock)
    page = new_page(stock.admin)
    page.goto(f"/regions/{stock.region.pk}/edits/")
    panel = page.get_by_role("region", name=f"Upload of changeset {number}")
    expect(panel).to_contain_text("nobody is signed in there")
    panel.scroll_into_view_if_needed()
    shots(page, "upload-1-signed-out")
    panel.get_by_role("link", name="Sign in at").press("Enter")
    page.get_by_label("Name").fill("Ada")
    page.get_by_role("button", name="Authorize").press("Enter")
    expect(page.locator("#notices")).to_contain_text("signed in as Ada")
    expect(panel).to_contain_text("Ada")
    panel.scroll_into_view_if_needed()
    shots(page, "upload-2-ready")
    panel.get_by_role("button", name="Upload to the map").press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("12 new elements")
    shots(page, "upload-3-confirm")
    page.keyboard.press("Enter")
    expect(panel).to_contain_text("In the map", timeout=patient(60_000))
    panel.get_by_text("receipts").click()
    expect(panel.get_by_role("row")).to_have_count(13)  # of 10 corners and 2 ways, below their heads
    panel.scroll_into_view_if_needed()
    shots(page, "upload-4-done")
    upload = Upload.objects.get()
    expect(panel.get_by_role("link", name=f"Changeset {upload.osm_changeset}")).to_have_attribute("href", upload.url)
    assert len(osm.present("way")) == 2 and upload.osm_name == "Ada"
    expect(page.get_by_role("button", name="Drop")).to_have_count(0)  # what is in the map does not change here
    expect(page.get_by_role("button", name="Take it apart")).to_have_count(0)
    expect(page.get_by_role("link", name="osmChange as uploaded")).to_be_visible()
    page.reload()
    expect(panel).to_contain_text("In the map")


def test_a_conflict_names_the_object_and_leads_to_dropping_its_edit(new_page, osm, stock, worker):
    removal = next(one for one in stock.changes if one.kind == "remove" and one.footprint.nodes)
    addition = next(one for one in stock.changes if one.kind == "add")
    for change in (removal, addition):
        save_decision(stock.admin, change)
    made = changesets.create(
        user=stock.admin, region=stock.region, comment="c", change_ids=[removal.pk, addition.pk]
    ).changeset  # fmt: skip
    base = removal.footprint
    osm.put(("way", base.osm_id, base.version + 1, {"body": [], "tags": {"building": "yes"}}))
    sign_in_at(osm, stock.admin)
    page = new_page(stock.admin)
    page.goto(f"/regions/{stock.region.pk}/edits/")
    panel = page.get_by_role("region", name=f"Upload of changeset {made.pk}")
    panel.get_by_role("button", name="Upload to the map").click()
    page.get_by_role("dialog").get_by_role("button", name="Upload").click()
    expect(panel).to_contain_text(f"{base.key} is at version {base.version + 1} by now", timeout=patient(60_000))
    page.wait_for_load_state("networkidle")  # the card is drawn anew once the upload has ended
    panel.scroll_into_view_if_needed()
    shot(page, "upload-conflict")
    panel.get_by_role("button", name="Drop this edit").click()
    expect(page.get_by_role("row")).to_have_count(2)
    expect(panel.get_by_role("button", name="Drop this edit")).to_have_count(0)
    panel.get_by_role("button", name="Upload to the map").click()
    expect(page.get_by_role("dialog")).not_to_contain_text("was made before")  # nobody had a file of it
    page.get_by_role("dialog").get_by_role("button", name="Upload").click()
    expect(panel).to_contain_text("In the map", timeout=patient(60_000))
    assert {row["version"] for row in osm.present("way") if row["id"] == base.osm_id} == {base.version + 1}


def test_what_can_be_done_with_one_that_stopped_follows_its_state(new_page, osm, stock, worker, watch):
    watch.expect("/settle/")  # refused at first: only a person can say what became of it
    number = in_a_changeset(stock)
    sign_in_at(osm, stock.admin)
    osm.answer("POST", "upload", 429, "too much", Retry_After="4000")
    page = new_page(stock.admin)
    page.goto(f"/regions/{stock.region.pk}/edits/")
    panel = page.get_by_role("region", name=f"Upload of changeset {number}")
    panel.get_by_role("button", name="Upload to the map").click()
    page.get_by_role("dialog").get_by_role("button", name="Upload").click()
    expect(panel.get_by_role("button", name="Give it up")).to_be_visible(timeout=patient(60_000))
    osm.answer("POST", "upload", 500, "no")
    osm.answer("GET", "download", 503, "no", Retry_After="4000")
    panel.get_by_role("button", name="Go on").click()
    settle = panel.get_by_role("button", name="Settle…")
    expect(settle).to_be_visible(timeout=patient(60_000))
    expect(panel.get_by_role("button", name="Give it up")).to_have_count(0)
    upload = Upload.objects.get()
    osm.rows(f"DELETE FROM changesets WHERE id = {upload.osm_changeset} RETURNING id")
    settle.click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("not known to the server")
    dialog.get_by_label("Are the edits in the map?").select_option("failed")
    shot(page, "upload-settle")
    dialog.get_by_role("button", name="Settle").click()
    expect(panel).to_contain_text("Nothing was taken")
    expect(panel.get_by_role("button", name="Upload to the map")).to_be_visible()


def test_an_answer_that_was_not_asked_for_here_signs_nobody_in(new_page, osm, stock):
    page = new_page(stock.admin)
    page.goto("/osm/signed-in/?code=stolen&state=made-up")
    page.goto(f"/regions/{stock.region.pk}/edits/")
    expect(page.locator("#notices")).to_contain_text("not asked for here")
    assert not OsmAccount.objects.exists()


def test_who_denies_is_told_so_and_is_signed_in_nowhere(new_page, osm, stock, watch):
    watch.expect("favicon.ico")
    number = in_a_changeset(stock)
    page = new_page(stock.admin)
    page.goto(f"/regions/{stock.region.pk}/edits/")
    page.get_by_role("link", name="Sign in at").click()
    page.get_by_role("button", name="Deny").click()
    expect(page.locator("#notices")).to_contain_text("did not allow it")
    expect(page.get_by_role("region", name=f"Upload of changeset {number}")).to_contain_text("nobody is signed in")
    assert not OsmAccount.objects.exists()
