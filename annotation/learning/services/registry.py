"""Which model of a region is in use: promotion and the way back, each audited."""

from pathlib import Path

from django.db import transaction

from annotation.accounts.models import User
from annotation.learning import engine
from annotation.learning.errors import NothingToRollBackError
from annotation.learning.models import ModelState, ModelVersion
from annotation.review.services.audit import record
from annotation.sources.models import Region


@transaction.atomic
def promote(*, model: ModelVersion, user: User | None) -> ModelVersion:
    """Put a model in use, once its file is checked; the one before retires. The active one stays as it is."""
    active = _lock_active(model.region_id)
    model = ModelVersion.objects.get(pk=model.pk)
    if active is not None and active.pk == model.pk:
        return model
    engine.check_model_file(model)
    return _switch(active, model, user=user, action="model.promoted", before=active)


@transaction.atomic
def roll_back(*, region: Region, user: User | None) -> ModelVersion:
    """Put the model in use again that was active before the present one."""
    active = _lock_active(region.pk)
    if active is None or active.before is None:
        raise NothingToRollBackError("no other model was in use before this one; promote one instead")
    engine.check_model_file(active.before)
    return _switch(active, active.before, user=user, action="model.rolled_back", before=active.before.before)


def model_file(model: ModelVersion) -> Path:
    """The model's file, proven to be the registered one."""
    return engine.check_model_file(model)


def _lock_active(region_id: int) -> ModelVersion | None:
    """The active model, while no one else can switch models of the region."""
    Region.objects.select_for_update(no_key=True).get(pk=region_id)
    return ModelVersion.objects.filter(region_id=region_id, state=ModelState.ACTIVE).select_related("before").first()


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
