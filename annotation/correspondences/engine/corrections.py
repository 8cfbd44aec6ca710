"""A person's control points, read from a verdict's payload, and the transform that the server fits to them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast, get_args

import numpy as np

from annotation.correspondences.engine.transforms import residuals_of
from annotation.correspondences.errors import BadPointsError
from annotation.correspondences.models import FARTHEST_PX, NEAREST_PX, ControlPoint, PointOrigin, PointRole
from mlcore.correspondences.robust import Bounds, not_sane
from mlcore.errors import InvalidInputError
from mlcore.geometry.transform import PARAMETERS, Transform, TransformKind, fit
from mlcore.geometry.webmercator import TILE_PX, TileAddress

MAX_POINTS = 400
MAX_NUMBER = 9999
POINT_LIMITS = {
    "nearest_px": NEAREST_PX,
    "farthest_px": FARTHEST_PX,
    "points": MAX_POINTS,
    "number": MAX_NUMBER,
    "least": {kind: PARAMETERS[kind] // 2 + 1 for kind in get_args(TransformKind)},
}
"""What a page must keep to for its points to be taken; `least`: points that a model of each kind is fitted to."""
POINT_KEYS = {"number", "map_xy", "image_xy", "role", "enabled"}
SAME_PX = 0.005
"""A point of the matcher that lies no farther from its place was not moved."""

Place = tuple[float, float]


@dataclass(frozen=True)
class GivenPoint:
    """One point as a person left it; places in pixels at 256 px."""

    number: int
    map_xy: Place
    image_xy: Place
    role: str
    enabled: bool


@dataclass(frozen=True)
class Correction:
    """A transform fitted to a person's points.

    Attributes:
        points: as they were given.
        residual_xy: (N, 2) pixels of the image from each of them to where the transform brings its place on the map.
        residual_m: (N,) the lengths of these on the ground.
        fit_rmse_m: of the enabled points it was fitted to.
        check_rmse_m: of the enabled check points, which it never saw; None without any.
    """

    points: tuple[GivenPoint, ...]
    transform: Transform
    residual_xy: np.ndarray
    residual_m: np.ndarray
    fit_rmse_m: float
    check_rmse_m: float | None

    def rows(self, correspondences_id: int, proposed: Mapping[int, ControlPoint]) -> list[ControlPoint]:
        """Unsaved rows of the points; those of the matcher that nobody moved stay its own, with its confidence."""
        return [_row(correspondences_id, point, proposed.get(point.number)) for point in self.points]


def checked_correction(payload: Mapping[str, Any], tile: TileAddress) -> Correction:
    """The correction that a payload describes, if a map of the tile may be turned into its image by it.

    Only what is being said is held to that: an answer that was saved stays one, whatever is thought sane later.

    Raises:
        BadPointsError: what is wrong with the payload, with its points, or with the transform they come to.
    """
    correction = correction_of(payload, tile)
    if why := not_sane(correction.transform, (TILE_PX, TILE_PX), Bounds()):
        raise BadPointsError(f"{why}: look for a pair whose two points are not of one place, or choose a simpler model")
    return correction


def correction_of(payload: Mapping[str, Any], tile: TileAddress) -> Correction:
    """The correction that a payload `{"transform": kind, "points": [...]}` describes.

    Raises:
        BadPointsError: what is wrong with the payload or with its points.
    """
    unknown = set(payload) - {"transform", "points"}
    if unknown:
        raise BadPointsError(f"unknown keys in the payload: {', '.join(sorted(unknown))}")
    kind = payload.get("transform")
    if kind not in get_args(TransformKind):
        raise BadPointsError(f"no transform {str(kind)[:40]!r}; use one of {', '.join(get_args(TransformKind))}")
    return _fitted(cast(TransformKind, kind), _read_points(payload.get("points")), tile)


def _fitted(kind: TransformKind, points: tuple[GivenPoint, ...], tile: TileAddress) -> Correction:
    used = np.array([point.enabled and point.role == PointRole.FIT for point in points], bool)
    checks = np.array([point.enabled and point.role == PointRole.CHECK for point in points], bool)
    map_xy, image_xy = (np.array([getattr(point, side) for point in points]) for side in ("map_xy", "image_xy"))
    try:
        transform = fit(kind, map_xy[used], image_xy[used])
        residual_xy = residuals_of(transform, map_xy, image_xy)
    except InvalidInputError as error:
        raise BadPointsError(str(error)) from error
    except np.linalg.LinAlgError as error:
        raise BadPointsError(f"no {kind} fits these points: spread them, or choose a simpler model") from error
    residual_m = np.linalg.norm(residual_xy, axis=1) * tile.resolution_m()
    check_rmse_m = _root_mean_square(residual_m[checks]) if checks.any() else None
    return Correction(points, transform, residual_xy, residual_m, _root_mean_square(residual_m[used]), check_rmse_m)


def _read_points(given: Any) -> tuple[GivenPoint, ...]:
    if not isinstance(given, list) or not 1 <= len(given) <= MAX_POINTS:
        raise BadPointsError(f"give 1 to {MAX_POINTS} points")
    points = tuple(_read_point(place, one) for place, one in enumerate(given, start=1))
    if len({point.number for point in points}) != len(points):
        raise BadPointsError("two points have the same number: number them apart")
    return points


def _read_point(place: int, given: Any) -> GivenPoint:
    if not isinstance(given, dict) or set(given) != POINT_KEYS:
        raise BadPointsError(f"point {place} must have exactly the keys {', '.join(sorted(POINT_KEYS))}", point=place)
    number, role, enabled = given["number"], given["role"], given["enabled"]
    if type(number) is not int or not 1 <= number <= MAX_NUMBER:
        raise BadPointsError(f"point {place} needs a number in 1..{MAX_NUMBER}", point=place)
    if role not in PointRole.values or not isinstance(enabled, bool):
        raise BadPointsError(f"point {number}: role is fit or check, enabled is true or false", point=number)
    return GivenPoint(number, _place(given["map_xy"], number), _place(given["image_xy"], number), role, enabled)


def _place(given: Any, number: int) -> Place:
    fine = (
        isinstance(given, list)
        and len(given) == 2
        and all(type(one) in {int, float} and NEAREST_PX <= one <= FARTHEST_PX for one in given)
    )
    if not fine:
        raise BadPointsError(
            f"point {number}: a place is [x, y] in pixels of the tile at 256 px, on it or on a neighbour "
            f"({NEAREST_PX:.0f} to {FARTHEST_PX:.0f})",
            point=number,
        )
    return float(given[0]), float(given[1])


def _root_mean_square(values: np.ndarray) -> float:
    return float(np.sqrt((values**2).mean()))


def _row(correspondences_id: int, point: GivenPoint, proposed: ControlPoint | None) -> ControlPoint:
    kept = proposed is not None and _near(point.map_xy, proposed.map_xy) and _near(point.image_xy, proposed.image_xy)
    return ControlPoint(
        correspondences_id=correspondences_id,
        corrected=True,
        number=point.number,
        map_x=point.map_xy[0],
        map_y=point.map_xy[1],
        image_x=point.image_xy[0],
        image_y=point.image_xy[1],
        confidence=proposed.confidence if kept and proposed is not None else None,
        origin=PointOrigin.AUTO if kept else PointOrigin.MANUAL,
        role=point.role,
        enabled=point.enabled,
    )


def _near(first: Place, second: Place) -> bool:
    return math.dist(first, second) <= SAME_PX
