"""What is typed, chosen or stood upon stays while a page draws itself anew."""

from __future__ import annotations

import json
import re

from playwright.sync_api import expect

from annotation.common.models import Job
from tests.browser.holding import Held
from tests.browser.test_search import cards, search, searched  # noqa: F401
from tests.browser.test_training_page import compared  # noqa: F401


def test_notes_that_are_being_written_stay_when_the_models_are_listed_anew(new_page, stock, compared):  # noqa: F811
    page = new_page(stock.admin)
    page.goto(f"/regions/{stock.region.pk}/training/")
    card = page.locator(f'[data-model="{compared.against_id}"]')
    card.get_by_text("Name it, note something").click()
    card.get_by_label("Notes").fill("Half a thought")
    page.locator(f"#notes-of-model-{compared.against_id}").evaluate("field => field.setSelectionRange(4, 4)")
    page.locator(".model").evaluate_all("cards => cards.forEach((one) => (one.dataset.before = ''))")
    # Another card's form lists the models anew.
    page.locator(f"#words-of-model-{compared.model_id}").evaluate("form => form.requestSubmit()")
    expect(page.locator(".model[data-before]")).to_have_count(0)
    expect(card.get_by_label("Notes")).to_have_value("Half a thought")
    expect(card.get_by_label("Notes")).to_be_focused()
    page.keyboard.type(" of")
    expect(card.get_by_label("Notes")).to_have_value("Half of a thought")


def test_a_model_is_put_in_use_once_by_two_presses(new_page, stock, compared, watch):  # noqa: F811
    watch.expect("Failed to load resource")  # its weights are none
    page = new_page(stock.admin)
    page.goto(f"/regions/{stock.region.pk}/training/")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.url.endswith("/promote/") else None)
    page.locator("#promote").evaluate("button => { button.click(); button.click(); }")
    expect(page.locator("#notices")).to_contain_text("train again")
    page.wait_for_load_state("networkidle")
    assert len(sent) == 1
    expect(page.locator("#promote")).to_be_enabled()


def test_words_that_are_being_typed_stay_while_the_filters_search_anew(new_page, searched):  # noqa: F811
    page = new_page(searched.admin)
    page.goto("/search/")
    search(page, "houses close together")
    expect(cards(page)).to_have_count(16)
    page.locator("#q").fill("a long roo")
    page.get_by_label("In this view of the map").evaluate("box => box.click()")
    expect(page.locator("#said")).to_contain_text("houses close together")
    expect(page.locator("#filters-set")).to_have_text(" (1)")
    expect(page.locator("#q")).to_have_value("a long roo")


def test_who_filters_what_is_like_a_tile_stays_at_the_filter(new_page, searched):  # noqa: F811
    page = new_page(searched.admin)
    page.goto("/search/")
    search(page, "houses close together")
    expect(cards(page)).to_have_count(16)
    cards(page).first.focus()
    page.keyboard.press("m")
    expect(page.locator("#given")).to_contain_text("Like tile")
    expect(cards(page).first).to_be_focused()
    score = page.locator("#score")
    score.focus()
    with page.expect_response(re.compile("/similar/")):
        score.select_option(index=1)
    expect(page.locator("#results[aria-busy]")).to_have_count(0)
    expect(score).to_be_focused()


def test_tiles_are_described_once_the_generators_are_known_and_by_the_one_that_was_chosen(new_page, stock, settings):
    here = {"url": "http://127.0.0.1:9/", "model": "m", "side_px": 28, "wait_s": 0.0}
    settings.MLLM_ENDPOINTS = json.dumps({"dear": here, "cheap": here})
    settings.MLLM_ALLOWED_HOSTS = ["127.0.0.1"]
    settings.JOB_QUEUES = {"anchors.generate": "nobody-listens"}
    page = new_page(stock.admin)
    known = Held(page, "**/anchor-generators/")
    page.goto(f"/regions/{stock.region.pk}/anchors/")
    known.come()
    describe = page.get_by_role("button", name="Describe the tiles")
    expect(describe).to_be_disabled()
    known.let_go()
    page.get_by_label("Model on a server").check()
    page.locator("#option").select_option("cheap")
    begun = Job.objects.filter(kind="anchors.generate", params__generator="http")
    for _ in range(2):  # the page is drawn anew once the first has begun
        with page.expect_response("**/anchor-generators/"):
            describe.click()
        expect(describe).to_be_enabled()
        expect(page.locator("#option")).to_have_value("cheap")
        begun.update(state="cancelled")
    assert set(begun.values_list("params__endpoint", flat=True)) == {"cheap"}
