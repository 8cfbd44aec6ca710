"""Trainings and their files: frozen data sets in, models out."""

from __future__ import annotations

import hashlib
import math
import uuid
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings

from annotation.anchors.engine import core_anchor
from annotation.anchors.models import Anchor
from annotation.common.engine import compute_device
from annotation.common.errors import ConflictError
from annotation.correspondences.decided import thawed
from annotation.learning.engine.data import about, core_decisions
from annotation.learning.kinds import Trained
from annotation.learning.models import TRANSFORMS, ModelVersion, TrainingRun
from annotation.tiles.engine import pair_source, tile_address
from annotation.tiles.models import TilePair
from mlcore.errors import CheckpointError
from mlcore.progress import Progress
from mlcore.region.config import RegionConfig

if TYPE_CHECKING:
    from mlcore.region.training import RegionModel


MIN_LEARNT = 4
"""Tiles that each fold's models must have to learn from; the library's own limit."""


class ModelFileError(ConflictError):
    """The file of a model is missing, foreign, damaged, or not the one registered."""

    code = "invalid_model_file"


def config_of(preset: str, changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The full settings of a preset as plain values; an unknown preset or key raises ConfigError."""
    return RegionConfig.preset(preset, **dict(changes or {})).to_dict()


def tiles_needed(config: Mapping[str, Any]) -> int:
    """The fewest mapped tiles that can be cut into folds with enough left to learn from without each of them."""
    folds = RegionConfig.from_dict(config).folds
    return next(n for n in count(2) if any(n - -(-n // part) >= MIN_LEARNT for part in range(2, min(folds, n) + 1)))


def anchors_needed(config: Mapping[str, Any]) -> bool:
    """Whether these settings learn through one anchor per tile."""
    return RegionConfig.from_dict(config).consistency.tile_anchors


def run_folder(run: TrainingRun) -> Path:
    """Everything a run leaves on the disk; a run for all regions has its own place beside those of the regions."""
    owner = Path("regions", str(run.region_id)) if run.region_id is not None else Path("models", run.kind)
    return Path(settings.MEDIA_ROOT) / owner / "training" / str(run.pk)


def work_folder(run: TrainingRun) -> Path:
    """Checkpoints, needed until the model is registered."""
    return run_folder(run) / "work"


def train_run(run: TrainingRun, pairs: list[TilePair], anchors: Mapping[int, Anchor], progress: Progress) -> Trained:
    """Train the region's models on the pairs, going on from the run's checkpoints, and write the model file.

    The file is named by its digest: a run that was given up can never overwrite what another one registered.
    """
    from mlcore.region.training import train_region

    source = pair_source(*run.data_set.sources)
    model = train_region(
        source,
        [tile_address(pair.tile) for pair in pairs],
        {tile_address(pair.tile): core_anchor(anchors[pair.pk]) for pair in pairs if pair.pk in anchors},
        RegionConfig.from_dict(run.config),
        decisions=core_decisions(run.data_set),
        known=thawed(run.data_set.payload.get(TRANSFORMS, [])),
        run_dir=work_folder(run),
        seed=run.seed,
        device=compute_device(),
        progress=progress,
    )
    scratch = run_folder(run) / f"{uuid.uuid4().hex}.safetensors"
    origin = about(run)
    digest = model.save(scratch, extra={"about": origin})
    target = scratch.with_name(f"model-{digest[:16]}.safetensors")
    scratch.replace(target)
    metrics = {name: float(value) for name, value in model.metrics.items() if math.isfinite(value)}
    return Trained(target.relative_to(settings.MEDIA_ROOT).as_posix(), digest, metrics, origin)


def load_region_model(version: ModelVersion) -> RegionModel:
    """The registered model, where jobs compute; anything but the registered safetensors file is refused unread."""
    path = check_model_file(version)
    from mlcore.region.training import RegionModel

    try:
        return RegionModel.load(path, sha256=version.sha256, device=compute_device())
    except CheckpointError as error:
        raise ModelFileError(str(error), model=version.pk) from error


def check_model_file(version: ModelVersion) -> Path:
    """The model's file, proven to be the registered one without a byte of it being interpreted.

    Raises:
        ModelFileError: missing, outside the media folder, or of another digest.
    """
    root = Path(settings.MEDIA_ROOT).resolve()
    path = (root / version.path).resolve()
    if not path.is_relative_to(root) or path.suffix != ".safetensors":
        raise ModelFileError("the model is no safetensors file of this installation; train again")
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelFileError(f"can't read the model's file ({error.strerror}); train again") from error
    if digest != version.sha256:
        raise ModelFileError("the model's file is not the one registered; restore it from a copy, or train again")
    return path
