"""A suggestion is opened, the map's server turns out to have its building newer, and a person compares the two."""

from __future__ import annotations

from playwright.sync_api import expect

from annotation.changes.models import Change
from annotation.review.models import QueueItem
from tests.browser.keys import press
from tests.browser.screens import shot, shots
from tests.browser.test_accessibility import in_both
from tests.browser.test_queue import decision_of, open_queue, saved, until
from tests.browser.test_three_way import LAPTOP, doubted, drawn
from tests.osm_server import OsmServer


def moved_on(osm: OsmServer, change: Change) -> None:
    """On the server somebody moved the building by some metres and tagged it."""
    base = change.footprint
    corners = {node[0]: node for node in base.nodes}.values()
    osm.put(
        *(("node", ref, 2, {"lon": lon + 3e-5, "lat": lat + 2e-5}) for ref, _, lon, lat, *_ in corners),
        ("way", base.osm_id, base.version + 2, {
            "body": [node[0] for node in base.nodes], "tags": {**base.tags, "building:levels": "4"},
        }),
    )  # fmt: skip


def test_the_page_of_a_change_tells_that_the_map_has_it_newer_and_compares_it(new_page, osm, stock, axe):
    change = doubted(stock)
    moved_on(osm, change)
    page = new_page(stock.admin)
    page.set_viewport_size(LAPTOP)
    page.goto(f"/regions/{stock.region.pk}/changes/{change.pk}/")
    note = page.locator("#on-server")
    expect(note).to_contain_text("The map has a newer version.")
    expect(note).to_contain_text(f"{change.footprint.key} is at version {change.footprint.version + 2} by now")
    shots(page, "on-server")
    assert in_both(page, axe) == []
    note.get_by_role("button", name="Compare 9").click()
    dialog = page.get_by_role("dialog", name="This suggestion and the map's server")
    drawn(page)
    expect(dialog.get_by_role("row").filter(has_text="building:levels")).to_contain_text("4")
    shots(page, "on-server-compared")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    page.keyboard.press("9")
    drawn(page)


def test_in_the_queue_a_newer_version_is_shown_before_it_is_accepted_over(new_page, osm, stock):
    change = doubted(stock)
    QueueItem.objects.filter(pk=change.item_id).update(priority=2.0)
    moved_on(osm, change)
    page = new_page(stock.admin)
    open_queue(page, stock)
    expect(page.locator("#on-server")).to_contain_text("The map has a newer version.")
    shot(page, "on-server-queue")
    press(page, "a")
    dialog = page.get_by_role("dialog", name="This suggestion and the map's server")
    drawn(page)
    assert decision_of(change) == ""
    dialog.get_by_role("button", name="Accept all the same").click()
    saved(page)
    until(lambda: decision_of(change) == "accept")


def test_a_server_that_fails_is_said_quietly_and_keeps_nobody(new_page, osm, stock):
    change = doubted(stock)
    QueueItem.objects.filter(pk=change.item_id).update(priority=2.0)
    osm.answer("GET", "full", 503, "down for an hour", times=9)
    page = new_page(stock.admin)
    open_queue(page, stock)
    expect(page.locator("#on-server")).to_contain_text("not known")
    expect(page.locator("#on-server")).to_contain_text("down for an hour")
    shot(page, "on-server-failed")
    expect(page.locator("#notices")).to_be_empty()
    press(page, "a")
    saved(page)
    until(lambda: decision_of(change) == "accept")
