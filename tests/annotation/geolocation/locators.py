"""Tiny locators that nobody taught, as files and as models of the registry."""

from __future__ import annotations

from pathlib import Path

import torch
from django.conf import settings

from annotation.learning.models import LOCATOR, DataSet, ModelVersion, TrainingRun


def locator_file(path: Path, seed: int = 0) -> str:
    """Write the weights of a tiny locator; its digest."""
    from mlcore.geolocation.config import GeolocationConfig
    from mlcore.geolocation.model import LocatorModel

    torch.manual_seed(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    return LocatorModel(GeolocationConfig.preset("tiny")).save(path)


def locator_model(seed: int = 0, **fields) -> ModelVersion:
    """A candidate of the registry with a file of its own."""
    path = Path(settings.MEDIA_ROOT) / "models" / LOCATOR / f"{seed}.safetensors"
    digest = locator_file(path, seed)
    data_set = DataSet.objects.create(kind=LOCATOR, digest=digest)
    run = TrainingRun.objects.create(kind=LOCATOR, data_set=data_set, preset="tiny")
    place = path.relative_to(settings.MEDIA_ROOT).as_posix()
    return ModelVersion.objects.create(kind=LOCATOR, run=run, path=place, sha256=digest, **fields)
