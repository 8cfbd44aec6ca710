"""A person asks for a digest on their account page, and leaves it by the link of a message."""

from __future__ import annotations

from django.test import override_settings
from playwright.sync_api import expect

from annotation.digest.models import Digest
from annotation.digest.services.choose import token_of
from tests.browser.screens import shots
from tests.browser.test_accessibility import in_both
from tests.browser.test_little_room import PHONE, fits
from tests.browser.test_queue import until
from tests.factories import UserFactory


def test_a_digest_is_asked_for_on_ones_account_and_left_by_its_link(new_page, axe):
    ana = UserFactory(username="ana", email="ana@example.org")
    with override_settings(SENDS_EMAIL=True):
        page = new_page(ana)
        page.set_viewport_size(PHONE)
        page.goto("/account/")
        often = page.get_by_label("How often")
        expect(often).to_be_enabled()
        expect(page.locator("#digest-state")).to_have_text("You get none. It would come to ana@example.org.")
        often.select_option("week")
        page.get_by_role("button", name="Save").click()
        expect(page.locator("#digest-state")).to_have_text("It comes to ana@example.org every week.")
        page.locator("#digest-form").scroll_into_view_if_needed()
        shots(page, "digest")
        assert fits(page) and in_both(page, axe) == []
        digest = Digest.objects.get(user=ana, every="week")
        mail = new_page()
        mail.set_viewport_size(PHONE)
        mail.goto(f"/digest/{token_of(digest)}/")
        shots(mail, "digest-leave")
        assert fits(mail) and in_both(mail, axe) == []
        mail.get_by_role("button", name="Send me no more").click()
        expect(mail.get_by_role("status").first).to_contain_text("No digest goes to ana@example.org any more.")
        until(lambda: Digest.objects.get(pk=digest.pk).every == "never")
