"""Separates the buildings that run together in the evidence."""

from __future__ import annotations

import cv2
import numpy as np

REACH_M = 1.5  # of a building, from the middle that is its own alone


def split_buildings(building: np.ndarray, outline: np.ndarray, resolution_m: float) -> np.ndarray:
    """Number the buildings that evidence and outlines separate.

    Args:
        building, outline: (H, W) float in 0..1.

    Returns:
        (H, W) int32; 0 = none. Attached houses fall apart where an outline runs between them.
    """
    seen = building > 0.5
    size = 2 * max(1, round(0.4 / resolution_m)) + 1
    core = np.asarray(
        cv2.morphologyEx((seen & (outline < 0.4)).astype(np.uint8), cv2.MORPH_OPEN, np.ones((size, size), np.uint8))
    )
    _, parts = cv2.connectedComponents(core, connectivity=4)
    if not core.any():
        return np.zeros(building.shape, np.int32)
    away, nearest = cv2.distanceTransformWithLabels(1 - core, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    number = np.zeros(int(nearest.max()) + 1, np.int32)
    number[nearest[core > 0]] = parts[core > 0]
    return np.where(seen & (away * resolution_m <= REACH_M), number[nearest], 0)


def several_parts(whole: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """(regions + 1,) bool: regions that hold more than one part."""
    if not (parts > 0).any():
        return np.zeros(int(whole.max()) + 1, bool)
    many = int(parts.max()) + 1
    pairs = np.unique(whole[parts > 0].astype(np.int64) * many + parts[parts > 0])
    return np.bincount(pairs // many, minlength=int(whole.max()) + 1) > 1


def compactness(mask: np.ndarray) -> float:
    """Area over the area of the tightest rectangle, 0..1."""
    points = cv2.findNonZero(mask.astype(np.uint8))
    if points is None:
        return 0.0
    (_, _), (width, height), _ = cv2.minAreaRect(points)
    return float(min(1.0, mask.sum() / max((width + 1) * (height + 1), 1.0)))
