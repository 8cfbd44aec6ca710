"""Where a locator serves it is asked first, of bases that the owner may see; the matcher where it is at a loss."""

from __future__ import annotations

from pathlib import Path

import pytest

from annotation.common.models import JobState
from annotation.common.services import jobs
from annotation.geolocation.engine import locating
from annotation.geolocation.engine.bases import RowBases
from annotation.geolocation.engine.features import allowed_bases
from annotation.geolocation.services import images, keep_up
from annotation.sources.services.files import Upload
from annotation.sources.services.regions import create_region
from mlcore.geolocation.database import FeatureDatabase
from mlcore.geolocation.locator import Locator
from tests.annotation.geolocation.locators import locator_file
from tests.annotation.geolocation.placing import off_m, shown
from tests.factories import UserFactory
from tests.mlcore.geolocation.stand_in import StandIn, place_by_sift
from tests.photos_of_town import frame, write_frame

pytestmark = pytest.mark.django_db


@pytest.fixture
def region(town_region):
    """The town, closed to who is no member."""
    town_region.open_to_all = False
    town_region.save()
    return town_region


@pytest.fixture
def serving(region, settings, tmp_path, monkeypatch):
    """Bases of the region, cut by its job, and a locator over them that finds by SIFT."""
    settings.REFERENCE_BASE_PX = 512
    settings.LOCATOR_WEIGHTS = str(tmp_path / "tiny.safetensors")
    locator_file(Path(settings.LOCATOR_WEIGHTS))
    done = jobs.run_now(keep_up.start(user=None))
    assert done.state == JobState.SUCCEEDED, done.error_detail
    bases = RowBases()
    database = FeatureDatabase.build(bases, StandIn(), tmp_path / "features")
    locator = Locator(StandIn(), database, bases, place=place_by_sift)
    monkeypatch.setattr(locating, "locator_for", lambda user: (locator, allowed_bases(user)))
    return locator


def looked_for(user, path: Path, region=None):
    (image,) = images.add(user=user, files=[Upload.from_path(path)], region=region, wake=False)
    done = jobs.run_now(image.job)
    assert done.state == JobState.SUCCEEDED, done.error_detail
    image.refresh_from_db()
    return image


def test_the_locator_places_an_image_on_a_base(client_of, region, serving, town, tmp_path):
    person = UserFactory(role="editor")
    region.members.create(user=person)
    truth = frame(town / "imagery.tif", heading_deg=50, ground_m=0.4)
    image = looked_for(person, write_frame(tmp_path / "a.jpg", truth))
    best = image.candidates.get(rank=1)
    assert best.base_id and best.imagery_id == best.base.imagery_id and best.model_digest == serving.model.digest
    assert (best.region, best.set, best.by_hand) == (region, None, False)
    told = shown(client_of(person), image)
    assert off_m(told["candidates"][0]["corners"], truth) < 1.5
    assert told["candidates"][0]["title"].startswith("imagery imagery.tif of Wright's Town")


def test_bases_that_one_may_not_see_are_not_found(region, serving, town, tmp_path):
    """Neither by the locator nor by the matcher: the region is closed to this person."""
    path = write_frame(tmp_path / "a.jpg", frame(town / "imagery.tif", ground_m=0.4))
    image = looked_for(UserFactory(role="editor"), path)
    assert (image.state, image.candidates.count()) == ("not_found", 0)


def test_another_region_that_was_chosen_is_the_only_one_asked(region, serving, town, tmp_path):
    person = UserFactory(role="editor")
    region.members.create(user=person)
    other = create_region(user=None, name="Elsewhere", open_to_all=True)
    image = looked_for(person, write_frame(tmp_path / "a.jpg", frame(town / "imagery.tif", ground_m=0.4)), other)
    assert image.state == "not_found" and not image.candidates.exists()
