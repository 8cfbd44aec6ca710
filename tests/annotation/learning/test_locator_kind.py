"""A locator trained in the product: registered, compared, promoted, rolled back; and what looks for images then."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings as project
from django.db import transaction
from django.test import override_settings

from annotation.common.models import Job, JobState
from annotation.common.services.jobs import run_now
from annotation.geolocation.engine import locator_in_use
from annotation.learning import engine
from annotation.learning.card import model_card
from annotation.learning.engine import locators
from annotation.learning.errors import DataSetChangedError, NoGroundError, NothingToRollBackError, UnknownPresetError
from annotation.learning.models import LOCATOR, Evaluation, ModelState, ModelVersion, TrainingRun
from annotation.learning.selectors import curves
from annotation.learning.services import evaluate
from annotation.learning.services.registry import promote, roll_back
from annotation.learning.services.start import start
from annotation.learning.services.train import train
from annotation.sources.models import Imagery, Region
from annotation.sources.services.add_sources import add_imagery
from annotation.sources.services.files import Upload
from mlcore.errors import StoppedError
from mlcore.geolocation.held_out import learnt_ground
from mlcore.learning.checkpoints import read_tensors
from mlcore.progress import SilentProgress
from tests.annotation.geolocation.locators import locator_file
from tests.annotation.learning.test_train import StopAfter
from tests.factories import RegionFactory, UserFactory
from tests.mlcore.evaluation.test_compare_locators import ground

pytestmark = [pytest.mark.django_db, pytest.mark.slow, pytest.mark.xdist_group("locator")]
NAMES = ["located", "first_right", "located_close", "refused_foreign"]


@dataclass
class Learnt:
    """A region of 4 x 4 blocks with one finished training of a locator and its finished comparison."""

    region: Region
    imagery: Imagery
    run: TrainingRun
    job: Job
    model: ModelVersion
    evaluation: Evaluation


def tiny(seed: int = 0) -> TrainingRun:
    return start(region=None, user=None, kind=LOCATOR, preset="tiny", seed=seed, wake=False)


@pytest.fixture(scope="module")
def learnt(django_db_setup, django_db_blocker, tmp_path_factory) -> Iterator[Learnt]:
    """Kept for the module and rolled back after it."""
    with django_db_blocker.unblock(), transaction.atomic(), ExitStack() as stack:
        folder, region = tmp_path_factory.mktemp("ground"), RegionFactory()
        stack.enter_context(override_settings(LOCATOR_WEIGHTS=str(folder / "nothing.safetensors")))
        file = Upload.from_path(ground(folder / "ground.tif"))
        told = {"licence": "CC-BY-4.0", "attribution": "A survey"}
        added = add_imagery(user=None, region=region, file=file, **told, wake=False)
        done = run_now(added.source.job)
        assert done.state == JobState.SUCCEEDED, done.error_detail
        run = tiny()
        job = run_now(run.job)
        assert job.state == JobState.SUCCEEDED, job.error_detail
        run.refresh_from_db()
        evaluation = Evaluation.objects.get(model__run=run)
        compared = run_now(evaluation.job)
        assert compared.state == JobState.SUCCEEDED, compared.error_detail
        evaluation.refresh_from_db()
        imagery = Imagery.objects.get(pk=added.source.pk)
        yield Learnt(region, imagery, run, job, ModelVersion.objects.get(run=run), evaluation)
        transaction.set_rollback(True)


@pytest.fixture(autouse=True)
def nothing_ships(settings, tmp_path):
    settings.LOCATOR_WEIGHTS = str(tmp_path / "nothing.safetensors")


def test_it_is_a_candidate_with_its_file_its_curves_and_its_licences(learnt):
    assert (learnt.model.state, learnt.model.kind, learnt.model.region) == (ModelState.CANDIDATE, LOCATOR, None)
    _, meta = read_tensors(engine.check_model_file(learnt.model))
    about = meta["about"]
    assert about == learnt.model.about and about["data_digest"] == learnt.run.data_set.digest
    assert about["sources"][0]["imagery"]["licence"] == "CC-BY-4.0" and (about["images"], about["places"]) == (1, 1)
    found = curves(learnt.run)
    assert {len(points) for points in found.values()} == {2} and "locator/loss" in found
    assert learnt.model.metrics["pictures"] >= 1
    assert not engine.work_folder(learnt.run).exists()


def test_the_ground_that_is_held_out_is_never_learnt(learnt):
    rasters = locators._rasters(learnt.run.data_set)
    ((ground_, _),) = locators.grounds_of(rasters, SilentProgress())
    shown = {}
    for base in rasters[0]:
        _, valid = rasters[0].read(base)
        shown[base.name] = (valid & learnt_ground(base)).sum()
        assert not (valid & ~learnt_ground(base)).all()
    assert sum(mask.sum() for mask in ground_.valid) == sum(count for count in shown.values() if count)
    for rgb, mask in zip(ground_.pictures, ground_.valid, strict=True):
        assert not rgb[~mask].any() and 0 < np.mean(~mask) < 1


def test_it_is_measured_alone_where_nothing_looks_for_images_yet(learnt):
    evaluation = learnt.evaluation
    assert evaluation.against is None and evaluation.counts["blocks"] == evaluation.counts["queries"] == 4
    assert [one["name"] for one in evaluation.figures] == NAMES
    assert all(one["second"] is None for one in evaluation.figures)
    assert evaluate.start(model=learnt.model, user=None) == evaluation
    card = model_card(learnt.model, evaluation)
    assert "4 pictures of 4 blocks that no locator learns" in card and "| Images | 1, of 1 regions |" in card
    assert "Found, and believed, within 5 m" in card and "CC-BY-4.0" in card


def test_it_is_held_beside_what_is_built_in(learnt, settings, tmp_path):
    settings.LOCATOR_WEIGHTS = str(tmp_path / "other.safetensors")
    locator_file(Path(settings.LOCATOR_WEIGHTS), seed=9)
    figures, counts, digest = locators.evaluate_locators(learnt.evaluation, SilentProgress())
    assert (counts, digest) == (learnt.evaluation.counts, learnt.evaluation.frozen_sha256)
    assert all(one["first"] and one["second"] for one in figures[:3])


def test_what_was_scored_is_not_scored_again(learnt, monkeypatch):
    def never(*args, **more):
        raise AssertionError("looked for again")

    monkeypatch.setattr("mlcore.evaluation.compare_locators.score_locator", never)
    figures, *_ = locators.evaluate_locators(learnt.evaluation, SilentProgress())
    assert figures == learnt.evaluation.figures


def test_a_promoted_locator_looks_for_images_until_it_is_rolled_back(learnt):
    admin = UserFactory(role="admin")
    assert locator_in_use() is None
    promote(model=learnt.model, user=admin)
    assert locator_in_use().sha256 == learnt.model.sha256 and locator_in_use().model == learnt.model
    assert roll_back(region=None, user=admin, kind=LOCATOR) is None
    assert locator_in_use() is None
    with pytest.raises(NothingToRollBackError):
        roll_back(region=None, user=admin, kind=LOCATOR)


def test_a_training_that_is_stopped_is_gone_on_with(learnt):
    run = tiny(seed=3)
    with pytest.raises(StoppedError):
        train(run=run, progress=StopAfter("epoch 1"))
    assert engine.work_folder(run).exists() and not ModelVersion.objects.filter(run=run).exists()
    Job.objects.filter(pk=run.job_id).update(state=JobState.CANCELLED)
    again = tiny(seed=3)
    said = StopAfter()
    assert again.pk == run.pk and train(run=again, progress=said).state == ModelState.CANDIDATE
    assert any("going on after epoch 1" in message for message in said.messages), said.messages


def test_imagery_that_is_altered_or_gone_is_not_trained_on(learnt):
    run = tiny(seed=4)
    path = Path(project.MEDIA_ROOT) / learnt.imagery.cog_path
    away = path.rename(path.with_suffix(".away"))
    try:
        with pytest.raises(DataSetChangedError, match="start anew"):
            train(run=run, progress=SilentProgress())
    finally:
        away.rename(path)
    run.data_set.payload["sources"][0]["imagery"]["licence"] = "other"
    with pytest.raises(DataSetChangedError):
        train(run=run, progress=SilentProgress())


def test_what_does_not_fit_is_refused_with_the_remedy(learnt):
    with pytest.raises(UnknownPresetError, match="compact, tiny"):
        start(region=None, user=None, kind=LOCATOR, preset="paper")
    Imagery.objects.update(state="failed")
    with pytest.raises(NoGroundError, match="import some first"):
        tiny()


def test_the_page_says_what_there_is_to_learn_and_what_to_do_where_there_are_no_weights(learnt, client_of):
    client, address = client_of(UserFactory(role="admin")), "/api/training-data/locators/"
    told = client.get(address).json()
    assert (told["images"], told["regions"], told["new"], told["model"], told["weights"]) == (1, 1, 1, None, False)
    assert "MAPWRIGHT_LOCATOR_WEIGHTS" in told["in_use"]
    page = client.get(f"/regions/{learnt.region.pk}/training/?kind=locator")
    assert page.status_code == 200 and "no weights here" in page.content.decode()
    promote(model=learnt.model, user=None)
    told = client.get(address).json()
    assert (told["new"], told["model"], told["weights"]) == (0, learnt.model.pk, True)
    assert told["in_use"] == f"model {learnt.model.pk}"
