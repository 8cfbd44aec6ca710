"""The general model that ships, as a row that scans can name: one for each file that ever shipped, for all regions."""

from __future__ import annotations

from django.db import transaction

from annotation.learning import engine, selectors
from annotation.learning.errors import NoGeneralModelError
from annotation.learning.models import GENERAL, DataSet, ModelState, ModelVersion, TrainingRun
from annotation.learning.services.scope import hold
from annotation.sources.models import Imagery, MapSnapshot


@transaction.atomic
def general_model() -> ModelVersion:
    """The general model of this installation. It is never in use in the registry: a region's own goes before it.

    Raises:
        NoGeneralModelError: its file was left out of the installation.
        NoSpaceError: the media folder has no room for it.
    """
    hold(GENERAL, None)
    taken = engine.take_general()
    if taken is None:
        raise NoGeneralModelError("no general model was installed: train a model of the region, then scan with that")
    path, sha256 = taken
    model = ModelVersion.objects.filter(kind=GENERAL, sha256=sha256).first()
    if model is not None:
        return model
    data_set = DataSet.objects.create(kind=GENERAL, digest=sha256, payload={"file": {"sha256": sha256}})
    run = TrainingRun.objects.create(kind=GENERAL, data_set=data_set, preset=GENERAL)
    return ModelVersion.objects.create(
        run=run, kind=GENERAL, path=path, sha256=sha256, state=ModelState.CANDIDATE, about={"kind": GENERAL}
    )


def enough_mapped(imagery: Imagery, snapshot: MapSnapshot, preset: str) -> bool:
    """Whether a model of the region can be trained on what is mapped there, as the training itself counts it."""
    return selectors.trainable_pairs(imagery, snapshot).count() >= engine.tiles_needed(engine.config_of(preset))
