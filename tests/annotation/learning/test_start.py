"""Starting a training: what is queued, what is refused, and how a stopped run is taken up again."""

import pytest

from annotation.common.models import Job, JobFigure, JobState
from annotation.learning import engine
from annotation.learning.errors import TooFewTilesError, TrainingRunningError, UnknownPresetError
from annotation.learning.models import TrainingRun
from annotation.learning.services.start import start
from annotation.review.models import AuditEntry
from mlcore.consistency.training import MIN_PAIRS
from mlcore.errors import InvalidInputError
from mlcore.region.training import fold_count
from tests.annotation.learning.rows import described_region
from tests.factories import JobFactory, UserFactory

pytestmark = pytest.mark.django_db


def end(run: TrainingRun, state: str = JobState.CANCELLED) -> None:
    Job.objects.filter(pk=run.job_id).update(state=state)


def test_a_start_freezes_the_data_queues_a_job_and_is_audited():
    region, admin = described_region(columns=6, rows=4), UserFactory(role="admin")
    run = start(region=region, user=admin, preset="tiny", seed=5, wake=False)
    assert (run.job.kind, run.job.params, run.job.scope_id) == ("learning.train", {"run": run.pk}, region.pk)
    assert (run.preset, run.seed, len(run.data_set.pairs)) == ("tiny", 5, 24)
    assert run.config["folds"] == 2 and run.config["consistency"]["input_px"] == 64
    assert AuditEntry.objects.get(action="training.started").actor == admin


def test_a_second_training_of_the_region_is_refused_while_one_runs():
    region = described_region(columns=6, rows=4)
    run = start(region=region, user=None, preset="tiny", wake=False)
    with pytest.raises(TrainingRunningError) as refused:
        start(region=region, user=None, preset="tiny", seed=1, wake=False)
    assert refused.value.data == {"run": run.pk}
    assert TrainingRun.objects.count() == 1


@pytest.mark.parametrize("state", [JobState.CANCELLED, JobState.FAILED])
def test_a_run_that_ended_without_a_model_is_taken_up_again_with_its_curve(state):
    region = described_region(columns=6, rows=4)
    run = start(region=region, user=None, preset="tiny", wake=False)
    JobFigure.objects.create(job=run.job, name="loss", step=0, value=1.0)
    end(run, state)
    again = start(region=region, user=None, preset="tiny", wake=False)
    assert again.pk == run.pk
    assert again.job_id != run.job_id and again.job.params == {"run": run.pk}
    assert list(again.job.figures.values_list("name", "value")) == [("loss", 1.0)]


def test_other_settings_or_another_seed_make_another_run():
    region = described_region(columns=6, rows=4)
    run = start(region=region, user=None, preset="tiny", wake=False)
    end(run)
    other = start(region=region, user=None, preset="tiny", seed=1, wake=False)
    assert other.pk != run.pk


def test_a_job_that_comes_twice_gets_its_run_back_and_queues_nothing():
    region = described_region(columns=6, rows=4)
    job = JobFactory(kind="changes.main_job", scope_id=region.pk, state=JobState.RUNNING)
    run = start(region=region, user=None, preset="tiny", job=job)
    assert (run.job, Job.objects.count()) == (job, 1)
    assert start(region=region, user=None, preset="tiny", job=job).pk == run.pk


def test_a_training_inside_a_running_main_job_keeps_others_out():
    region = described_region(columns=6, rows=4)
    job = JobFactory(kind="changes.main_job", scope_id=region.pk, state=JobState.RUNNING)
    start(region=region, user=None, preset="tiny", job=job)
    with pytest.raises(TrainingRunningError):
        start(region=region, user=None, preset="tiny", wake=False)


def test_an_unknown_preset_is_refused_with_the_known_ones():
    with pytest.raises(UnknownPresetError, match="compact"):
        start(region=described_region(), user=None, preset="enormous", wake=False)


def test_a_small_region_is_told_how_many_tiles_it_needs():
    with pytest.raises(TooFewTilesError, match=r"at least \d+ mapped tiles and the region has 2"):
        start(region=described_region(columns=2, rows=1), user=None, preset="tiny", wake=False)


@pytest.mark.parametrize("folds", [2, 3, 5])
def test_the_number_of_tiles_asked_for_is_the_librarys_own_limit(folds):
    assert engine.MIN_LEARNT == MIN_PAIRS
    needed = engine.tiles_needed(engine.config_of("tiny", {"folds": folds}))
    assert fold_count(needed, folds) >= 2
    with pytest.raises(InvalidInputError):
        fold_count(needed - 1, folds)
