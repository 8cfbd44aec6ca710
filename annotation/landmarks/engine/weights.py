"""The weights that find places, and the model in this process."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from django.conf import settings

from annotation.common.engine import compute_device
from annotation.landmarks.models import LANDMARKS
from annotation.learning.engine import weights as learning
from annotation.learning.engine.weights import Weights
from mlcore.weights import LANDMARKS_FILE

if TYPE_CHECKING:
    from mlcore.landmarks.model import LandmarkModel

_LOADING = Lock()


def built_in_file() -> Path:
    """What finds places while no model of the registry does: the administrator's weights, else those that ship."""
    return Path(settings.LANDMARKS_WEIGHTS or LANDMARKS_FILE)


def weights_in_use() -> Weights | None:
    """The weights that find places from now on; None where there are none."""
    return learning.weights_in_use(LANDMARKS, built_in_file())


def weights_of(digest: str) -> Weights | None:
    """The weights of this digest, wherever they lie; None where they are gone."""
    return learning.weights_of(LANDMARKS, digest, built_in_file())


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
