"""The weights that find places, and the model in this process."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from django.conf import settings

from annotation.common.engine import compute_device
from annotation.landmarks.models import LANDMARKS
from annotation.learning import selectors as learning
from annotation.learning.models import ModelVersion
from mlcore.digests import sha256_of
from mlcore.weights import LANDMARKS_FILE

if TYPE_CHECKING:
    from mlcore.landmarks.model import LandmarkModel

_LOADING = Lock()


@dataclass(frozen=True)
class Weights:
    """Weights of a model: the file, its digest, and the model of the registry; None: what ships, or a setting."""

    path: Path
    sha256: str
    model: ModelVersion | None = None


def built_in_file() -> Path:
    """What finds places while no model of the registry does: the administrator's weights, else those that ship."""
    return Path(settings.LANDMARKS_WEIGHTS or LANDMARKS_FILE)


def weights_in_use() -> Weights | None:
    """The weights that find places from now on; None where there are none."""
    model = learning.active_model(None, LANDMARKS)
    if model is not None:
        return Weights(Path(settings.MEDIA_ROOT) / model.path, model.sha256, model)
    path = built_in_file()
    return Weights(path, _digest(path, path.stat().st_mtime_ns)) if path.is_file() else None


def weights_of(digest: str) -> Weights | None:
    """The weights of this digest, wherever they lie; None where they are gone."""
    model = learning.model_of_digest(LANDMARKS, digest)
    if model is not None:
        path = Path(settings.MEDIA_ROOT) / model.path
        return Weights(path, digest, model) if path.is_file() else None
    path = built_in_file()
    if not path.is_file() or _digest(path, path.stat().st_mtime_ns) != digest:
        return None
    return Weights(path, digest)


def loaded(weights: Weights) -> LandmarkModel:
    """The model, ready; a process keeps one, and the first query of it waits for torch.

    Raises:
        CheckpointError: the file is not the one that was registered.
    """
    with _LOADING:
        return _model(str(weights.path), weights.sha256)


@lru_cache(maxsize=1)
def _model(path: str, sha256: str) -> LandmarkModel:
    from mlcore.landmarks.model import LandmarkModel

    return LandmarkModel.load(Path(path), sha256=sha256).to(compute_device()).eval()


@lru_cache(maxsize=8)
def _digest(path: Path, changed_ns: int) -> str:
    return sha256_of(path)
