"""Lists and cards that draw themselves anew: who stands on a button stays on it, and the last wish is shown."""

from __future__ import annotations

from django.utils import timezone
from playwright.sync_api import Page, expect

from annotation.common.models import Job, JobState
from annotation.learning.models import Evaluation, ModelVersion, TrainingRun
from tests.browser.holding import Held, first_only
from tests.browser.stock import Stock
from tests.browser.test_training_page import compared  # noqa: F401 (a fixture)
from tests.browser.test_training_trials import third  # noqa: F401 (a fixture)
from tests.factories import JobFactory


def training(page: Page, stock: Stock) -> None:
    page.goto(f"/regions/{stock.region.pk}/training/")
    expect(page.locator("#models .model").first).to_be_visible()


def mark(page: Page, selector: str) -> None:
    page.locator(selector).first.evaluate("one => (one.dataset.before = '')")


def drawn_over(page: Page) -> None:
    expect(page.locator("[data-before]")).to_have_count(0)


def begun(model: ModelVersion, against: ModelVersion, like: Evaluation, **more) -> Evaluation:
    return Evaluation.objects.create(
        model=model, against=against, data_set=like.data_set, frozen_sha256="56" * 32, figures=[], counts={}, **more
    )


def test_a_model_that_comes_on_top_moves_neither_the_keyboard_nor_what_is_unfolded(new_page, stock, compared):  # noqa: F811
    page = new_page(stock.admin)
    training(page, stock)
    old = page.locator(f'[data-model="{compared.model_id}"]')
    old.get_by_text("Figures of its training").click()
    run = TrainingRun.objects.create(region=stock.region, data_set=compared.data_set)
    new = ModelVersion.objects.create(region=stock.region, run=run, path="models/9.safetensors", sha256="ab" * 32)
    old.get_by_role("button", name="Use this one").focus()
    mark(page, "#models .model")
    page.locator(f"#words-of-model-{compared.against_id}").evaluate("form => form.requestSubmit()")
    drawn_over(page)
    fresh = page.locator(f'[data-model="{new.pk}"]')
    expect(fresh.get_by_role("button", name="Use this one")).to_be_visible()
    expect(old.get_by_role("button", name="Use this one")).to_be_focused()
    expect(old.locator("details[open]")).to_contain_text("Figures of its training")
    expect(fresh.locator("details[open]")).to_have_count(0)


def test_who_saves_by_a_key_stands_on_the_button_of_the_card_that_is_drawn_anew(new_page, stock, compared):  # noqa: F811
    page = new_page(stock.admin)
    training(page, stock)
    card = page.locator(f'[data-model="{compared.model_id}"]')
    card.get_by_text("Name it, note something").click()
    card.get_by_label("Name").fill("Before the flood")
    saving = Held(page, f"**/api/models/{compared.model_id}/")
    card.get_by_role("button", name="Save").focus()
    mark(page, "#models .model")
    page.keyboard.press("Enter")
    saving.come()
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")  # focus is lost
    saving.let_go()
    drawn_over(page)
    expect(card.get_by_role("button", name="Save")).to_be_focused()
    expect(card.locator("details[open]")).to_contain_text("Change name and notes")


def test_the_comparison_that_was_asked_for_last_is_shown_whichever_comes_first(new_page, stock, compared, third):  # noqa: F811
    Evaluation.objects.all().delete()
    page = new_page(stock.admin)
    training(page, stock)
    slow = Held(page, "**/evaluations/", first_only())
    page.get_by_role("button", name=f"Compare model {compared.model_id}").click()
    slow.come()
    page.get_by_role("button", name=f"Compare model {third.pk}").click()
    title = page.locator("#comparison-title")
    expect(title).to_contain_text(f"Model {third.pk} beside")
    slow.let_go()
    expect(page.get_by_role("button", name=f"Compare model {compared.model_id}")).to_be_enabled()  # its answer is here
    expect(title).to_contain_text(f"Model {third.pk} beside")


def test_who_stands_on_cancel_or_use_stays_there_while_a_comparison_runs(new_page, stock, compared):  # noqa: F811
    job = JobFactory(kind="learning.evaluate", scope_id=stock.region.pk, state=JobState.RUNNING, progress=0.1)
    Evaluation.objects.update(job=job, figures=[], finished_at=None)
    page = new_page(stock.admin)
    training(page, stock)
    for button in ("#comparison-body button", "#promote"):
        page.locator(button).focus()
        mark(page, "#comparison-body button")
        Job.objects.filter(pk=job.pk).update(message=f"Scoring, {button}")
        drawn_over(page)
        expect(page.locator("#comparison-body")).to_contain_text(button)
        expect(page.locator(button)).to_be_focused()


def test_a_comparison_that_has_ended_is_shown_again_without_being_started_anew(new_page, stock, compared, third):  # noqa: F811
    job = JobFactory(kind="learning.evaluate", scope_id=stock.region.pk, state=JobState.RUNNING)
    running = begun(third, compared.against, compared, job=job)
    page = new_page(stock.admin)
    training(page, stock)
    title = page.locator("#comparison-title")
    expect(title).to_contain_text(f"Model {third.pk} beside")
    Evaluation.objects.filter(pk=running.pk).update(
        figures=compared.figures, counts=compared.counts, finished_at=timezone.now()
    )
    Job.objects.filter(pk=job.pk).update(state=JobState.SUCCEEDED, progress=1)
    expect(page.locator("#comparison tbody tr")).to_have_count(6)
    page.get_by_role("button", name=f"Compare model {compared.model_id}").click()
    expect(title).to_contain_text(f"Model {compared.model_id} beside")
    started: list[str] = []
    page.on("request", lambda request: started.append(request.url) if request.method == "POST" else None)
    page.get_by_role("button", name=f"Compare model {third.pk}").click()
    expect(title).to_contain_text(f"Model {third.pk} beside")
    expect(page.locator("#comparison tbody tr")).to_have_count(6)
    assert started == []
