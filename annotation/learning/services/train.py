"""Runs a training to its end: engine, registry row, clean-up."""

import shutil

from django.db import transaction

from annotation.common.services.jobs import JobContext
from annotation.learning import engine, selectors
from annotation.learning.kinds import Commit, Trained, kind_of
from annotation.learning.models import ModelState, ModelVersion, TrainingRun
from annotation.learning.services import evaluate
from annotation.learning.services.scope import hold
from annotation.review.services.audit import record


def run(context: JobContext) -> None:
    """The job `learning.train`; a new candidate is then held beside the model in use, in a job of its own."""
    training = TrainingRun.objects.get(pk=context.params["run"])
    version = train(run=training, progress=context, commit=context.transaction)
    context.set_result({"model": version.pk, "state": version.state, "metrics": version.metrics})
    if version.state == ModelState.CANDIDATE and kind_of(version.kind).compare is not None:
        evaluate.start(model=version, user=training.created_by)


def train(*, run: TrainingRun, progress: engine.Progress, commit: Commit = transaction.atomic) -> ModelVersion:
    """Train the run, going on from its checkpoints, and register the model; a finished run gives its model back.

    The first model of its kind, in a region or for all, becomes the active one; later ones wait for a promotion.

    Args:
        commit: the transaction that registers; a job passes its own, which only the owning run can commit.
    """
    done = ModelVersion.objects.filter(run=run).first()
    if done is not None:
        return done
    trained = kind_of(run.kind).train(run, progress)
    with commit():
        version = _register(run, trained)
    shutil.rmtree(engine.work_folder(run), ignore_errors=True)
    progress.report(1.0, f"model {version.pk} is {version.state}")
    return version


def _register(run: TrainingRun, trained: Trained) -> ModelVersion:
    hold(run.kind, run.region_id)
    first = not selectors.models_in_use(run.kind).filter(region=run.region_id).exists()
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
