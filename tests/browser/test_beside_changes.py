"""Beside a candidate: similar places with what people said of them, and photos from the ground as evidence."""

from __future__ import annotations

import pytest
from PIL import ExifTags
from playwright.sync_api import expect
from rest_framework.test import APIClient

from annotation.changes.models import Change
from annotation.landmarks.models import LandmarkPhoto
from annotation.review.models import QueueItem
from annotation.tiles.models import TilePair
from tests.browser.keys import press
from tests.browser.searched import drop, looked_at, read_in
from tests.browser.stock import Stock
from tests.browser.test_queue import open_queue, until
from tests.factories import UserFactory
from tests.factories_changes import save_decision
from tests.factories_landmarks import search_weights
from tests.mlcore.imagery.photos import gps, write_photo
from tests.photos_of_town import frame


@pytest.fixture
def searched(stock: Stock, settings) -> Stock:
    """The stocked region, read in."""
    settings.LANDMARKS_WEIGHTS = str(search_weights())
    read_in(stock)
    return stock


def on_other_tiles(stock: Stock, number: int) -> list[Change]:
    """Candidates of the kind that the queue shows first, one on each of so many other tiles, less sure than it."""
    shown = stock.changes[0]
    QueueItem.objects.filter(change__kind=shown.kind).exclude(pk=shown.item_id).delete()
    pairs = TilePair.objects.filter(snapshot=shown.pair.snapshot).exclude(pk=shown.pair_id).select_related("tile")
    made = []
    for pair in pairs.order_by("pk")[:number]:
        item = QueueItem.objects.create(stage="changes", scope_id=stock.region.pk, kind=shown.kind, priority=0.01)
        geometry = pair.tile.geometry.centroid.buffer(0.00005)
        made.append(
            Change.objects.create(
                scan=stock.scan,
                item=item,
                pair=pair,
                kind=shown.kind,
                geometry=geometry,
                confidence=0.5,
                evidence=shown.evidence,
                fingerprint=f"{item.pk:064x}",
            )
        )
    return made


def test_similar_places_stand_beside_a_candidate_with_what_people_said(new_page, searched, axe):
    others = on_other_tiles(searched, 12)
    for change in others[:9]:
        save_decision(searched.admin, change)
    for change in others[9:11]:
        save_decision(searched.admin, change, "reject")
    page = new_page(searched.admin)
    open_queue(page, searched)
    expect(page.locator("#similar h2")).to_have_text("12 similar places, 9 of them accepted (2 not, 1 open)")
    expect(page.locator(".similar-good")).to_have_count(9)
    expect(page.locator(".similar-bad")).to_have_count(2)
    expect(page.locator(".similar img").first).to_have_js_property("complete", True)
    page.keyboard.press("j")
    expect(page.locator(".similar").first).to_be_focused()
    assert looked_at(page, axe, "queue-similar", ("1366", "1024", "390")) == []
    page.keyboard.press("s")
    expect(page.locator("#announce")).to_contain_text("Next:")


