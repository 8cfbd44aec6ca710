"""What people do less often: a file that is no image, cancelling, choosing a model, deleting, giving versions."""

from __future__ import annotations

import hashlib
from pathlib import Path
from xml.etree import ElementTree

from django.conf import settings
from playwright.sync_api import Locator, expect

from annotation.common.models import Job
from annotation.learning.models import ModelState, ModelVersion, TrainingRun
from annotation.sources.models import Footprint, Region
from tests.browser.patience import patient
from tests.factories import JobFactory, RegionFactory, UserFactory
from tests.factories_changes import save_decision

DROP = """(zone, text) => {
    const data = new DataTransfer();
    data.items.add(new File([text], "holiday.tif", { type: "image/tiff" }));
    zone.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
}"""


def test_a_dropped_file_that_is_no_image_is_refused_with_what_to_do(new_page, live_server, worker):
    admin = UserFactory(role="admin")
    region = RegionFactory(members=[admin])
    page = new_page(admin)
    page.goto(f"/regions/{region.pk}/sources/")
    page.locator("#imagery-form .drop").first.evaluate(DROP, "not a picture at all")
    expect(page.locator("#imagery-form .chosen")).to_have_text("holiday.tif, 20 B")
    page.locator("#imagery-licence").fill("CC0 1.0")
    page.locator("#imagery-attribution").fill("A survey")
    page.get_by_role("button", name="Upload the imagery").click()
    card = page.locator("#imagery .source-card")
    expect(card).to_have_attribute("data-state", "failed", timeout=patient(40_000))
    expect(card.get_by_role("alert")).to_contain_text("GeoTIFF")
    card.get_by_role("button", name="Remove").click()
    page.get_by_role("button", name="Remove it").click()
    expect(page.locator("#imagery")).to_contain_text("No imagery yet")


def test_a_form_says_which_field_is_missing(new_page, live_server, watch):
    watch.expect("400 (Bad Request)")
    admin = UserFactory(role="admin")
    page = new_page(admin)
    page.goto(f"/regions/{RegionFactory(members=[admin]).pk}/sources/")
    page.locator("#snapshot-file").set_input_files(
        {"name": "map.osm", "mimeType": "text/xml", "buffer": b"<osm version='0.6'/>"}
    )
    page.locator("#snapshot-licence").fill("")
    page.get_by_role("button", name="Upload the map").click()
    expect(page.locator("#snapshot-licence")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#snapshot-licence")).to_be_focused()


def test_a_job_is_cancelled_at_once_or_at_its_next_step(new_page, live_server):
    admin = UserFactory(role="admin")
    region = RegionFactory(members=[admin])
    for state in ("queued", "running"):
        JobFactory(scope_id=region.pk, created_by=admin, kind="learning.train", state=state)
    page = new_page(admin)
    page.goto("/jobs/")
    waiting = page.locator('.job-card[data-state="queued"]')
    waiting.get_by_role("button", name="Cancel").click()
    expect(page.locator('.job-card[data-state="cancelled"]')).to_have_count(1)
    running = page.locator('.job-card[data-state="running"]')
    running.get_by_role("button", name="Cancel").click()
    expect(running.get_by_role("button", name="Stopping")).to_be_disabled()
    assert Job.objects.get(state="running").cancel_requested


def test_a_region_is_deleted_only_after_a_yes(new_page, live_server):
    admin = UserFactory(role="admin")
    region = RegionFactory(members=[admin], name="Synthetic town")
    page = new_page(admin)
    page.goto(f"/regions/{region.pk}/")
    page.get_by_text("Settings of the region").click()
    page.get_by_role("button", name="Delete Synthetic town").click()
    page.get_by_role("button", name="Back").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert Region.objects.filter(pk=region.pk).exists()
    page.get_by_role("button", name="Delete Synthetic town").click()
    page.get_by_role("button", name="Delete it").click()
    expect(page.get_by_role("heading", name="No region yet")).to_be_visible()
    assert not Region.objects.filter(pk=region.pk).exists()


def with_file(model: ModelVersion, content: bytes) -> ModelVersion:
    """The model with a file whose digest is the registered one."""
    model.path = f"regions/{model.region_id}/models/{model.pk}.safetensors"
    path = Path(settings.MEDIA_ROOT) / model.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    model.sha256 = hashlib.sha256(content).hexdigest()
    model.save()
    return model


def test_a_model_is_put_in_use_and_taken_back(new_page, stock):
    first = with_file(stock.scan.model, b"first")
    run = TrainingRun.objects.create(region=stock.region, data_set=first.run.data_set, created_by=stock.admin)
    second = ModelVersion.objects.create(
        region=stock.region, run=run, state=ModelState.CANDIDATE, path="-", sha256="ef" * 32, metrics={}
    )
    with_file(second, b"second")
    page = new_page(stock.admin)
    page.goto(f"/regions/{stock.region.pk}/training/")
    used = page.locator(".model", has=page.locator(".badge-good"))
    expect(used).to_contain_text(f"Model {first.pk}")
    page.get_by_role("button", name=f"Use this one: model {second.pk}").click()
    expect(used).to_contain_text(f"Model {second.pk}")
    page.get_by_role("button", name="Roll back").click()
    page.get_by_role("dialog").get_by_role("button", name="Roll back").click()
    expect(used).to_contain_text(f"Model {first.pk}")
    assert ModelVersion.objects.get(state=ModelState.ACTIVE).pk == first.pk


def test_versions_that_the_map_lacks_are_asked_for_before_the_file(new_page, stock, tmp_path: Path):
    removed = next(change for change in stock.changes if change.kind == "remove")
    Footprint.objects.filter(pk=removed.footprint_id).update(version=None)
    save_decision(stock.admin, removed)
    page = new_page(stock.admin)
    page.goto(f"/regions/{stock.region.pk}/edits/")
    page.get_by_label("Comment").fill("Gone since the last survey")
    page.get_by_role("button", name="Make the changeset").click()
    asked = page.locator("form", has_text="Versions are missing")
    expect(asked).to_be_visible()
    expect(page.get_by_role("link", name="Download osmChange")).to_have_count(0)
    give_versions(asked.locator("input"), "7")
    asked.get_by_role("button", name="Save the versions").click()
    expect(asked).to_have_count(0)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download osmChange").click()
    target = tmp_path / "edits.osc"
    download.value.save_as(target)
    assert removed.footprint is not None
    way = ElementTree.parse(target).getroot().find(f".//way[@id='{removed.footprint.osm_id}']")
    assert way is not None and way.get("version") == "7"


def give_versions(inputs: Locator, version: str) -> None:
    for index in range(inputs.count()):
        inputs.nth(index).fill(version)
