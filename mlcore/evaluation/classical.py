"""A score that needs no learning about agreement: the edges of image and map."""

from __future__ import annotations

import cv2
import numpy as np

from mlcore.errors import InvalidInputError

SHIFT_PX = 8


def edge_ncc(image: np.ndarray, map_: np.ndarray, valid: np.ndarray, shift_px: int = SHIFT_PX) -> float:
    """Normalised cross-correlation of the gradients of image and map, the best over small shifts.

    Args:
        image, map_: (S, S, 3) uint8 RGB of one size.
        valid: (S, S) bool; gradients elsewhere count as none.
        shift_px: the map may lie this far off in either direction.

    Returns:
        -1..1; 0 where the map (or the image) shows no edge at all.
    """
    if image.shape != map_.shape or image.shape[:2] != valid.shape or min(valid.shape) <= 4 * shift_px:
        raise InvalidInputError(f"image, map and valid must be of one size above {4 * shift_px} px a side")
    inside = cv2.erode(valid.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    edges = np.where(inside, _gradient(image), 0).astype(np.float32)
    drawn = np.where(inside, _gradient(map_), 0).astype(np.float32)
    core = drawn[shift_px:-shift_px, shift_px:-shift_px]
    if core.std() < 1e-6 or edges.std() < 1e-6:
        return 0.0
    found = cv2.matchTemplate(edges, core, cv2.TM_CCOEFF_NORMED)
    return float(np.clip(np.nan_to_num(found, posinf=0.0, neginf=0.0).max(), -1, 1))


def _gradient(rgb: np.ndarray) -> np.ndarray:
    """(S, S, 3) uint8 -> (S, S) float32 size of the grey value's gradient."""
    grey = cv2.GaussianBlur(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32), (0, 0), 1.0)
    return cv2.magnitude(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
