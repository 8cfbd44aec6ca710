"""The training page: curves fold by fold, what people decided, and two models side by side in words."""

from __future__ import annotations

import math
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from annotation.common.models import JobFigure, JobState
from annotation.learning.models import DataSet, Evaluation, ModelState, ModelVersion, TrainingRun
from annotation.learning.services.freeze import freeze
from tests.browser.stock import Stock
from tests.factories import JobFactory, UserFactory
from tests.factories_changes import save_decision

LOSSES = ["evidence/loss", "consistency/contrastive_loss", "consistency/cell_loss", "consistency/discriminator_loss"]


def interval(value: float, spread: float) -> dict[str, float]:
    return {"value": value, "low": value - spread, "high": value + spread}


def figure(name: str, word: str, first: float, second: float, spread: float = 0.04, count: int = 400) -> dict[str, Any]:
    return {
        "name": name, "count": count, "word": word, "first": interval(first, spread),
        "second": interval(second, spread), "difference": interval(first - second, spread),
    }  # fmt: skip


FIGURES = [
    figure("tile_auroc", "better", 0.912, 0.843),
    figure("first_precision", "unclear", 0.825, 0.8),
    figure("recall_add", "better", 0.71, 0.52),
    figure("recall_remove", "worse", 0.78, 0.9),
    figure("recall_modify", "unclear", 0.34, 0.33),
    {"name": "agreement", "count": 7, "word": "too_few", "first": None, "second": None, "difference": None},
]


def candidate(stock: Stock, data_set: DataSet) -> ModelVersion:
    """A model that a finished run left, with curves of two folds."""
    job = JobFactory(kind="learning.train", scope_id=stock.region.pk, state=JobState.SUCCEEDED)
    for index, loss in enumerate(LOSSES):
        for fold in (1, 2):
            JobFigure.objects.bulk_create(
                JobFigure(
                    job=job, name=f"{loss}/fold-{fold}", step=step, value=math.exp(-step / (4 + index)) + 0.1 * fold
                )
                for step in range(16)
            )
    for fold, peak in ((1, 6), (2, 9)):
        JobFigure.objects.bulk_create(
            JobFigure(
                job=job, name=f"evidence/held_out_f1/fold-{fold}", step=step, value=0.8 - 0.002 * (step - peak) ** 2
            )
            for step in range(16)
        )
    metrics = {"mapped_tiles": 16, "folds": 2, "fold_0/evidence/loss": 0.21, "fold_1/evidence/loss": 0.25}
    run = TrainingRun.objects.create(
        region=stock.region, data_set=data_set, job=job, created_by=stock.admin, metrics=metrics
    )
    about = {
        "data_digest": data_set.digest, "decisions": data_set.decision_counts, "tiles": 16,
        "imagery": {"licence": "CC0 1.0", "attribution": "A synthetic survey", "captured_on": "2024-05-03"},
        "map": {"licence": "ODbL 1.0", "attribution": "OpenStreetMap contributors"},
    }  # fmt: skip
    return ModelVersion.objects.create(
        region=stock.region, run=run, path="models/new.safetensors", sha256="ef" * 32, metrics=metrics, about=about
    )


@pytest.fixture
def compared(stock: Stock) -> Evaluation:
    """A candidate beside the model in use, which learnt from five of six decisions."""
    *learnt, later = stock.changes[:6]
    for number, change in enumerate(learnt):
        save_decision(stock.admin, change, "accept" if number < 3 else "reject")
    data_set = freeze(region=stock.region, needed=4, anchored=True)
    save_decision(stock.admin, later, "reject")
    return Evaluation.objects.create(
        model=candidate(stock, data_set), against=stock.scan.model, data_set=data_set, frozen_sha256="12" * 32,
        figures=FIGURES, counts={"tiles": 400, "errors": 132, "accepted": 3, "rejected": 2}, finished_at=timezone.now(),
    )  # fmt: skip


def test_both_models_stand_side_by_side_with_the_difference_in_words(new_page, stock, compared):
    page = new_page(stock.admin)
    page.goto(f"/regions/{stock.region.pk}/training/")
    card = page.locator("#comparison")
    expect(card.get_by_role("heading")).to_have_text(f"Model {compared.model_id} beside model {compared.against_id}")
    expect(card.locator(".conclusion")).to_have_text(
        "Better in 2 figures, worse in 1 figure; no clear difference in 2."
    )
    rows = card.locator("tbody tr")
    words = ["Better", "No clear difference", "Better", "Worse", "No clear difference", "Too few to tell"]
    expect(rows.locator(".badge")).to_have_text(words)
    expect(rows.first).to_contain_text("0.912")
    expect(rows.first).to_contain_text("0.872 to 0.952")
    expect(rows.first).to_contain_text("+0.069")
    expect(rows.nth(3)).to_contain_text("−12 points")
    expect(card).to_contain_text("400 tiles with 132 known errors and 5 suggestions that people decided")
    expect(card.get_by_role("button", name=f"Use model {compared.model_id}")).to_be_enabled()


