"""The steps of a region: nothing long begins by one click, and whoever can't start a step is told why."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from annotation.common.models import Job
from annotation.sources.models import MapSnapshot
from annotation.tiles.models import TilePair
from tests.browser.screens import shot
from tests.factories import UserFactory
from tests.factories_changes import save_decision


def step(page: Page, name: str):
    return page.locator(f'.step[data-step="{name}"]')


def test_a_training_asks_for_its_size_and_says_that_decisions_stay(new_page, stock):
    TilePair.objects.update(mapped=True)
    page = new_page(stock.admin)
    page.goto(f"/regions/{stock.region.pk}/")
    page.get_by_role("button", name="Run again: Train").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Decisions, changesets and models stay")
    shot(page, "start-training")
    dialog.get_by_role("button", name="Back").click()
    page.get_by_role("button", name="Run the main job again").click()
    expect(dialog).to_contain_text("Run the main job again?")
    assert not Job.objects.filter(kind__in=("learning.train", "changes.main_job")).exists()
    dialog.get_by_label("Size of the training").select_option("tiny")
    dialog.get_by_role("button", name="Start").click()
    expect(page.locator("#main-job")).to_contain_text("Main job")
    assert Job.objects.get(kind="changes.main_job").params["preset"] == "tiny"


def test_too_few_mapped_tiles_are_told_before_a_training_is_started(new_page, stock):
    TilePair.objects.exclude(pk__in=TilePair.objects.order_by("pk")[:4]).update(mapped=False)
    page = new_page(stock.admin)
    page.goto(f"/regions/{stock.region.pk}/")
    expect(step(page, "Train")).to_contain_text("4 mapped tiles, 6 are needed")
    expect(step(page, "Train").get_by_role("button")).to_have_count(0)
    expect(step(page, "Train")).to_contain_text("needs mapped tiles")
    page.goto(f"/regions/{stock.region.pk}/training/")
    expect(page.locator("#data")).to_contain_text("4 mapped tiles with enough image; a training needs 6 at least")


def test_an_editor_is_told_who_starts_a_step_and_a_map_beside_the_image_loses_the_main_job_its_green(new_page, stock):
    editor = UserFactory(role="editor")
    page = new_page(editor)
    page.goto(f"/regions/{stock.region.pk}/")
    expect(step(page, "Scan")).to_contain_text("an admin starts it")
    MapSnapshot.objects.update(warnings=["map and image do not touch: is this the right file?"])
    stock.scan.delete()
    page = new_page(stock.admin)
    page.goto(f"/regions/{stock.region.pk}/")
    button = page.locator("#run-main-job")
    expect(button).to_have_class("button")
    button.click()
    expect(page.get_by_role("dialog")).to_contain_text("map and image do not touch")


def test_the_form_of_a_changeset_is_off_once_it_has_emptied_the_list(new_page, stock):
    reviewer = UserFactory(username="grace")
    save_decision(stock.admin, stock.changes[0])
    page = new_page(reviewer)
    page.goto(f"/regions/{stock.region.pk}/edits/")
    expect(page.locator("#changesets")).to_contain_text("Editors make changesets")
    page = new_page(stock.admin)
    page.goto(f"/regions/{stock.region.pk}/edits/")
    page.get_by_label("Comment").fill("Houses")
    page.get_by_role("button", name="Make the changeset").click()
    expect(page.locator(".changeset")).to_have_count(1)
    expect(page.get_by_role("button", name="Make the changeset")).to_be_disabled()
