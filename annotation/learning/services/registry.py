"""Which model of a kind is in use, in a region or for all: promotion and the way back, each audited."""

from pathlib import Path

from django.db import transaction

from annotation.accounts.models import User
from annotation.learning import engine, selectors
from annotation.learning.errors import NothingToRollBackError
from annotation.learning.kinds import kind_for
from annotation.learning.models import REGION, ModelState, ModelVersion
from annotation.learning.services.scope import hold
from annotation.review.services.audit import record
from annotation.sources.models import Region


@transaction.atomic
def promote(*, model: ModelVersion, user: User | None) -> ModelVersion:
    """Put a model in use, once its file is checked; the one before retires. The active one stays as it is."""
    active = _lock_active(model.kind, model.region_id)
    model = ModelVersion.objects.get(pk=model.pk)
    if active is not None and active.pk == model.pk:
        return model
    engine.check_model_file(model)
    return _switch(active, model, user=user, action="model.promoted", before=active)


@transaction.atomic
def roll_back(*, region: Region | None, user: User | None, kind: str = REGION) -> ModelVersion | None:
    """Put the model of this kind in use again that was active before the present one; for all regions without one.

    Where none was and something is built in, that is used again: the answer is None.

    Raises:
        UnknownKindError, WrongScopeError: there are no such models.
        NothingToRollBackError: no model was in use before the present one.
    """
    of_kind = kind_for(kind, region)
    active = _lock_active(kind, region.pk if region else None)
    if active is not None and active.before is None and of_kind.built_in is not None:
        _retire(active, user)
        return None
    if active is None or active.before is None:
        raise NothingToRollBackError("no other model was in use before this one; promote one instead")
    engine.check_model_file(active.before)
    return _switch(active, active.before, user=user, action="model.rolled_back", before=active.before.before)


def model_file(model: ModelVersion) -> Path:
    """The model's file, proven to be the registered one."""
    return engine.check_model_file(model)


def _lock_active(kind: str, region_id: int | None) -> ModelVersion | None:
    """The active model, while no one else can switch those of its kind and region."""
    hold(kind, region_id)
    return selectors.models_in_use(kind).filter(region=region_id).select_related("before").first()


def _retire(active: ModelVersion, user: User | None) -> None:
    active.state = ModelState.RETIRED
    active.save(update_fields=["state"])
    record(
        actor=user, action="model.rolled_back", object_kind="model_version", object_id=active.pk,
        scope_id=active.region_id, replaced=active.pk, built_in=True,
    )  # fmt: skip


def _switch(
    active: ModelVersion | None, model: ModelVersion, *, user: User | None, action: str, before: ModelVersion | None
) -> ModelVersion:
    if active is not None:
        active.state = ModelState.RETIRED
        active.save(update_fields=["state"])
    model.state, model.before = ModelState.ACTIVE, before
    model.save(update_fields=["state", "before"])
    record(
        actor=user, action=action, object_kind="model_version", object_id=model.pk, scope_id=model.region_id,
        replaced=active.pk if active else None,
    )  # fmt: skip
    return model
