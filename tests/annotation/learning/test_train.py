"""Training through the real engine: a model is registered, and a killed run goes on from its checkpoints."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from django.conf import settings
from django.db import transaction

from annotation.common.models import Job, JobState
from annotation.common.services.jobs import JobContext, run_now
from annotation.learning import engine
from annotation.learning.errors import DataSetChangedError
from annotation.learning.models import ModelState, ModelVersion, TrainingRun
from annotation.learning.selectors import curves
from annotation.learning.services.start import start
from annotation.learning.services.train import train
from annotation.sources.models import MapSnapshot, Region
from mlcore.errors import StoppedError
from mlcore.geometry.webmercator import TileAddress
from mlcore.learning.checkpoints import content_digest, read_tensors
from mlcore.progress import SilentProgress
from mlcore.region import training as library
from tests.annotation.learning.town import town_region

pytestmark = [pytest.mark.django_db, pytest.mark.slow, pytest.mark.xdist_group("train")]


class StopAfter:
    """A progress that stops once the work said `marker` in a message."""

    def __init__(self, marker: str = "never said") -> None:
        self.marker, self.messages = marker, list[str]()

    def report(self, fraction: float, message: str = "", figures: Mapping[str, float] | None = None) -> None:
        self.messages.append(message)

    def should_stop(self) -> bool:
        return any(self.marker in message for message in self.messages)


@dataclass
class Trained:
    """A region with one finished run, and the tiles that the library was given to learn from, by fold."""

    region: Region
    run: TrainingRun
    job: Job
    learnt: dict[int, set[TileAddress]] = field(default_factory=dict)


def tiny(region: Region, seed: int = 0) -> TrainingRun:
    return start(region=region, user=None, preset="tiny", seed=seed, wake=False)


def record_tiles(patch: pytest.MonkeyPatch, name: str, learnt: dict[int, set[TileAddress]]) -> None:
    """Note the tiles of every call of the library's `name`, and make the call."""
    real = getattr(library, name)

    def call(samples, *args, run_dir, **kwargs):
        tiles = {sample.tile for sample in [*samples, *kwargs.get("validation", ())]}
        learnt.setdefault(int(Path(run_dir).name.removeprefix("fold-")), set()).update(tiles)
        return real(samples, *args, run_dir=run_dir, **kwargs)

    patch.setattr(library, name, call)


@pytest.fixture(scope="module")
def trained(django_db_setup, django_db_blocker, tmp_path_factory) -> Iterator[Trained]:
    """The town with one finished training, kept for the module and rolled back after it."""
    with django_db_blocker.unblock(), transaction.atomic(), pytest.MonkeyPatch.context() as patch:
        region = town_region(tmp_path_factory.mktemp("town"))
        run, learnt = tiny(region), dict[int, set[TileAddress]]()
        for name in ("train_consistency", "train_evidence"):
            record_tiles(patch, name, learnt)
        job = run_now(run.job)
        assert job.state == JobState.SUCCEEDED, job.error_detail
        run.refresh_from_db()
        yield Trained(region, run, job, learnt)
        transaction.set_rollback(True)


def weights(version: ModelVersion) -> str:
    """Digest of the weights alone."""
    tensors, _ = read_tensors(Path(settings.MEDIA_ROOT) / version.path, sha256=version.sha256)
    return content_digest(tensors)


def test_a_job_registers_the_first_model_as_active_and_leaves_nothing_but_its_file(trained):
    version = ModelVersion.objects.get(run=trained.run)
    assert (version.state, trained.job.result["model"]) == (ModelState.ACTIVE, version.pk)
    assert version.metrics["mapped_tiles"] == 20
    assert trained.run.metrics == version.metrics
    model = engine.load_region_model(version)
    assert len(model.folds) == 2 and len(model.fold_by_tile) == 20
    assert [path.name for path in engine.run_folder(trained.run).iterdir()] == [Path(version.path).name]


def test_the_live_curves_of_both_networks_are_kept(trained):
    names = set(curves(trained.run))
    assert any(name.startswith("evidence/") for name in names)
    assert any(name.startswith("consistency/") for name in names)


def test_no_network_learns_from_a_tile_that_its_fold_scores(trained):
    model = engine.load_region_model(ModelVersion.objects.get(run=trained.run))
    assert set(trained.learnt) == set(range(len(model.folds)))
    for tile, fold in model.fold_by_tile.items():
        assert model.models_of(tile) == [model.folds[fold]]
        assert tile not in trained.learnt[fold]
    assert set().union(*trained.learnt.values()) == set(model.fold_by_tile)


def test_a_run_that_is_stopped_and_fenced_off_still_ends_with_the_weights_of_a_straight_one(trained):
    run = tiny(trained.region)
    assert run.pk != trained.run.pk
    stopped = StopAfter("fold 2")
    with pytest.raises(StoppedError):
        train(run=run, progress=stopped)
    assert engine.work_folder(run).exists()

    Job.objects.filter(pk=run.job_id).update(state=JobState.RUNNING, run_token=uuid.uuid4())
    old = JobContext(Job.objects.get(pk=run.job_id))
    Job.objects.filter(pk=run.job_id).update(run_token=uuid.uuid4())
    with pytest.raises(StoppedError, match="given to another run"):
        train(run=run, progress=SilentProgress(), commit=old.transaction)
    assert not ModelVersion.objects.filter(run=run).exists()

    Job.objects.filter(pk=run.job_id).update(state=JobState.CANCELLED)
    again = tiny(trained.region)
    assert again.pk == run.pk
    version = train(run=again, progress=SilentProgress())
    assert weights(version) == weights(trained.run.model_version)
    assert version.state == ModelState.CANDIDATE
    assert not engine.work_folder(run).exists()

    silent = StopAfter()
    assert train(run=again, progress=silent).pk == version.pk
    assert silent.messages == []


def test_a_training_whose_map_was_altered_is_refused_before_it_begins(trained):
    run = tiny(trained.region, seed=9)
    assert run.data_set.pairs[0][1] is None  # a region learns without the anchors of its tiles
    MapSnapshot.objects.filter(pk=run.data_set.snapshot_id).update(sha256="f" * 64)
    job = run_now(run.job)
    assert (job.state, job.error_code) == (JobState.FAILED, DataSetChangedError.code)
