"""Of a base only what a query may show: a raster's pixels cost far more to read than to compare."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from affine import Affine

from mlcore.geolocation.bases import Base, BaseSource

MARGIN, LEAST_PX = 0.25, 64
"""Around a footprint, in shares of its extent and in pixels at least."""
WORTH_IT = 0.7
"""A part that is more of a base than this is not read as one."""


def read_part(source: BaseSource, base: Base, corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A base's pixels where a footprint and some ground around it lie; elsewhere it is black and not valid.

    Args:
        corners: (N, 2) of the footprint, in pixels of the base.

    Returns:
        (H, W, 3) uint8 and (H, W) bool of the whole base's size.
    """
    box = box_of(base, corners)
    if box is None:
        return source.read(base)
    left, top, width, height = box
    part = replace(base, transform=base.transform @ Affine.translation(left, top), height=height, width=width)
    rgb, valid = source.read(part)
    if rgb.shape[:2] != (height, width):  # a source that knows whole bases alone
        return rgb, valid
    whole, seen = np.zeros((base.height, base.width, 3), np.uint8), np.zeros((base.height, base.width), bool)
    inside = slice(top, top + height), slice(left, left + width)
    whole[inside], seen[inside] = rgb, valid
    return whole, seen


def box_of(base: Base, corners: np.ndarray) -> tuple[int, int, int, int] | None:
    """Left, top, width and height of what is read; None: the whole."""
    if base.transform is None or not np.isfinite(corners).all():
        return None
    low, high = corners.min(axis=0), corners.max(axis=0)
    margin = np.maximum(MARGIN * (high - low), LEAST_PX)
    size = np.array([base.width, base.height])
    low = np.clip(np.floor(low - margin), 0, size - 1).astype(int)
    high = np.clip(np.ceil(high + margin), low + 1, size).astype(int)
    width, height = (high - low).tolist()
    return None if width * height > WORTH_IT * base.width * base.height else (int(low[0]), int(low[1]), width, height)
