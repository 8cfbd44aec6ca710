"""A search model on the training page: started, its curve, its model beside the one that ships, put in use."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from annotation.common.models import Job, JobState
from annotation.common.services.jobs import run_now
from annotation.learning.models import Evaluation, ModelState, ModelVersion, TrainingRun
from annotation.tiles.services.build_pairs import build
from mlcore.progress import SilentProgress
from tests.browser.searched import looked_at
from tests.factories import RegionFactory, UserFactory, tile_area
from tests.factories_landmarks import LandmarkFactory, search_weights, within
from tests.files import ready_imagery, ready_snapshot


@pytest.fixture
def region(live_server, settings, tmp_path):
    """A region of 8 x 8 tiles with a landmark, and a model that finds places already."""
    settings.LANDMARKS_WEIGHTS = str(search_weights())
    region = RegionFactory(area=tile_area(8, 8), open_to_all=True)
    imagery = ready_imagery(region, tmp_path, columns=8, rows=8, seed=1)
    build(imagery=imagery, snapshot=ready_snapshot(region, tmp_path), progress=SilentProgress())
    LandmarkFactory(region=region, point=within(1.5, 1.5))
    return region


def work(job: Job) -> None:
    done = run_now(job)
    assert done.state == JobState.SUCCEEDED, done.error_detail


@pytest.mark.timeout(900)
def test_a_search_model_is_trained_compared_and_put_in_use(new_page, region, axe):
    page = new_page(UserFactory(username="ada", role="admin"))
    page.goto(f"/regions/{region.pk}/training/?kind=landmarks")
    expect(page.locator("#data")).to_contain_text("1 image of 1 region, their maps and 1 landmark to learn from.")
    page.get_by_label("Size").select_option("tiny")
    page.get_by_role("button", name="Start the training").click()
    expect(page.locator("#run-progress progress")).to_be_visible()
    work(TrainingRun.objects.get().job)
    expect(page.locator("#runs tr").first).to_contain_text("Done")
    expect(page.locator("#charts")).to_contain_text("All that is learnt")
    work(Evaluation.objects.get().job)
    table = page.locator("#comparison table")
    expect(table).to_contain_text("Words find their tile")
    expect(table).to_contain_text("Coordinates find their tile")
    expect(page.locator("#comparison")).to_contain_text("that no model learns")
    assert looked_at(page, axe, "search-model") == []
    page.locator("#promote").click()
    expect(page.locator("#models")).to_contain_text("In use")
    expect(page.locator("#data")).to_contain_text("In use: model")
    assert ModelVersion.objects.get().state == ModelState.ACTIVE
