"""A matcher on the training page: started, its curves, its model beside what ships, put in use, taken back."""

from __future__ import annotations

import os

import pytest
from playwright.sync_api import Page, expect

from annotation.common.models import Job, JobState
from annotation.common.services.jobs import run_now
from annotation.correspondences.engine import built_in_file, make
from annotation.learning.models import Evaluation, ModelState, ModelVersion, TrainingRun
from mlcore.digests import sha256_of
from mlcore.weights import GENERAL_FILE
from tests.annotation.learning.matched import verified_place
from tests.browser.patience import patient
from tests.browser.screens import shot
from tests.browser.test_accessibility import findings
from tests.factories import UserFactory

SHOTS = os.environ.get("MAPWRIGHT_SHOTS", "")


@pytest.fixture
def place(live_server):
    """A region whose matches two people verified, and an administrator."""
    return verified_place(people=[UserFactory(), UserFactory()]), UserFactory(username="ada", role="admin")


def sound(page: Page, axe: str, name: str) -> None:
    """Nothing that axe-core finds serious, in either theme."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.wait_for_function("() => document.getAnimations().length === 0")
        assert findings(page, axe) == []
        shot(page, f"{name}-{scheme}", whole=True)


@pytest.mark.timeout(900)
def test_a_matcher_is_trained_compared_put_in_use_and_taken_back(new_page, place, axe):
    region, admin = place
    page = new_page(admin)
    page.set_default_timeout(patient(90_000))  # jobs run beside the server
    page.goto(f"/regions/{region.pk}/training/")
    page.get_by_role("link", name="Matcher of all regions").click()
    data = page.locator("#data")
    expect(data).to_contain_text("In use: the matcher that ships.")
    expect(data).to_contain_text("MAPWRIGHT_MATCHER_WEIGHTS")
    expect(data).to_contain_text("18 tiles to learn from, verified by 2 people in 1 region.")
    expect(data).to_contain_text("6 tiles on 2 blocks")
    number = train(page)
    see_it(page, number)
    sound(page, axe, "matcher")
    page.locator("#promote").click()
    model = page.locator(f'[data-model="{number}"]')
    expect(model).to_contain_text("In use")
    expect(data).to_contain_text(f"In use: model {number}.")
    expect(data).to_contain_text("0 of them are new to it.")
    assert make("structure").digest == ModelVersion.objects.get(pk=number).sha256
    page.get_by_role("button", name="Roll back").click()
    page.get_by_role("dialog").get_by_role("button", name="Roll back").click()
    expect(model).to_contain_text("Retired")
    expect(data).to_contain_text("In use: the matcher that ships.")
    assert make("structure").digest == sha256_of(built_in_file())
    refuse_a_file(page)
    sound(page, axe, "matcher-file")


def work(job: Job) -> None:
    """Do the job here, while the page follows it."""
    done = run_now(job)
    assert done.state == JobState.SUCCEEDED, done.error_detail


def train(page: Page) -> int:
    """Start the shortest training and wait until its model is listed."""
    page.get_by_label("Size").select_option("tiny")
    page.get_by_role("button", name="Start the training").click()
    expect(page.locator("#run-progress progress")).to_be_visible()
    work(TrainingRun.objects.get().job)
    expect(page.locator("#runs tr").first).to_contain_text("Done")
    charts = page.locator("#charts figure")
    expect(charts).to_have_count(3)
    expect(charts.first).to_contain_text("The right map at the right place")
    expect(charts.first.locator("svg").first).to_contain_text("epoch 4")
    expect(charts.last).to_contain_text("Higher is better")
    expect(page.locator("#runs tr").first).to_contain_text("17 accepted, 1 adjusted")
    return ModelVersion.objects.get().pk


def see_it(page: Page, number: int) -> None:
    """The model waits as a candidate, with licences, and stands beside what ships."""
    model = page.locator(f'[data-model="{number}"]')
    expect(model).to_contain_text("Not in use")
    expect(model).to_contain_text("the matcher that ships")
    expect(model).to_contain_text("CC-BY-4.0, A survey")
    expect(page.locator("#comparison-title")).to_have_text(f"Model {number} beside the matcher that ships")
    work(Evaluation.objects.get().job)
    table = page.locator("#comparison table")
    expect(table).to_be_visible()
    expect(table.locator("thead")).to_contain_text("The matcher that ships, in use")
    rows = table.locator("tbody tr")
    expect(rows).to_have_count(5)
    expect(rows.first).to_contain_text("Brought within 1 m")
    expect(rows.locator(".badge")).to_have_text(["Too few to tell"] * 5)
    expect(page.locator("#comparison")).to_contain_text("the same 6 verified tiles on 2 blocks of ground")
    assert Evaluation.objects.get().finished_at is not None
    assert ModelVersion.objects.get().state == ModelState.CANDIDATE


def refuse_a_file(page: Page) -> None:
    """A file of another kind of model fails, and says why."""
    page.get_by_label("A model that was trained elsewhere").set_input_files(GENERAL_FILE)
    page.get_by_role("button", name="Check and add").click()
    expect(page.locator("#run-progress progress")).to_be_visible()
    assert run_now(TrainingRun.objects.latest("pk").job).state == JobState.FAILED
    expect(page.locator("#run-progress")).to_contain_text("another kind of model")
    assert ModelVersion.objects.count() == 1


def test_a_reviewer_sees_matchers_and_can_change_nothing(new_page, place, watch):
    watch.expect("404 (Not Found)")
    region, _ = place
    page = new_page(UserFactory())
    page.goto(f"/regions/{region.pk}/training/?kind=matcher")
    expect(page.locator("#data")).to_contain_text("18 tiles to learn from")
    for name in ("Start the training", "Check and add", "Roll back"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)
    assert page.goto(f"/regions/{region.pk}/training/?kind=else").status == 404