def test_a_photo_dropped_on_a_candidate_is_evidence_with_its_direction(
    new_page, searched, town_files, axe, tmp_path, watch
):
    watch.expect("400 (Bad Request)")
    change = searched.changes[0]
    lon, lat = change.geometry.centroid
    picture = frame(town_files / "imagery.tif", at=(0.6, 0.4)).rgb
    looks = {"GPSImgDirection": 45.0, "GPSImgDirectionRef": "T"}
    told = write_photo(tmp_path / "corner.jpg", picture, position=gps(lon - 0.0002, lat - 0.0001, **looks))
    silent = write_photo(tmp_path / "yard.jpg", picture[::-1], tags={int(ExifTags.Base.Model): "a camera of somebody"})
    page = new_page(searched.admin)
    open_queue(page, searched)
    page.wait_for_load_state("networkidle")
    drop(page, "#map", told)
    expect(page.locator("#notices")).to_contain_text("The photo is on the map.")
    expect(page.locator(".evidence-photo")).to_have_count(1)
    expect(page.locator(".evidence-photo")).to_contain_text("looks north-east")
    expect(page.locator(".evidence .sight")).to_have_attribute("transform", "rotate(45)")
    photo = LandmarkPhoto.objects.get()
    assert photo.change_id == change.pk
    assert photo.direction_deg == pytest.approx(45)

    page.locator("#evidence-photo").set_input_files(silent)
    expect(page.locator("#notices")).to_contain_text("does not say where it was taken")
    expect(page.locator(".evidence-photo")).to_have_count(2)
    expect(page.locator(".evidence")).to_have_count(1)
    assert looked_at(page, axe, "queue-photo", ("1366", "1024", "390")) == []
    page.locator(".evidence-photo", has_text="no place yet").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("not stated: set it below")
    dialog.get_by_role("button", name="Take the middle of the map").click()
    dialog.get_by_label("Looks to").fill("270")
    assert looked_at(page, axe, "photo-dialog", ("1366", "390")) == []
    dialog.get_by_role("button", name="Save").click()
    expect(page.locator(".evidence")).to_have_count(2)
    expect(page.locator(".evidence-photo", has_text="looks west")).to_be_visible()
    until(lambda: LandmarkPhoto.objects.filter(position_from="person", direction_deg=270).exists())

    page.locator(".evidence-photo", has_text="looks west").click()
    page.get_by_role("button", name="Remove the photo").click()
    page.get_by_role("button", name="Remove it").click()
    expect(page.locator(".evidence-photo")).to_have_count(1)
    bad = tmp_path / "broken.png"
    bad.write_bytes(b"\x89PNG but no more")
    drop(page, "#map", bad)
    expect(page.locator("#notices")).to_contain_text("broken.png was not taken")
    assert LandmarkPhoto.objects.count() == 1
    page.keyboard.press("s")  # the next candidate has none
    expect(page.locator("#evidence")).to_be_hidden()
    expect(page.locator(".evidence")).to_have_count(0)


def test_similar_places_come_first_where_a_person_wants_it(new_page, searched, axe):
    shown = searched.changes[0]
    on_other_tiles(searched, 6)
    client = APIClient()
    client.force_authenticate(searched.admin)
    waiting = client.get(f"/api/changes/{shown.pk}/similar/waiting/").json()["items"]
    QueueItem.objects.filter(pk__in=waiting[3:]).update(priority=0.6)  # the usual order is another one
    QueueItem.objects.filter(pk=shown.item_id).update(priority=2.0)
    page = new_page(searched.admin)
    open_queue(page, searched)
    page.wait_for_load_state("networkidle")
    expect(page.locator("#order-note")).to_be_hidden()
    with page.expect_response(lambda reply: "/waiting/" in reply.url) as asked, page.expect_response(claimed):
        page.keyboard.press("z")
    assert asked.value.json()["items"][0] == waiting[0]  # what waited behind the screen was given back
    expect(page.get_by_label("Similar first")).to_be_checked()
    expect(page.locator("#order-note")).to_have_text("In the usual order; similar ones come next.")
    page.wait_for_load_state("networkidle")
    assert looked_at(page, axe, "queue-similar-first", ("1366", "1024", "390")) == []
    press(page, "r")
    expect(page.locator("#order-note")).to_have_text("Like a place just seen.")
    until(lambda: QueueItem.objects.filter(pk=shown.item_id, state="decided").exists())
    until(lambda: QueueItem.objects.filter(pk=waiting[0], lease_holder=searched.admin).exists())
    page.reload()
    expect(page.get_by_label("Similar first")).to_be_checked()
    page.keyboard.press("z")
    expect(page.locator("#order-note")).to_be_hidden()
    other = new_page(UserFactory(role="admin"))
    open_queue(other, searched)
    expect(other.get_by_label("Similar first")).not_to_be_checked()


def claimed(reply) -> bool:
    return reply.url.endswith("/api/review/changes/claim/")
