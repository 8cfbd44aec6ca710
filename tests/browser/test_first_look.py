"""From an import to an answer without a training, and the queue of the model that is trained meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from annotation.changes.models import Change
from annotation.common.models import Job, JobState
from annotation.learning.models import GENERAL, REGION
from annotation.review.models import ItemState, QueueItem
from annotation.sources.models import Region
from tests.browser.keys import press
from tests.browser.patience import patient
from tests.browser.test_journey import WORK_MS, sign_in_and_create, upload
from tests.browser.test_queue import until
from tests.factories import UserFactory


@pytest.fixture
def looking_worker(monkeypatch, request):
    """A worker that looks at what it imports, and trains the smallest model."""
    monkeypatch.setenv("MAPWRIGHT_FIRST_LOOK", "1")
    monkeypatch.setenv("MAPWRIGHT_FIRST_LOOK_TRAINING", "tiny")
    return request.getfixturevalue("worker")


@pytest.mark.timeout(900)
def test_a_first_look_is_answered_and_the_answer_stands_in_the_queue_of_the_trained_model(
    new_page, town_files: Path, looking_worker, live_server
):
    UserFactory(username="ada", role="admin")
    page = new_page()
    page.set_default_timeout(patient(90_000))  # the worker computes on the same cores
    sign_in_and_create(page)
    upload(page, town_files)
    page.get_by_role("link", name="Overview").click()
    until(lambda: ended("changes.first_look"), WORK_MS / 1000)
    answered = answer_one(page)
    until(lambda: ended("changes.main_job"), WORK_MS / 1000)
    see_the_other_queue(page, answered)


def ended(kind: str) -> bool:
    job = Job.objects.filter(kind=kind).first()
    assert job is None or job.state not in {JobState.FAILED, JobState.CANCELLED}, job.error_detail
    return job is not None and job.state == JobState.SUCCEEDED


def answer_one(page: Page) -> int:
    """Reject what is asked first; the page says whose suggestion it is."""
    region = Region.objects.get()
    page.goto(f"/regions/{region.pk}/changes/review/")
    expect(page.locator("#first-look")).to_contain_text("First look, untuned model")
    expect(page.locator("#review")).to_be_visible()
    expect(page.locator("#subject")).to_contain_text("First look, untuned model")
    press(page, "r")
    expect(page.locator("#undo-what")).to_have_text("Undo: rejected")
    expect(page.locator("#saved-state")).to_have_attribute("data-state", "saved")
    until(lambda: QueueItem.objects.filter(decision="reject").exists(), 60)
    return QueueItem.objects.get(decision="reject").pk


def see_the_other_queue(page: Page, answered: int) -> None:
    item = QueueItem.objects.get(pk=answered)
    assert (item.state, item.decision) == (ItemState.DECIDED, "reject")
    assert item.change.scan.model.kind == GENERAL
    waiting = Change.objects.filter(item__state=ItemState.OPEN, item__outdated=False)
    assert {change.scan.model.kind for change in waiting.select_related("scan__model")} == {REGION}
    assert not waiting.filter(fingerprint=item.change.fingerprint).exists()
    page.goto(f"/regions/{Region.objects.get().pk}/changes/review/")
    expect(page.locator("#first-look")).to_have_count(0)
    expect(page.locator("#review")).to_be_visible()
    page.goto(f"/regions/{Region.objects.get().pk}/changes/")
    page.locator("select[name=decision]").select_option("reject")
    expect(page.locator("#rows tr")).to_have_count(1)