def test_a_reviewer_sees_the_comparison_and_can_change_nothing(new_page, stock, compared):
    page = new_page(UserFactory())
    page.goto(f"/regions/{stock.region.pk}/training/")
    expect(page.locator("#comparison tbody tr")).to_have_count(6)
    expect(page.locator("#data table")).to_be_visible()
    for name in ("Use", "Roll back", "Start the training"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)
    expect(page.get_by_role("link", name="Weights")).to_have_count(0)


def test_every_fold_has_its_own_curve_and_figures_have_readable_names(new_page, stock, compared):
    page = new_page(stock.admin)
    page.goto(f"/regions/{stock.region.pk}/training/")
    charts = page.locator("#charts figure")
    expect(charts).to_have_count(5)
    expect(charts.first.locator("polyline")).to_have_count(4)  # two curves, two samples of the legend
    expect(charts.first).to_contain_text("Building evidence")
    expect(charts.first).to_contain_text("Fold 2")
    expect(charts.first.locator("svg").first).to_contain_text("epoch 16")
    model = page.locator(f'[data-model="{compared.model_id}"]')
    model.get_by_text("Figures of its training").click()
    expect(model).to_contain_text("Tiles learnt from")
    expect(model).to_contain_text("0.210 to 0.250 over 2 folds")
    expect(model).to_contain_text("ODbL 1.0, OpenStreetMap contributors")
    expect(page.locator("main, body").first).not_to_contain_text("fold_0")


def test_the_best_epoch_on_tiles_held_out_is_marked_beside_the_loss(new_page, stock, compared):
    page = new_page(stock.admin)
    page.goto(f"/regions/{stock.region.pk}/training/")
    chart = page.locator("#charts figure").nth(1)
    expect(chart).to_contain_text("Buildings found on tiles held out")
    expect(chart).to_contain_text("Higher is better.")
    expect(chart.locator(".chart-best")).to_have_count(2)
    expect(chart.locator(".chart-legend li")).to_contain_text(["best 0.8 in epoch 7", "best 0.8 in epoch 10"])
    rings = [ring.bounding_box() for ring in chart.locator(".chart-best").all()]
    assert rings[0]["x"] < rings[1]["x"]
    expect(page.locator("#charts figure").first.locator(".chart-best")).to_have_count(0)


def test_what_the_next_training_learns_is_counted_before_it_starts(new_page, stock, compared):
    ModelVersion.objects.filter(pk=compared.against_id).update(state=ModelState.RETIRED)
    ModelVersion.objects.filter(pk=compared.model_id).update(state=ModelState.ACTIVE)
    page = new_page(stock.admin)
    page.goto(f"/regions/{stock.region.pk}/training/")
    expect(page.locator("#data table")).to_be_visible()
    numbers = page.locator("#data tbody td").all_text_contents()
    assert sum(int(number) for number in numbers) == 6
    expect(page.locator("#data")).to_contain_text(f"1 of them is new to model {compared.model_id}, in use.")
    expect(page.locator("#runs tr").first).to_contain_text("3 accepted, 2 rejected")


def test_a_model_without_a_comparison_gets_one_by_a_click(new_page, stock, compared):
    compared.delete()
    page = new_page(stock.admin)
    page.goto(f"/regions/{stock.region.pk}/training/")
    page.get_by_role("button", name=f"Compare model {compared.model_id}").click()
    card = page.locator("#comparison")
    expect(card).to_contain_text("Both models are being scored on the same tiles")
    evaluation = Evaluation.objects.get(model=compared.model_id)
    assert evaluation.job is not None and evaluation.job.state == JobState.QUEUED
    card.get_by_role("button", name="Cancel").click()
    expect(card.get_by_role("button", name="Compare again")).to_be_visible()


def test_an_empty_seed_starts_nothing(new_page, stock, compared, watch):
    watch.expect("400 (Bad Request)")
    runs = TrainingRun.objects.count()
    page = new_page(stock.admin)
    page.goto(f"/regions/{stock.region.pk}/training/")
    page.get_by_label("Seed").fill("")
    page.get_by_role("button", name="Start the training").click()
    expect(page.get_by_label("Seed")).to_be_focused()
    expect(page.locator("#train-form")).to_contain_text("Give a whole number")
    assert TrainingRun.objects.count() == runs


def test_what_is_drawn_anew_keeps_its_focus_and_stays_unfolded(new_page, stock, compared):
    page = new_page(stock.admin)
    page.goto(f"/regions/{stock.region.pk}/training/")
    page.evaluate(
        """async () => {
          const { el, refill } = await import("mapwright/lib/dom.js");
          const node = document.body.appendChild(el("div", { id: "again" }));
          const more = () => el("details", {}, el("summary", { text: "More" }));
          const draw = () => refill(node, el("button", { text: "Cancel" }), more());
          draw();
          node.querySelector("button").focus();
          node.querySelector("details").open = true;
          draw();
        }"""
    )
    expect(page.locator("#again button")).to_be_focused()
    expect(page.locator("#again details")).to_have_attribute("open", "")
