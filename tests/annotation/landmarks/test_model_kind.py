"""A search model is trained on regions' own tiles and maps, held beside another, put in use and rolled back."""

from __future__ import annotations

from pathlib import Path

import pytest

from annotation.common.models import Job, JobState
from annotation.common.services import jobs
from annotation.landmarks import engine
from annotation.landmarks.models import LANDMARKS, SearchIndex
from annotation.landmarks.services.model_kind import freeze
from annotation.learning.models import DataSet, Evaluation, ModelState, ModelVersion
from annotation.learning.services import evaluate, registry, start
from mlcore.progress import SilentProgress
from tests.factories import UserFactory
from tests.factories_landmarks import LandmarkFactory, LandmarkPhotoFactory, within

pytestmark = pytest.mark.django_db


@pytest.fixture
def trained(read_region) -> ModelVersion:
    """A tiny model that learnt from a region of 10 x 10 tiles with a landmark and its photo."""
    region = read_region(columns=10, rows=10)
    temple = LandmarkFactory(region=region, point=within(1.5, 1.5))
    LandmarkPhotoFactory(region=region, landmark=temple, with_file=True)
    run = start.start(region=None, user=None, kind=LANDMARKS, preset="tiny", wake=False)
    job = jobs.run_now(run.job)
    assert job.state == JobState.SUCCEEDED, f"{job.error_code}: {job.error_detail}"
    return ModelVersion.objects.get(run=run)


def test_a_model_learns_compares_and_serves(trained, update, client_of):
    assert trained.state == ModelState.CANDIDATE, "something is built in, so it waits for a promotion"
    assert 0 < trained.about["tiles"] < 100 and trained.about["landmarks"] == 1
    assert trained.about["sources"][0]["map"]["licence"] == "ODbL-1.0"
    assert any(name.startswith("landmarks/") for name in trained.metrics)

    evaluation = evaluate.start(model=trained, user=None, wake=False)
    evaluation = evaluate.evaluate(evaluation=evaluation, progress=SilentProgress())
    figures = {one["name"]: one for one in evaluation.figures}
    assert {"text_finds_tile", "place_finds_tile"} <= set(figures)
    assert evaluation.counts["tiles"] + trained.about["tiles"] == 100
    assert figures["place_finds_tile"]["second"] is not None, "beside the built-in one"

    update()
    first = SearchIndex.objects.serving().get()
    registry.promote(model=trained, user=None)
    Job.objects.all().delete()
    assert update()["read"] == 100
    assert SearchIndex.objects.serving().get().model == trained
    admin = UserFactory(role="admin")
    answer = client_of(admin).get("/api/search/", {"q": "10.0, 10.0"}).json()
    assert answer["model"] == f"model {trained.pk}"

    assert registry.roll_back(region=None, user=None, kind=LANDMARKS) is None
    Job.objects.all().delete()
    assert update()["read"] == 0, "its vectors were kept"
    assert SearchIndex.objects.serving().get() == first


def test_its_floors_are_of_what_it_never_learnt_and_its_card_says_where_that_was_too_little(trained, client_of):
    said = trained.about["floors"]
    assert set(said) == {"text", "aerial", "ground", "gps"}
    assert said["gps"]["taught"] and said["gps"]["held_out"] == 100 - trained.about["tiles"] >= 20
    for name in ("aerial", "gps"):
        assert -1 < said[name]["floor"] < 1 and 0 <= said[name]["refused"] <= 1, name
    assert said["ground"] == {"held_out": 1, "taught": False, "floor": None}, "the one photo is held out"
    assert said["text"]["held_out"] < 20 and said["text"]["taught"] and said["text"]["floor"] is None
    model = engine.loaded(engine.weights_of(trained.sha256))
    assert set(model.floors.to_dict()) == {name for name in said if said[name]["floor"] is not None}
    card = client_of(UserFactory(role="admin")).get(f"/api/models/{trained.pk}/card.md").content.decode()
    assert "| Coordinates find | nothing below " in card and "% of nonsense finds nothing" in card
    assert "| Photos find | every one finds something: as before it learnt, for it learnt none of these |" in card
    assert " of them are held out, 20 are needed |" in card


def nowhere(region: int, photo: int) -> Path:
    return Path("/nowhere") / f"{region}-{photo}.webp"


def test_held_out_ground_is_never_learnt(trained):
    learnt = engine.TilesOfRegions(trained.run.data_set, nowhere, kept_out=False)
    kept = engine.TilesOfRegions(trained.run.data_set, nowhere, kept_out=True)
    names = {kept.get(number).name for number in range(len(kept))}
    assert names and not names & {learnt.get(number).name for number in range(len(learnt))}
    assert len(learnt) + len(kept) == 100


def test_the_same_content_gives_the_same_data_set(trained, client_of):
    assert freeze() == trained.run.data_set
    LandmarkFactory(region_id=trained.run.data_set.payload["sources"][0]["region"])
    assert freeze() != trained.run.data_set and DataSet.objects.filter(kind=LANDMARKS).count() == 2
    admin = client_of(UserFactory(role="admin"))
    ahead = admin.get("/api/training-data/landmarks/").json()
    assert (ahead["images"], ahead["landmarks"], ahead["weights"], ahead["model"]) == (1, 2, True, None)
    card = admin.get(f"/api/models/{trained.pk}/card.md")
    assert card.status_code == 200 and b"search model" in card.content


def test_without_tiles_there_is_nothing_to_learn_from(client_of):
    body = {"kind": LANDMARKS, "preset": "tiny"}
    answer = client_of(UserFactory(role="admin")).post("/api/training-runs/", body, format="json")
    assert answer.status_code == 400 and answer.json()["code"] == "no_ground" and not Evaluation.objects.exists()
