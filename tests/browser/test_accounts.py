"""One's own account, and who works on a region."""

from __future__ import annotations

import re

from playwright.sync_api import expect
from rest_framework.authtoken.models import Token

from annotation.sources.models import Region
from tests.browser.screens import shot
from tests.factories import PASSWORD, RegionFactory, UserFactory


def test_a_reviewer_changes_the_own_password_and_makes_a_token(new_page, live_server):
    ana = UserFactory(username="ana")
    page = new_page(ana)
    page.goto("/")
    page.get_by_role("link", name="ana").click()
    page.get_by_role("button", name="Make a token").click()
    shown = page.locator("#token-shown code")
    expect(shown).to_have_text(re.compile("[0-9a-f]{40}"))
    first = shown.inner_text()
    assert first == Token.objects.get(user=ana).key
    shot(page, "account")
    page.get_by_role("button", name="Replace it").click()
    page.get_by_role("dialog").get_by_role("button", name="Replace it").click()
    expect(shown).not_to_have_text(first)
    expect(shown).to_have_text(Token.objects.get(user=ana).key)
    page.get_by_label("Old password").fill("wrong")
    for label in ("New password", "New password confirmation"):
        page.get_by_label(label, exact=True).fill("another horse battery")
    page.get_by_role("button", name="Change it").click()
    expect(page.locator(".field .error")).to_contain_text("old password")
    page.get_by_label("Old password").fill(PASSWORD)
    for label in ("New password", "New password confirmation"):
        page.get_by_label(label, exact=True).fill("another horse battery")
    page.get_by_role("button", name="Change it").click()
    expect(page.locator(".note-good")).to_contain_text("Your password is changed")
    ana.refresh_from_db()
    assert ana.check_password("another horse battery")
    page.goto("/")
    expect(page.get_by_role("heading", name="Regions")).to_be_visible()


def test_an_admin_renames_a_region_and_lets_people_in(new_page, live_server, watch):
    watch.expect("400 (Bad Request)")
    admin, ben = UserFactory(username="ada", role="admin"), UserFactory(username="ben")
    region = RegionFactory(name="Towm")
    page = new_page(admin)
    page.goto(f"/regions/{region.pk}/")
    page.get_by_text("Settings of the region").click()
    page.get_by_label("Name", exact=True).fill("Town")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("h1")).to_have_text("Town")
    page.get_by_label("Let somebody in").fill("nobody")
    page.get_by_role("button", name="Add").click()
    expect(page.locator("#member-form")).to_contain_text("nobody named nobody")
    page.get_by_label("Let somebody in").fill("ben")
    page.get_by_role("button", name="Add").click()
    expect(page.locator("#members")).to_contain_text("ben, reviewer")
    shot(page, "region-settings")
    theirs = new_page(ben)
    theirs.goto(f"/regions/{region.pk}/")
    expect(theirs.locator("h1")).to_have_text("Town")
    page.get_by_role("button", name="Remove ben").click()
    expect(page.locator("#members")).to_contain_text("Nobody but the admins")
    assert Region.objects.visible_to(ben).count() == 0
