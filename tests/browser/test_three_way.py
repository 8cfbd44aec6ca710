"""An edit and a newer map: seen side by side by keys or by hand, laid over it part by part, or dropped."""

from __future__ import annotations

import datetime as dt

import pytest
import shapely.affinity
from playwright.sync_api import Page, expect

from annotation.changes.models import Change
from annotation.edits.models import EditItem
from annotation.edits.services import changesets
from annotation.review.models import QueueItem, Verdict
from annotation.sources.engine import to_geos, to_shapely
from annotation.sources.models import Footprint
from tests.browser.keys import AT_ONCE, press
from tests.browser.screens import shot, shots
from tests.browser.test_accessibility import in_both
from tests.browser.test_little_room import PHONE, fits
from tests.browser.test_queue import decision_of, open_queue, saved, until
from tests.factories import SnapshotFactory
from tests.factories_changes import save_decision

LATER = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
LAPTOP = {"width": 1366, "height": 768}


def doubted(stock) -> Change:
    """A building of the map that a suggestion reshapes."""
    return next(one for one in stock.changes if one.kind == "modify" and one.footprint.nodes)


def newer_map(stock, change: Change, **tags: str) -> Footprint:
    """A later map in which somebody moved the building by some metres and tagged it."""
    later = SnapshotFactory(region=stock.region, taken_at=LATER)
    base = change.footprint
    shape = shapely.affinity.translate(to_shapely(base.geometry), 3e-5, 2e-5)
    nodes = [[ref, 2, lon + 3e-5, lat + 2e-5, *more] for ref, _, lon, lat, *more in base.nodes]
    return Footprint.objects.create(
        snapshot=later, object=base.object, osm_type=base.osm_type, osm_id=base.osm_id, version=base.version + 4,
        edited_at=LATER, tags={**base.tags, **tags}, nodes=nodes, geometry=to_geos(shape),
    )  # fmt: skip


def in_a_changeset(stock, change: Change, **tags_set: str) -> int:
    other = next(one for one in stock.changes if one.kind == "add")
    for one in (change, other):
        save_decision(stock.admin, one)
    Change.objects.filter(pk=change.pk).update(tags_set=tags_set)
    ids = [change.pk, other.pk]
    return changesets.create(user=stock.admin, region=stock.region, comment="Houses", change_ids=ids).changeset.pk


def drawn(page: Page) -> None:
    expect(page.locator(".three-way-map .leaflet-tile-loaded").first).to_be_attached()
    expect(page.locator(".three-way-map path").first).to_be_attached()


@pytest.mark.parametrize("size", [LAPTOP, PHONE], ids=["laptop", "phone"])
def test_a_conflict_is_compared_and_the_edit_laid_over_the_newest_map(new_page, stock, axe, size):
    change = doubted(stock)
    in_a_changeset(stock, change, building="barn", **{"roof:shape": "gabled"})
    theirs = newer_map(stock, change, building="apartments", **{"building:levels": "4"})
    page = new_page(stock.admin)
    page.set_viewport_size(size)
    page.goto(f"/regions/{stock.region.pk}/edits/")
    note = page.locator(".note-warn", has_text="The newest map says otherwise")
    expect(note).to_contain_text(f"{change.footprint.key} is at version {theirs.version}")
    page.keyboard.press("c")
    dialog = page.get_by_role("dialog")
    drawn(page)
    expect(dialog.get_by_role("row")).to_have_count(4)
    expect(dialog.get_by_role("row").filter(has_text="both")).to_contain_text("apartments")
    shots(page, f"three-way-{size['width']}")
    assert fits(page)
    assert in_both(page, axe) == []
    mine = dialog.get_by_role("checkbox", name="This edit")
    page.keyboard.press("3")
    expect(mine).not_to_be_checked()
    page.keyboard.press("3")
    lay = dialog.get_by_role("button", name="Lay it over")
    lay.click()
    expect(dialog).to_be_visible()  # both changed the shape and the tags: a person has to say
    dialog.get_by_role("group", name="Shape").get_by_label("This edit's").check()
    dialog.get_by_role("group", name="Tags").get_by_label("The map's", exact=True).check()
    lay.scroll_into_view_if_needed()
    shots(page, f"three-way-{size['width']}-chosen")
    lay.click()
    expect(page.locator("#notices")).to_contain_text("laid over what the map has by now")
    expect(note).to_have_count(0)
    expect(page.get_by_role("row", name=change.footprint.key)).to_contain_text(
        f"over version {theirs.version}: this edit's shape, the map's tags"
    )
    item = EditItem.objects.get(change=change)
    assert (item.base_version, item.rebased["shape"], item.rebased["tags"]) == (theirs.version, "ours", "theirs")


def test_a_key_counts_from_the_moment_in_which_a_dialog_is_shut(new_page, stock):
    """The dialog's own "close" comes later, and a fast hand before it."""
    change = doubted(stock)
    newer_map(stock, change)
    page = new_page(stock.admin)
    page.goto(f"/regions/{stock.region.pk}/changes/{change.pk}/")
    page.get_by_role("button", name="Compare 9").click()
    drawn(page)
    dialog = page.get_by_role("dialog")
    dialog.evaluate(f"dialog => dialog.addEventListener('close', () => ({AT_ONCE})(['9']), {{ capture: true }})")
    page.keyboard.press("Escape")
    drawn(page)
    expect(dialog).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)


def test_an_edit_is_dropped_from_the_same_view_by_its_key(new_page, stock):
    change = doubted(stock)
    in_a_changeset(stock, change)
    newer_map(stock, change)
    page = new_page(stock.admin)
    page.goto(f"/regions/{stock.region.pk}/edits/")
    page.get_by_role("button", name=f"Compare change {change.pk} with the newest map").click()
    drawn(page)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert EditItem.objects.filter(change=change).exists()
    page.keyboard.press("c")
    drawn(page)
    page.keyboard.press("d")
    expect(page.locator("#notices")).to_contain_text("its change stays accepted")
    assert not EditItem.objects.filter(change=change).exists()
    assert decision_of(change) == "accept"


def test_in_the_queue_a_newer_state_is_looked_at_before_it_is_accepted_over(new_page, stock, watch):
    watch.expect("400 (Bad Request)")
    change = doubted(stock)
    QueueItem.objects.filter(pk=change.item_id).update(priority=2.0)
    page = new_page(stock.admin)
    open_queue(page, stock)
    page.wait_for_load_state("networkidle")
    theirs = newer_map(stock, change, building="apartments")  # while the person looks at it
    press(page, "a")
    expect(page.locator("#notices")).to_contain_text("a map that came in since you opened it has this building edited")
    expect(page.locator("#newest-map")).to_be_visible()
    assert decision_of(change) == ""
    page.keyboard.press("9")
    drawn(page)
    page.keyboard.press("Escape")
    press(page, "a")
    dialog = page.get_by_role("dialog")
    drawn(page)
    shot(page, "three-way-queue")
    dialog.get_by_role("button", name="Accept all the same").click()
    saved(page)
    until(lambda: decision_of(change) == "accept")
    assert Verdict.objects.get(item=change.item_id).payload["seen_map"] == theirs.snapshot_id


def test_the_page_of_a_change_compares_it_too(new_page, stock):
    change = doubted(stock)
    newer_map(stock, change)
    page = new_page(stock.admin)
    page.goto(f"/regions/{stock.region.pk}/changes/{change.pk}/")
    page.get_by_role("button", name="Compare 9").click()
    drawn(page)
    page.get_by_role("dialog").get_by_role("button", name="Back").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
