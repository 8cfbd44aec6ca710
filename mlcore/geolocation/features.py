"""What the model says of one picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class PictureFeatures:
    """Features of one picture.

    Attributes:
        coarse: (h, w, C) unit tokens at 1/64 of the model's pixels.
        valid: (h, w) bool.
        scale: pixels of the model per pixel of the picture.
        descriptor: (D,) float32 unit vector of the whole picture, the same at every rotation.
    """

    coarse: np.ndarray
    valid: np.ndarray
    scale: float
    descriptor: np.ndarray
