"""Trials on the training page: settings changed before a start, any two models side by side, how long it takes yet."""

from __future__ import annotations

import datetime as dt

import pytest
from playwright.sync_api import expect

from annotation.common.models import Job, JobState
from annotation.learning.models import Evaluation, ModelVersion, TrainingRun
from tests.browser.screens import shot
from tests.browser.test_training_page import compared  # noqa: F401 (a fixture)
from tests.factories import JobFactory


def test_settings_are_changed_by_name_a_wrong_one_is_told_and_the_run_says_what_differs(new_page, stock, watch):
    watch.expect("400 (Bad Request)")
    page = new_page(stock.admin)
    page.goto(f"/regions/{stock.region.pk}/training/")
    page.get_by_label("Size").select_option("tiny")
    page.get_by_text("Change settings of this size").click()
    add = page.get_by_role("button", name="Change one")
    expect(add).to_be_enabled()
    add.click()
    name, value = page.get_by_label("Setting to change"), page.get_by_label("Its value")
    expect(name).to_be_focused()
    name.select_option("evidence.epochs")
    expect(page.locator(".setting .hint")).to_have_text("In place of 2.")
    value.fill("many")
    page.get_by_role("button", name="Start the training").click()
    expect(page.locator("#train-form .error")).to_contain_text("evidence.epochs takes a whole number, such as 2")
    value.fill("3")
    add.click()
    expect(name.last).not_to_have_value("evidence.epochs")  # a setting has one row
    expect(name.last.locator('option[value="evidence.epochs"]')).to_be_disabled()
    name.last.select_option("initial")
    expect(value.last).to_have_value("true")
    shot(page, "training-settings", whole=True)
    page.locator(".setting").last.get_by_role("button", name="Leave it").click()
    expect(add).to_be_focused()
    page.get_by_role("button", name="Start the training").click()
    expect(page.locator("#run-facts")).to_contain_text("evidence.epochs = 3")
    run = TrainingRun.objects.latest("pk")
    assert (run.preset, run.config["evidence"]["epochs"], run.config["initial"]) == ("tiny", 3, False)
    expect(page.locator(".setting")).to_have_count(0)


@pytest.fixture
def third(compared: Evaluation) -> ModelVersion:  # noqa: F811
    """A model beside the two that were compared."""
    first = compared.model
    run = TrainingRun.objects.create(region=first.region, data_set=first.run.data_set)
    return ModelVersion.objects.create(region=first.region, run=run, path="models/3.safetensors", sha256="aa" * 32)


def test_any_two_models_are_held_side_by_side(new_page, stock, compared, third, watch):  # noqa: F811
    watch.expect("409 (Conflict)")
    page = new_page(stock.admin)
    page.goto(f"/regions/{stock.region.pk}/training/")
    title = page.locator("#comparison-title")
    expect(title).to_have_text(f"Model {compared.model_id} beside model {compared.against_id}")
    form = page.locator("#compare-form")
    form.get_by_label("Model").select_option(str(third.pk))
    form.get_by_label("Beside").select_option(str(third.pk))
    form.get_by_role("button").click()
    expect(form.locator(".error")).to_contain_text("name a second model")
    form.get_by_label("Beside").select_option(str(compared.model_id))
    form.get_by_role("button").click()
    expect(title).to_have_text(f"Model {third.pk} beside model {compared.model_id}")
    expect(page.locator("#comparison-body progress")).to_be_visible()
    evaluation = Evaluation.objects.latest("pk")
    assert (evaluation.model_id, evaluation.against_id) == (third.pk, compared.model_id)
    evaluation.finish(compared.figures, compared.counts, "34" * 32)
    Job.objects.filter(pk=evaluation.job_id).update(state=JobState.SUCCEEDED, progress=1)
    expect(page.locator("#comparison tbody tr")).to_have_count(6)
    expect(title).to_have_text(f"Model {third.pk} beside model {compared.model_id}")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        shot(page, f"compare-two-{scheme}", whole=True)


def test_running_work_says_how_long_it_takes_yet(new_page, stock):
    job = JobFactory(
        kind="learning.train", scope_id=stock.region.pk, state=JobState.RUNNING, progress=0.2, message="evidence"
    )
    TrainingRun.objects.create(region=stock.region, data_set=stock.scan.model.run.data_set, job=job)
    page = new_page(stock.admin)
    begun = dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)
    page.clock.set_fixed_time(begun)
    page.goto(f"/regions/{stock.region.pk}/training/")
    line = page.locator("#run-progress .progress-line")
    expect(line).to_contain_text("20 %")
    expect(line).not_to_contain_text("left")
    page.clock.set_fixed_time(begun + dt.timedelta(minutes=1))
    Job.objects.filter(pk=job.pk).update(progress=0.4)
    expect(line).to_contain_text("40 %")
    expect(line).to_contain_text("about 3 min left")
