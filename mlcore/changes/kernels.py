"""Neighbourhoods of a pixel said in metres, so that they are as wide at any zoom and latitude."""

from __future__ import annotations

import cv2
import numpy as np


def radius_px(radius_m: float, resolution_m: float) -> int:
    """Pixels of a radius, at least one: the image shows nothing finer."""
    return max(1, round(radius_m / resolution_m))


def square(radius_m: float, resolution_m: float) -> np.ndarray:
    """(2 r + 1, 2 r + 1) uint8, all ones."""
    return np.ones((2 * radius_px(radius_m, resolution_m) + 1,) * 2, np.uint8)


def disc(radius_m: float, resolution_m: float) -> np.ndarray:
    """(2 r + 1, 2 r + 1) uint8, ones on the disc."""
    side = 2 * radius_px(radius_m, resolution_m) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
