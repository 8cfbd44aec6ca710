"""Takes in the file of a model that was trained elsewhere: a candidate, once a job has checked every byte of it."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction

from annotation.accounts.models import User
from annotation.common.services.jobs import enqueue
from annotation.learning import engine
from annotation.learning.errors import ModelThereError, NotTakenInError, TrainingRunningError
from annotation.learning.kinds import kind_for
from annotation.learning.models import MATCHER, ModelVersion, TrainingRun
from annotation.learning.services.scope import hold
from annotation.learning.services.start import KIND
from annotation.learning.services.verified import freeze_file
from annotation.review.services.audit import record
from annotation.sources.services.files import Upload, suffix_of, take_in

TAKEN_IN = "imported"
"""The preset of a run that trained nothing: its model came as a file."""


@transaction.atomic
def start(*, file: Upload, user: User | None, kind: str = MATCHER, wake: bool = True) -> TrainingRun:
    """A run that checks the file and registers it; what it holds is read by the job alone.

    Raises:
        InvalidError: not_taken_in: models of this kind are not, or the file is too large or of another ending.
        ConflictError: model_there: the registry holds this very file; training_running: it is being checked.
    """
    of_kind = kind_for(kind, None)
    if of_kind.take_in is None:
        raise NotTakenInError(f"a {of_kind.title} is not taken in from a file: train one here")
    suffix_of(file.name, (".safetensors",))
    if file.path.stat().st_size > settings.MAX_MODEL_BYTES:
        limit = settings.MAX_MODEL_BYTES >> 20
        raise NotTakenInError(f"files of models end at {limit} MB here: this is something else")
    hold(kind, None)
    there = ModelVersion.objects.filter(kind=kind, region=None, sha256=file.sha256).first()
    if there is not None:
        raise ModelThereError(f"this file is model {there.pk} already; choose that one", model=there.pk)
    data_set = freeze_file(file.sha256, file.name)
    before = data_set.runs.filter(model_version=None).select_related("job").order_by("-pk").first()
    if before is not None and before.job is not None and not before.job.finished:
        raise TrainingRunningError("this file is being checked already; wait for that", run=before.pk)
    run = before or TrainingRun.objects.create(kind=kind, data_set=data_set, preset=TAKEN_IN, created_by=user)
    take_in(file, engine.work_folder(run) / engine.TAKEN_IN)
    run.job = enqueue(
        kind=KIND, params={"run": run.pk}, scope_id=None, created_by=user, dedup_key=f"run:{run.pk}", wake=wake
    )
    run.save(update_fields=["job"])
    record(
        actor=user, action="model.given", object_kind="training_run", object_id=run.pk, scope_id=None, kind=kind,
        sha256=file.sha256, name=file.name,
    )  # fmt: skip
    return run
