"""The closed loop in a browser: decide, train again, see both models side by side, put the new one in use, go back."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from annotation.learning.models import DataSet, Evaluation, ModelState, ModelVersion
from tests.browser.keys import press
from tests.browser.patience import patient
from tests.browser.stock import Stock, stock_region

WORK_MS = 240_000


@pytest.fixture
def stock(town, town_files, live_server) -> Stock:
    """A scanned region without a model that could be loaded: the first training makes one."""
    stock = stock_region(town, town_files)
    ModelVersion.objects.filter(region=stock.region).update(state=ModelState.RETIRED)
    return stock


@pytest.mark.timeout(900)
def test_what_people_decide_is_learnt_compared_and_put_in_use(new_page, stock: Stock, worker, tmp_path: Path):
    page = new_page(stock.admin)
    page.set_default_timeout(patient(90_000))  # the worker computes on the same cores
    first = train(page, stock, seed=0)
    expect(page.locator(f'[data-model="{first}"]')).to_contain_text("In use")
    expect(page.locator("#data")).to_contain_text("Nobody has decided")
    decide(page, stock)
    look_at_what_will_be_learnt(page, stock, first)
    second = train(page, stock, seed=1)
    see_both(page, first, second)
    card = tmp_path / "card.md"
    with page.expect_download() as download:
        page.get_by_role("link", name=f"Model card of model {second}").click()
    download.value.save_as(card)
    assert f"beside model {first}" in card.read_text() and "CC0 1.0" in card.read_text()
    promote_and_go_back(page, first, second)


def train(page: Page, stock: Stock, seed: int) -> int:
    """Start a training of the smallest preset on the page and wait until its model is listed."""
    before = set(ModelVersion.objects.values_list("pk", flat=True))
    page.goto(f"/regions/{stock.region.pk}/training/")
    page.get_by_label("Size").select_option("tiny")
    page.get_by_label("Seed").fill(str(seed))
    page.get_by_role("button", name="Start the training").click()
    expect(page.locator("#run-progress progress")).to_be_visible()
    expect(page.locator("#runs tr").first).to_contain_text("Done", timeout=patient(WORK_MS))
    made = set(ModelVersion.objects.values_list("pk", flat=True)) - before
    assert len(made) == 1
    number = made.pop()
    expect(page.locator(f'[data-model="{number}"]')).to_be_visible()
    expect(page.locator("#charts figure").first).to_contain_text("Fold 2")
    return number


def decide(page: Page, stock: Stock) -> None:
    """Accept one suggestion and reject two, by keys; take back a fourth answer."""
    page.goto(f"/regions/{stock.region.pk}/changes/review/")
    expect(page.locator("#review")).to_be_visible()
    saved = page.locator("#saved-state")
    for count, key in enumerate(("a", "r", "r", "r"), start=1):
        press(page, key)
        anyway = page.get_by_role("button", name="Accept anyway")
        if key == "a" and anyway.count():
            anyway.click()
        expect(page.locator("#undo-what")).to_contain_text("accepted" if key == "a" else "rejected")
        expect(saved).to_have_attribute("data-state", "saved")
        wait_for_decisions(page, count)
    page.keyboard.press("u")
    expect(saved).to_have_attribute("data-state", "saved")
    wait_for_decisions(page, 3)


def wait_for_decisions(page: Page, count: int) -> None:
    """Until the server has so many decisions in force."""
    page.wait_for_function(
        """async (count) => {
            const region = JSON.parse(document.getElementById("page-data").textContent).region.id;
            const data = await (await fetch(`/api/regions/${region}/training-data/`)).json();
            const words = Object.values(data.decisions).flatMap((kind) => Object.values(kind));
            return words.reduce((sum, one) => sum + one, 0) === count;
        }""",
        arg=count,
    )


def look_at_what_will_be_learnt(page: Page, stock: Stock, first: int) -> None:
    page.goto(f"/regions/{stock.region.pk}/training/")
    expect(page.locator("#data table")).to_be_visible()
    expect(page.locator("#data")).to_contain_text(f"3 of them are new to model {first}, in use.")
    numbers = [int(text) for text in page.locator("#data tbody td").all_text_contents()]
    assert sum(numbers) == 3


def see_both(page: Page, first: int, second: int) -> None:
    assert len(DataSet.objects.get(runs__model_version=second).decisions) == 3
    expect(page.locator("#runs tr").first).to_contain_text("1 accepted, 2 rejected")
    expect(page.locator("#comparison-title")).to_have_text(f"Model {second} beside model {first}")
    table = page.locator("#comparison table")
    expect(table).to_be_visible(timeout=patient(WORK_MS))
    expect(table.locator("thead")).to_contain_text(f"Model {first}, in use")
    rows = table.locator("tbody tr")
    expect(rows).to_have_count(6)
    words = set(rows.locator(".badge").all_text_contents())
    assert words <= {"Better", "Worse", "No clear difference", "Too few to tell"}
    expect(rows.last).to_contain_text("At least 5 accepted and 5 rejected")
    evaluation = Evaluation.objects.get(model=second)
    assert evaluation.against_id == first and evaluation.finished_at is not None
    expect(page.locator("#comparison")).to_contain_text(evaluation.frozen_sha256[:12])


def promote_and_go_back(page: Page, first: int, second: int) -> None:
    page.locator("#promote").click()
    expect(page.locator(f'[data-model="{second}"]')).to_contain_text("In use")
    expect(page.locator(f'[data-model="{first}"]')).to_contain_text("Retired")
    expect(page.locator("#data")).to_contain_text(f"None is new to model {second}")
    page.get_by_role("button", name="Roll back").click()
    page.get_by_role("dialog").get_by_role("button", name="Roll back").click()
    expect(page.locator(f'[data-model="{first}"]')).to_contain_text("In use")
    assert ModelVersion.objects.get(state=ModelState.ACTIVE).pk == first
