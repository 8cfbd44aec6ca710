"""Images are looked for in a database while a job brings it up to what it is built of."""

from __future__ import annotations

import shutil

import pytest

from annotation.common.models import JobState
from annotation.common.services import jobs
from annotation.geolocation import engine
from annotation.geolocation.engine import features
from annotation.geolocation.services import keep_up
from tests.annotation.geolocation.test_build import admin, built, imagery, serving, small, weights  # noqa: F401

pytestmark = pytest.mark.django_db


def test_images_are_looked_for_while_the_first_level_of_points_is_made(admin, weights, imagery):  # noqa: F811
    built(admin)
    shutil.rmtree(engine.database_folder(serving()) / "local")  # as of a database from before there were any
    looked = []

    def echo(share: float, message: str) -> None:
        features._opened.cache_clear()  # as in a process that opens it now
        locator, _ = engine.locator_for(admin)
        picture, valid = locator.source.read(locator.database.bases[0])
        locator.locate(picture, valid)
        looked.append(locator.local is not None)

    done = jobs.run_now(keep_up.start(user=admin), echo)
    assert done.state == JobState.SUCCEEDED, done.error_detail
    assert looked[0] is False and looked[-1] is True
