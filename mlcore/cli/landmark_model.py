"""The landmarks' model of a command: of a file, or the one that ships."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mlcore.errors import InvalidInputError

if TYPE_CHECKING:
    from mlcore.landmarks.model import LandmarkModel


def load_landmarks(weights: Path | None, device: str = "cpu") -> LandmarkModel:
    """The model.

    Raises:
        InvalidInputError: none ships and no file is named.
        CheckpointError: the file is none of landmarks.
    """
    from mlcore.landmarks.model import LandmarkModel
    from mlcore.weights import LANDMARKS_FILE

    path = weights or LANDMARKS_FILE
    if not path.is_file():
        raise InvalidInputError(
            f"there are no weights in {path}: name those of a model with --weights, or train one with train landmarks"
        )
    return LandmarkModel.load(path, device=device)
