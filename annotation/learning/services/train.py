"""Runs a training to its end: engine, registry row, clean-up."""

import shutil
from contextlib import suppress

from django.db import transaction

from annotation.common.services.jobs import JobContext
from annotation.learning import engine, selectors
from annotation.learning.errors import NoGroundError
from annotation.learning.kinds import Commit, Trained, kind_of
from annotation.learning.models import ModelState, ModelVersion, TrainingRun
from annotation.learning.services import evaluate
from annotation.learning.services.scope import hold
from annotation.learning.services.take_in import TAKEN_IN
from annotation.review.services.audit import record


def run(context: JobContext) -> None:
    """The job `learning.train`; a new candidate is then held beside the model in use, in a job of its own."""
    training = TrainingRun.objects.get(pk=context.params["run"])
    version = train(run=training, progress=context, commit=context.transaction)
    context.set_result({"model": version.pk, "state": version.state, "metrics": version.metrics})
    if version.state == ModelState.CANDIDATE and kind_of(version.kind).compare is not None:
        with suppress(NoGroundError):  # whoever asks for the comparison is told what is missing
            evaluate.start(model=version, user=training.created_by)


def train(*, run: TrainingRun, progress: engine.Progress, commit: Commit = transaction.atomic) -> ModelVersion:
    """Train the run, going on from its checkpoints, and register the model; a finished run gives its model back.

    The first model of its kind, in a region or for all, becomes the active one, unless something built in is in use;
    later ones wait for a promotion.

    Args:
        commit: the transaction that registers; a job passes its own, which only the owning run can commit.
    """
    done = ModelVersion.objects.filter(run=run).first()
    if done is not None:
        return done
    trained = _model_of(run, progress)
    with commit():
        version = _register(run, trained)
    shutil.rmtree(engine.work_folder(run), ignore_errors=True)
    progress.report(1.0, f"model {version.pk} is {version.state}")
    return version


def _model_of(run: TrainingRun, progress: engine.Progress) -> Trained:
    """The run's model: trained here, or the file that was given."""
    kind = kind_of(run.kind)
    if run.preset == TAKEN_IN and kind.take_in is not None:
        return kind.take_in(run)
    return kind.train(run, progress)


def _register(run: TrainingRun, trained: Trained) -> ModelVersion:
    hold(run.kind, run.region_id)
    in_use = selectors.models_in_use(run.kind).filter(region=run.region_id)
    first = kind_of(run.kind).built_in is None and not in_use.exists()
    version = ModelVersion.objects.create(
        run=run,
        kind=run.kind,
        region_id=run.region_id,
        path=trained.path,
        sha256=trained.sha256,
        metrics=trained.metrics,
        about=trained.about,
        state=ModelState.ACTIVE if first else ModelState.CANDIDATE,
    )
    run.metrics = trained.metrics
    run.save(update_fields=["metrics"])
    record(
        actor=run.created_by, action="model.registered", object_kind="model_version", object_id=version.pk,
        scope_id=run.region_id, sha256=trained.sha256, state=version.state,
    )  # fmt: skip
    return version
