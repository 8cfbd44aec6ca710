"""A town that images are looked for in, and who looks."""

from __future__ import annotations

from pathlib import Path

import pytest

from annotation.common.models import JobState
from annotation.common.services import jobs
from annotation.sources.services.add_sources import add_imagery
from annotation.sources.services.files import Upload
from annotation.sources.services.regions import create_region
from mlcore.synthetic.town import TownConfig, generate_town
from mlcore.synthetic.town_files import write_town
from tests.factories import UserFactory
from tests.ingested import ingested_once


@pytest.fixture(scope="session")
def town(tmp_path_factory) -> Path:
    return write_town(generate_town(TownConfig(seed=4, columns=6, rows=6)), tmp_path_factory.mktemp("town"))


@pytest.fixture
def editor():
    return UserFactory(role="editor")


@pytest.fixture
def town_region(town):
    """The town with its imagery, open to all."""
    made = create_region(user=None, name="Wright's Town", open_to_all=True)
    row = add_imagery(user=None, region=made, file=Upload.from_path(town / "imagery.tif"), licence="CC0 1.0",
                      attribution="A survey", wake=False).source  # fmt: skip
    with ingested_once():
        assert jobs.run_now(row.job).state == JobState.SUCCEEDED
    made.refresh_from_db()
    return made
