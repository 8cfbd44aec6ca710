"""The tag form and the answer that a building still stands, where they are small and where they are dark."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from annotation.review.models import QueueItem
from annotation.sources.models import Region
from tests.browser.keys import press
from tests.browser.screens import shots
from tests.browser.test_accessibility import in_both
from tests.browser.test_little_room import PHONE, fits
from tests.browser.test_queue import open_queue

LAPTOP = {"width": 1366, "height": 768}


@pytest.mark.parametrize("size", [LAPTOP, PHONE], ids=["laptop", "phone"])
def test_both_are_reached_and_read_on_a_laptop_and_on_a_phone(new_page, stock, axe, size):
    Region.objects.update(confirm_standing=True)
    doubted = next(one for one in stock.changes if one.kind == "modify")
    type(doubted.footprint).objects.update(edited_at=None)
    QueueItem.objects.filter(pk=doubted.item_id).update(priority=2.0)
    page = new_page(stock.admin)
    page.set_viewport_size(size)
    open_queue(page, stock)
    stands = page.locator("#stands")
    stands.scroll_into_view_if_needed()
    expect(stands).to_be_in_viewport(ratio=0.95)
    expect(stands).to_be_enabled()
    assert fits(page)
    shots(page, f"stands-{size['width']}")
    press(page, ",")
    dialog = page.get_by_role("dialog")
    for key, value in (("roof:shape", "gabled"), ("roof:material", "tile")):
        dialog.get_by_role("button", name="Another tag").click()
        dialog.get_by_label("Key", exact=True).last.fill(key)
        dialog.get_by_label("Value", exact=True).last.fill(value)
    remove = dialog.get_by_role("button", name="Remove this tag").last
    remove.scroll_into_view_if_needed()
    expect(remove).to_be_in_viewport(ratio=0.95)
    shots(page, f"tag-form-{size['width']}")
    assert fits(page) and dialog.evaluate("one => one.scrollWidth <= one.clientWidth")
    assert in_both(page, axe) == []
