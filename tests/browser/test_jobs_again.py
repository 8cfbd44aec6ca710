"""The page of jobs: what was given up is found and tried again, by those who may."""

import pytest
from playwright.sync_api import expect

from annotation.common.models import Job, JobState
from tests.browser.screens import shots
from tests.factories import JobFactory, RegionFactory, UserFactory

pytestmark = pytest.mark.browser
GIVEN_UP = {"state": JobState.FAILED, "attempts": 3, "error_detail": "its worker died 3 times; give it more memory"}


def test_an_admin_finds_what_was_given_up_and_tries_it_again(new_page):
    region = RegionFactory()
    dead = JobFactory(kind="learning.train", scope_id=region.pk, message="epoch 3 of 9", progress=0.3, **GIVEN_UP)
    JobFactory(kind="tiles.build_pairs", scope_id=region.pk, state=JobState.SUCCEEDED, progress=1)
    page = new_page(UserFactory(role="admin"))
    page.goto("/jobs/")
    expect(page.locator(".job-card")).to_have_count(2)
    page.get_by_label("State").select_option("Given up after all tries")
    card = page.locator(".job-card")
    expect(card).to_have_count(1)
    expect(card).to_contain_text("its worker died 3 times")
    expect(card).to_contain_text("3 of 3")
    shots(page, "jobs-given-up")
    card.get_by_role("button", name="Try again").click()
    expect(card).to_contain_text("Waiting")
    expect(card.get_by_role("button", name="Cancel")).to_be_visible()
    assert Job.objects.get(pk=dead.pk).state == JobState.QUEUED


def test_who_neither_started_it_nor_is_an_admin_sees_no_button(new_page):
    reviewer = UserFactory()
    region = RegionFactory(members=[reviewer])
    JobFactory(kind="learning.train", scope_id=region.pk, **GIVEN_UP)
    page = new_page(reviewer)
    page.goto("/jobs/")
    expect(page.locator(".job-card")).to_contain_text("its worker died")
    expect(page.get_by_role("button", name="Try again")).to_have_count(0)


def test_why_it_can_not_be_tried_again_is_told(new_page, watch):
    watch.expect("409 (Conflict)")
    region = RegionFactory()
    JobFactory(kind="sources.import_imagery", scope_id=region.pk, **GIVEN_UP)
    page = new_page(UserFactory(role="admin"))
    page.goto("/jobs/")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("import it again on the page of sources")).to_be_visible()
    expect(page.get_by_role("button", name="Try again")).to_be_enabled()
