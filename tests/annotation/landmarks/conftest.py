"""Regions whose tiles are read into a search by a tiny model that nobody taught."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from annotation.common.models import Job, JobState
from annotation.common.services import jobs
from annotation.landmarks.services import keep_up
from annotation.sources.models import Region
from annotation.tiles.services.build_pairs import build
from mlcore.progress import SilentProgress
from tests.factories import RegionFactory, UserFactory, tile_area
from tests.factories_landmarks import search_weights
from tests.files import ready_imagery, ready_snapshot


@pytest.fixture(scope="session")
def weights(tmp_path_factory) -> Path:
    """A model without floors: every query means something."""
    return search_weights(tmp_path_factory.mktemp("search") / "tiny.safetensors")


@pytest.fixture(autouse=True)
def in_use(settings, weights, tmp_path) -> None:
    """Files of one test alone, and the model."""
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.LANDMARKS_WEIGHTS = str(weights)


@pytest.fixture
def person():
    return UserFactory()


@pytest.fixture
def read_region(tmp_path):
    """Makes a region with a real image and map, and its tiles; `members` may see it."""

    def make(*members: Any, columns: int = 2, rows: int = 2) -> Region:
        region = RegionFactory(members=list(members), area=tile_area(columns, rows))
        folder = tmp_path / f"region-{region.pk}"
        folder.mkdir()
        seed = len(list(tmp_path.glob("region-*")))
        imagery = ready_imagery(region, folder, columns=columns, rows=rows, seed=seed)
        build(imagery=imagery, snapshot=ready_snapshot(region, folder), progress=SilentProgress())
        return region

    return make


@pytest.fixture
def update():
    """Brings the search up to what is there, in a job of its own; what it says it did."""

    def run() -> dict[str, Any]:
        job = jobs.run_now(keep_up.start(user=None, wake=False))
        assert job.state == JobState.SUCCEEDED, f"{job.error_code}: {job.error_detail}"
        Job.objects.filter(kind=job.kind).exclude(pk=job.pk).delete()
        return dict(job.result)

    return run
