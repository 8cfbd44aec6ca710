"""From matches or points of people to control points with a transform, residuals and a place on the ground."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from rasterio.crs import CRS

from mlcore.correspondences.exchange.control_points import MOST_POINTS, ControlPoints, PlacedTransform
from mlcore.correspondences.robust import Registration
from mlcore.errors import InvalidInputError
from mlcore.geometry.transform import TransformKind, fit

PICTURE_GRID = np.array([[1.0, 0, 0], [0, -1.0, 0]])
"""Of a map without georeference: its own pixels, y minus the row, as QGIS counts them."""


def points_of_registration(
    found: Registration, map_grid: np.ndarray = PICTURE_GRID, crs: CRS | None = None
) -> ControlPoints:
    """The matches that agree with a transform, the surest MOST_POINTS of them, as control points.

    Args:
        map_grid: (2, 3) pixels of the map picture -> coordinates of `crs`.

    Raises:
        InvalidInputError: the registration was refused.
    """
    if found.transform is None:
        raise InvalidInputError(f"there is no transform to write: {found.refused}")
    placed = PlacedTransform(found.transform, map_grid)
    taken = found.matches.only(found.inliers).best(MOST_POINTS)
    map_xy = taken.map_xy @ placed.map_grid[:, :2].T + placed.map_grid[:, 2]
    off = found.transform.apply(taken.map_xy) - taken.image_xy
    return ControlPoints.of(taken.image_xy, map_xy, crs, residuals_px=off, placed=placed)


def fitted(points: ControlPoints, kind: TransformKind) -> ControlPoints:
    """The same points with the least-squares transform of those that are to be fitted, and the residuals of all.

    Raises:
        InvalidInputError: too few points or all on one line; a kind that coordinates can't have.
    """
    if kind == "shift":
        raise InvalidInputError("coordinates are no pixels, so a shift alone can't fit them: fit a similarity")
    if kind == "similarity" and points.crs is not None and points.crs.is_geographic:
        raise InvalidInputError("degrees are of unlike length, so no similarity fits them: fit an affine")
    used = points.only(points.fitted_mask)
    if len(used) < 2:
        raise InvalidInputError(f"{len(used)} enabled points are too few to fit a {kind}: enable or add some")
    low, high = used.map_xy.min(axis=0), used.map_xy.max(axis=0)
    step = float((high - low).max() / max(float(np.ptp(used.image_xy, axis=0).max()), 1.0))
    if not step > 0:
        raise InvalidInputError("all enabled points lie in one place of the map: take points that are apart")
    grid = np.array([[step, 0, low[0]], [0, -step, high[1]]])

    def pixels(map_xy: np.ndarray) -> np.ndarray:
        return np.column_stack([map_xy[:, 0] - low[0], high[1] - map_xy[:, 1]]) / step

    transform = fit(kind, pixels(used.map_xy), used.image_xy, _sigma(kind, len(used)))
    off = transform.apply(pixels(points.map_xy)) - points.image_xy
    return replace(points, placed=PlacedTransform(transform, grid), residuals_px=off)


def _sigma(kind: TransformKind, count: int) -> float | None:
    """Nobody said how exact points are; where they just determine the transform, nothing is left to tell either."""
    least = {"shift": 1, "similarity": 2, "affine": 3, "homography": 4}[kind]
    return 1.0 if count == least else None
