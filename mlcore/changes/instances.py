"""Separates the buildings that run together in the evidence."""

from __future__ import annotations

import cv2
import numpy as np

NEAR_M = 1.5  # a pixel of a building lies so near to its part


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
    return _grown(parts, seen, NEAR_M / resolution_m)


def _grown(parts: np.ndarray, seen: np.ndarray, radius_px: float) -> np.ndarray:
    """(H, W) int32: every seen pixel with the number of the nearest part within the radius; 0 = none is."""
    reach = int(radius_px)
    down, right = np.mgrid[-reach : reach + 1, -reach : reach + 1].reshape(2, -1)
    away = down**2 + right**2
    order = [number for number in np.argsort(away, kind="stable") if 0 < away[number] <= radius_px**2]
    padded = np.pad(parts, reach).astype(np.int32)
    width = padded.shape[1]
    rows, columns = np.nonzero(seen & (parts == 0))
    left = (rows + reach) * width + columns + reach
    around, found = padded.ravel(), np.where(seen, parts, 0).astype(np.int32)
    for number in order:
        if not left.size:
            break
        near = around[left + down[number] * width + right[number]]
        hit = near > 0
        found[left[hit] // width - reach, left[hit] % width - reach] = near[hit]
        left = left[~hit]
    return found


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
