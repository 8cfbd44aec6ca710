"""Pictures and their corners under homographies of corner-based pixels."""

from __future__ import annotations

import math

import cv2
import numpy as np
import shapely

from mlcore.geometry.webmercator import mercator_to_lonlat


def warp(picture: np.ndarray, matrix: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The picture under a homography, at (width, height); black where it has nothing."""
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1.0]])  # OpenCV puts 0 at a pixel's centre
    return np.asarray(cv2.warpPerspective(picture, np.linalg.inv(half) @ matrix @ half, size))


def warp_valid(valid: np.ndarray, matrix: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The same of a mask, bool."""
    return warp(valid.astype(np.uint8) * 255, matrix, size) >= 128


def quad(matrix: np.ndarray, width: int, height: int) -> shapely.Polygon:
    """Where the corners of a picture of this size lie under a homography; empty where one flees to infinity."""
    corners = np.array([[0, 0, 1], [width, 0, 1], [width, height, 1], [0, height, 1.0]]) @ np.asarray(matrix).T
    depths = corners[:, 2]
    if not np.isfinite(corners).all() or not (depths * depths[0] > 1e-9 * depths[0] ** 2).all():
        return shapely.Polygon()
    return shapely.Polygon(corners[:, :2] / corners[:, 2:])


def metre_at(y: float) -> float:
    """EPSG:3857 metres for a metre on the ground, at this y."""
    return 1 / math.cos(math.radians(float(mercator_to_lonlat(np.array([[0.0, y]]))[0, 1])))
