"""A second kind of model for the registry's tests: one for all regions, that "learns" how many regions there are."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
from django.conf import settings
from safetensors.numpy import save_file

from annotation.learning.engine import run_folder
from annotation.learning.errors import UnknownPresetError
from annotation.learning.kinds import Config, ModelKind, Sources, Trained
from annotation.learning.models import DataSet, TrainingRun
from annotation.sources.models import Region


def config_of(preset: str) -> Config:
    if preset != "compact":
        raise UnknownPresetError(f"no preset {preset}")
    return {"preset": preset}


def freeze(*, region: Region | None, config: Config, sources: Sources | None) -> DataSet:
    payload = {"regions": sorted(Region.objects.values_list("pk", flat=True))}
    digest = hashlib.sha256(json.dumps(payload).encode()).hexdigest()
    return DataSet.objects.get_or_create(kind="counter", region=None, digest=digest, defaults={"payload": payload})[0]


def train(run: TrainingRun, progress: object) -> Trained:
    path: Path = run_folder(run) / "model.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({"regions": np.array(run.data_set.payload["regions"]), "seed": np.array([run.seed])}, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    place = path.relative_to(settings.MEDIA_ROOT).as_posix()
    return Trained(
        place, digest, {"regions": len(run.data_set.payload["regions"])}, {"data_digest": run.data_set.digest}
    )


KIND = ModelKind(
    name="counter", title="counter of regions", description="Counts regions.", per_region=False, config_of=config_of,
    freeze=freeze, train=train,
)  # fmt: skip
