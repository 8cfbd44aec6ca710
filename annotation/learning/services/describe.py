"""What people say of a model: a name to find it by, and notes."""

from __future__ import annotations

from django.db import transaction

from annotation.accounts.models import User
from annotation.learning.models import ModelVersion
from annotation.review.services.audit import record


@transaction.atomic
def describe(*, model: ModelVersion, user: User, name: str | None = None, notes: str | None = None) -> ModelVersion:
    """Name a model, or note something about it; None leaves a thing as it is. Its file stays what it is."""
    model = ModelVersion.objects.select_for_update().get(pk=model.pk)
    said = {key: value.strip() for key, value in (("name", name), ("notes", notes)) if value is not None}
    for key, value in said.items():
        setattr(model, key, value)
    model.save(update_fields=list(said))
    record(
        actor=user, action="model.described", object_kind="model_version", object_id=model.pk,
        scope_id=model.region_id, **said,
    )  # fmt: skip
    return model
