"""The review page misleads nobody: on trial models, on sizes, on what a newer map says."""

from __future__ import annotations

import re

from django.utils import timezone
from playwright.sync_api import expect

from annotation.edits.services import changesets
from annotation.learning.models import Evaluation
from annotation.learning.services.evaluate import keep_measured
from annotation.review.models import QueueItem
from tests.browser.keys import press
from tests.browser.screens import shot
from tests.browser.test_queue import open_queue
from tests.factories import SnapshotFactory, UserFactory
from tests.factories_changes import save_decision


def test_a_model_that_was_not_measured_speaks_of_no_sureness_and_is_named(new_page, stock):
    page = new_page(stock.admin)
    open_queue(page, stock)
    expect(page.locator("#subject .sure")).to_contain_text("The machine has a guess")
    expect(page.locator("#model-behind")).to_contain_text(f"Model {stock.scan.model_id} (compact) was not measured")
    expect(page.locator("#accept")).not_to_have_class(re.compile("button-main"))
    measure(stock.scan.model)
    page.reload()
    expect(page.locator("#subject .sure")).to_contain_text(re.compile("The machine is (very|fairly) sure"))
    expect(page.locator("#model-behind")).to_contain_text("tells wrong tiles with 87 % (78 % to 93 %, 96 tiles)")
    expect(page.locator("#accept")).to_have_class(re.compile("button-main"))


def test_a_reshaped_building_tells_its_area_before_and_after_and_what_a_newer_map_says(new_page, stock):
    change = next(one for one in stock.changes if one.kind == "modify")
    QueueItem.objects.exclude(pk=change.item_id).update(state="withdrawn")
    whole = change.footprint.geometry
    change.geometry = whole.buffer(-0.3 * min(whole.extent[2] - whole.extent[0], whole.extent[3] - whole.extent[1]))
    change.save()
    SnapshotFactory(region=stock.region)
    page = new_page(stock.admin)
    open_queue(page, stock)
    expect(page.locator("#subject")).to_contain_text("m² →")
    expect(page.locator("#resized")).to_contain_text("Look twice.")
    expect(page.locator("#newest-map")).to_contain_text("A newer map lacks it.")


def test_a_screen_reader_hears_what_was_answered_and_what_comes_next(new_page, stock):
    page = new_page(stock.admin)
    open_queue(page, stock)
    page.wait_for_load_state("networkidle")
    press(page, "c")
    expect(page.locator("#announce")).to_contain_text(re.compile("can't tell.*Next: "))


def test_what_is_counted_only_so_far_is_told_as_at_least_so_many(new_page, stock, monkeypatch):
    monkeypatch.setattr("annotation.review.selectors.TOLD", 3)
    other = UserFactory(username="grace")
    QueueItem.objects.filter(state="open").update(assigned_to=other)
    page = new_page(stock.admin)
    page.goto(f"/regions/{stock.region.pk}/changes/review/")
    expect(page.locator("#no-item")).to_contain_text("The rest is for somebody else")
    expect(page.locator("#no-item p").first).to_have_text(re.compile("^At least 3 candidates wait for another person"))
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        shot(page, f"at-least-{scheme}")
    theirs = QueueItem.objects.filter(assigned_to=other).values("pk")[2:]
    QueueItem.objects.filter(pk__in=theirs).update(state="withdrawn")
    page.reload()
    expect(page.locator("#no-item p").first).to_have_text(re.compile("^2 candidates wait for another person"))


def test_an_edit_that_the_newest_map_contradicts_is_dropped_on_the_page(new_page, stock):
    removal, house = (next(one for one in stock.changes if one.kind == kind) for kind in ("remove", "add"))
    for change in (removal, house):
        save_decision(stock.admin, change)
    changeset = changesets.create(user=stock.admin, region=stock.region, comment="Buildings").changeset
    SnapshotFactory(region=stock.region)
    page = new_page(stock.admin)
    page.goto(f"/regions/{stock.region.pk}/edits/")
    expect(page.get_by_text(f"{removal.footprint.key} is gone from the newest map")).to_be_visible()
    expect(page.get_by_role("link", name="osmChange without 1 edit")).to_be_visible()
    expect(page.locator(".changeset")).to_contain_text(f"Model {stock.scan.model_id} (compact) was not measured")
    page.get_by_role("button", name=f"Drop this edit of change {removal.pk}").click()
    expect(page.get_by_role("link", name="Download osmChange (.osc)")).to_be_visible()
    assert list(changeset.items.values_list("change", flat=True)) == [house.pk]


def measure(model):
    """The model as it stands after a comparison on 96 tiles with known errors."""
    figure = {"name": "tile_auroc", "count": 96, "first": {"value": 0.87, "low": 0.78, "high": 0.93}}
    keep_measured(
        Evaluation.objects.create(
            model=model, data_set=model.run.data_set, figures=[figure], finished_at=timezone.now()
        )
    )
