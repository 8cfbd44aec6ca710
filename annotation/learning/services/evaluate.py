"""Holds a model beside the one in use on the frozen set of its data: starts the job, runs it, keeps the figures."""

from __future__ import annotations

import enum

from django.db import transaction

from annotation.accounts.models import User
from annotation.common.models import Job
from annotation.common.services.jobs import JobContext, enqueue
from annotation.learning import engine, selectors
from annotation.learning.errors import NotComparableError
from annotation.learning.kinds import Commit, kind_of
from annotation.learning.models import Evaluation, ModelVersion
from annotation.learning.services.scope import hold
from annotation.review.services.audit import record

KIND = "learning.evaluate"
TILE_AUROC = "tile_auroc"
"""The figure by which pages speak of a model, of whatever kind its comparison gives one."""


class InUse(enum.Enum):
    """The other one of a comparison that nobody names: the model in use, or, beside that, the model before it."""

    IN_USE = enum.auto()


@transaction.atomic
def start(
    *, model: ModelVersion, user: User | None, against: ModelVersion | InUse | None = InUse.IN_USE, wake: bool = True
) -> Evaluation:
    """The comparison of a model with another one of its kind, and region.

    A finished comparison of the same two on the same data is given back; one that was stopped or failed is taken up
    again. Without another model the figures stand alone, or beside what is built in.

    Args:
        against: the other model, in use or not; None: what is built in.

    Raises:
        NotComparableError: models of this kind, or these two, are not held side by side.
        NoGroundError: there is nothing to compare them on.
    """
    kind = kind_of(model.kind)
    if kind.compare is None:
        raise NotComparableError(f"two models of kind {kind.name} are not held side by side: look at their own figures")
    hold(model.kind, model.region_id)
    other = _usual(model) if against is InUse.IN_USE else against
    if against is not InUse.IN_USE:
        _check_pair(model, other, built_in=kind.built_in is not None)
    data_set = kind.measure() if kind.measure is not None else model.run.data_set
    evaluation, _ = Evaluation.objects.select_related("job").get_or_create(
        model=model, against=other, data_set=data_set, defaults={"created_by": user}
    )
    running = evaluation.job is not None and not evaluation.job.finished
    if evaluation.finished_at is not None or running:
        return evaluation
    evaluation.job = _enqueue(evaluation, user, wake)
    evaluation.save(update_fields=["job"])
    record(
        actor=user, action="evaluation.started", object_kind="model_version", object_id=model.pk,
        scope_id=model.region_id, against=other.pk if other else None,
    )  # fmt: skip
    return evaluation


def _usual(model: ModelVersion) -> ModelVersion | None:
    """The model in use, or, beside that one, the model before it."""
    active = selectors.active_model(model.region_id, model.kind)
    return model.before if active is not None and active.pk == model.pk else active


def _check_pair(model: ModelVersion, other: ModelVersion | None, *, built_in: bool) -> None:
    if other is None:
        if not built_in:
            raise NotComparableError("nothing is built in for models of this kind: name another model")
    elif other.pk == model.pk:
        raise NotComparableError("a model is held beside another one: name a second model")
    elif (other.kind, other.region_id) != (model.kind, model.region_id):
        raise NotComparableError("these two models are not for the same: name one of the same kind and region")


def _enqueue(evaluation: Evaluation, user: User | None, wake: bool) -> Job:
    return enqueue(
        kind=KIND,
        params={"evaluation": evaluation.pk},
        scope_id=evaluation.model.region_id,
        created_by=user,
        dedup_key=f"evaluation:{evaluation.pk}",
        wake=wake,
    )


def run(context: JobContext) -> None:
    """The job `learning.evaluate`."""
    rows = Evaluation.objects.select_related(
        "model__run", "against__run", "data_set__imagery", "data_set__snapshot", "data_set__region"
    )
    evaluation = rows.get(pk=context.params["evaluation"])
    evaluate(evaluation=evaluation, progress=context, commit=context.transaction)
    context.set_result({"evaluation": evaluation.pk, "model": evaluation.model_id})


def evaluate(*, evaluation: Evaluation, progress: engine.Progress, commit: Commit = transaction.atomic) -> Evaluation:
    """Score both models and keep the figures; a finished evaluation is left as it is.

    Args:
        commit: the transaction that stores; a job passes its own, which only the owning run can commit.
    """
    if evaluation.finished_at is not None:
        return evaluation
    compare = kind_of(evaluation.model.kind).compare
    if compare is not None:
        compare(evaluation=evaluation, progress=progress, commit=commit)
        with commit():
            keep_measured(evaluation)
    progress.report(1.0, "the models stand side by side")
    return evaluation


def keep_measured(evaluation: Evaluation) -> None:
    """Have the model itself say how it tells tiles with known errors from others: every suggestion shows it."""
    found = [one for one in evaluation.figures if one["name"] == TILE_AUROC and one["first"]]
    measured = {"tiles": found[0]["count"], **found[0]["first"]} if found else None
    ModelVersion.objects.filter(pk=evaluation.model_id).update(measured=measured)
