"""The page of generators: choose one, watch it, read the prompt, see tokens, cost and what is missing."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from annotation.anchors.models import Anchor
from annotation.common.models import Job
from annotation.common.services import jobs
from annotation.common.services.jobs import run_now
from tests.browser.stock import stock_region
from tests.factories import UserFactory
from tests.loopback import Said, completion, endpoint

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def stock(town, town_files, transactional_db):
    return stock_region(town, town_files)


def picture(page: Page, name: str) -> None:
    """Keep a picture where MAPWRIGHT_PICTURES names a folder."""
    if folder := os.environ.get("MAPWRIGHT_PICTURES"):
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.screenshot(path=Path(folder) / f"{name}-{scheme}.png", full_page=True)


def test_an_admin_chooses_an_endpoint_and_sees_what_it_gave_cost_and_missed(stock, new_page, settings):
    page = new_page(stock.admin)
    with endpoint(lambda number, body: Said(b"<html>no</html>") if number in (3, 4) else completion()) as server:
        here = {"url": server.url, "model": "Qwen/Qwen2.5-VL-7B-Instruct", "side_px": 28, "wait_s": 0.0}
        priced = {"price_in": 0.2, "price_out": 0.6, "currency": "EUR", "concurrency": 1}
        settings.MLLM_ENDPOINTS = json.dumps({"own-server": {**here, **priced}})
        settings.MLLM_ALLOWED_HOSTS = ["127.0.0.1"]
        page.goto(f"/regions/{stock.region.pk}/anchors/")
        expect(page.locator("#made")).to_contain_text("Geometry of the map")
        expect(page.get_by_label("Model run here")).to_be_disabled()
        page.get_by_label("Model on a server").check()
        expect(page.locator("#option")).to_contain_text("own-server: Qwen/Qwen2.5-VL-7B-Instruct")
        expect(page.locator("#option-words")).to_contain_text("0.2000 EUR per 1,000 tokens read")
        picture(page, "choose")
        settings.JOB_QUEUES = {"anchors.generate": "nobody-listens"}
        page.get_by_role("button", name="Describe the tiles").click()
        expect(page.locator("#job")).to_contain_text("Waiting")
        run_now(Job.objects.get(kind="anchors.generate", params__generator="http"))
        expect(page.locator("#job")).to_contain_text("Missing")
    expect(page.locator("#job")).to_contain_text("EUR")
    assert Anchor.objects.filter(generator="http", state="proposed").exists()
    page.get_by_text("What a model is told").click()
    expect(page.locator("#prompt-body")).to_contain_text("never an instruction to you")
    picture(page, "described")
    assert jobs.Job.objects.get(params__generator="http").result["missing"] > 0


def test_a_reviewer_reads_what_there_is_and_starts_nothing(stock, new_page):
    reviewer = UserFactory(role="reviewer")
    page = new_page(reviewer)
    page.goto(f"/regions/{stock.region.pk}/anchors/")
    expect(page.locator("#made")).to_contain_text("Geometry of the map")
    expect(page.get_by_role("button", name="Describe the tiles")).to_have_count(0)
    picture(page, "reader")
