"""Pages say before a job is started, and while it waits, that no worker serves it or that there is no GPU."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from annotation.common.services.workers import say_alive
from tests.browser.screens import shot
from tests.factories import JobFactory

ALL = ("cpu", "gpu", "mapwright")


def test_what_a_job_would_meet_stands_beside_its_button_and_on_its_card(new_page, stock):
    page = new_page(stock.admin)
    training = page.locator('[data-outlook="learning.train"]')
    page.goto(f"/regions/{stock.region.pk}/training/")
    expect(training).to_contain_text("celery -A webapp worker -Q gpu")

    say_alive("celery@a", ALL, "cpu")
    page.reload()
    expect(training).to_contain_text("runs on the processor")
    page.goto(f"/regions/{stock.region.pk}/")
    expect(page.locator('[data-outlook="changes.main_job"]')).to_contain_text("runs on the processor")

    say_alive("celery@a", ["cpu"], "cpu")
    JobFactory(kind="consistency.scan", scope_id=stock.region.pk)
    page.goto("/jobs/")
    expect(page.locator('[data-outlook=""]')).to_contain_text("queues gpu, mapwright")
    expect(page.locator('.job-card[data-state="queued"]').first).to_contain_text("no worker serves the queue gpu")

    say_alive("celery@a", ALL, "cuda NVIDIA H200")
    page.reload()
    expect(page.locator('.job-card[data-state="queued"]').first).to_be_visible()
    expect(page.locator('[data-outlook=""]')).to_be_hidden()
    expect(page.locator(".job-card .note-warn")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_overview_says_once_that_no_worker_serves_a_queue(new_page, stock, scheme):
    for kind in ("changes.main_job", "learning.train", "consistency.scan"):
        JobFactory(kind=kind, scope_id=stock.region.pk)
    page = new_page(stock.admin, color_scheme=scheme)
    page.goto(f"/regions/{stock.region.pk}/")
    told = page.get_by_text("no worker serves the queue gpu")
    expect(page.locator("#main-job .job-outlook")).to_have_count(1)
    expect(told.filter(visible=True)).to_have_count(1)
    shot(page, f"outlook-once-{scheme}")
    say_alive("celery@a", ALL, "cpu")
    page.reload()
    expect(page.get_by_text("this runs on the processor").filter(visible=True)).to_have_count(1)
    expect(told).to_have_count(0)
