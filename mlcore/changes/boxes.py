"""The largest difference of evidence and map on a small square: what is left of the question without any learning."""

from __future__ import annotations

import cv2
import numpy as np

from mlcore.errors import InvalidInputError

BOX_M = 5.5
BOX_PX = 21  # at 0.26 m a pixel
MOST_PX = 255  # a box lies inside one tile


def box_px(resolution_m: float) -> int:
    """Side of the square in pixels, odd: BOX_M on the ground."""
    return min(2 * max(1, round((BOX_M / resolution_m - 1) / 2)) + 1, MOST_PX)


def largest_box(evidence: np.ndarray, mask: np.ndarray, valid: np.ndarray, box_px: int = BOX_PX) -> float:
    """The largest mean of |evidence - map| over a square of `box_px` inside the tile: the simplest score of evidence.

    Args:
        evidence, mask: (S, S) float in 0..1, probability of building, and the map's buildings.
        valid: (S, S) bool; pixels without image don't differ.

    Returns:
        0..1; higher = differs more.
    """
    if evidence.shape != mask.shape or evidence.shape != valid.shape or min(evidence.shape) < box_px:
        raise InvalidInputError(f"evidence, mask and valid must be of one size of at least {box_px} px")
    difference = np.where(valid, np.abs(evidence - mask), 0).astype(np.float32)
    means = cv2.boxFilter(difference, -1, (box_px, box_px), borderType=cv2.BORDER_CONSTANT)
    edge = box_px // 2
    return float(means[edge : means.shape[0] - edge, edge : means.shape[1] - edge].max())
