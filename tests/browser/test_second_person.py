"""A region that asks for a second person about removals: set by an admin, told in the queue and beside the edits."""

from __future__ import annotations

from playwright.sync_api import expect

from annotation.review.models import QueueItem
from tests.browser.keys import press
from tests.browser.screens import shot
from tests.browser.test_queue import accept_old, open_queue, saved, until
from tests.factories import UserFactory


def test_a_removal_is_offered_to_somebody_else_before_it_may_leave(new_page, stock):
    QueueItem.objects.exclude(kind="remove").delete()
    first = QueueItem.objects.order_by("-priority", "pk").first()
    QueueItem.objects.exclude(pk=first.pk).delete()
    stock.region.open_to_all = True
    stock.region.save()
    page = new_page(stock.admin)
    page.goto(f"/regions/{stock.region.pk}/")
    page.get_by_text("Settings of the region").click()
    page.get_by_label("A removal leaves only once a second person accepted it too").check()
    expect(page.locator("#second-person-said")).to_contain_text("0 accepted removals")
    open_queue(page, stock)
    expect(page.locator("#second-look")).to_have_count(0)
    press(page, "a")
    accept_old(page)
    saved(page)
    until(lambda: QueueItem.objects.filter(not_for=stock.admin, state="open").exists())
    expect(page.locator("#no-item")).to_contain_text("waits for another person")
    page.goto(f"/regions/{stock.region.pk}/edits/")
    expect(page.locator("#second-waiting")).to_contain_text("1 accepted removal waits for a second person")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        shot(page, f"second-edits-{scheme}")
    other = new_page(UserFactory())
    open_queue(other, stock)
    expect(other.locator("#second-look")).to_contain_text("Somebody accepted this removal")
    for scheme in ("light", "dark"):
        other.emulate_media(color_scheme=scheme)
        shot(other, f"second-queue-{scheme}")
    press(other, "a")
    accept_old(other)
    saved(other)
    until(lambda: QueueItem.objects.filter(state="decided", decision="accept").exists())
    page.reload()
    expect(page.locator("#accepted-count")).to_contain_text("1 change")
    expect(page.locator("#second-waiting")).to_have_count(0)
