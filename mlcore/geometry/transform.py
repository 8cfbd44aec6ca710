"""Transforms between two views of one place: shift, similarity, affine and homography, each with its covariance.

Points are (N, 2) arrays of pixels, x to the east (right) and y to the south (down). View 1 is the map, view 0 the
image: a transform brings points of the map to where the image shows them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from mlcore.errors import InvalidInputError

TransformKind = Literal["shift", "similarity", "affine", "homography"]
PARAMETERS: dict[TransformKind, int] = {"shift": 2, "similarity": 4, "affine": 6, "homography": 8}
STEPS = 50  # of Gauss-Newton at most; from the linear start a handful is enough
STEP = 1e-6  # relative, of central differences
FLAT = 1e-9  # smaller, against the largest, no singular value of a design may be


@dataclass(frozen=True)
class Transform:
    """A plane transform and how sure it is.

    Attributes:
        kind: which parameters are free, in this order: shift (tx, ty); similarity (a, b, tx, ty) for [[a, -b], [b, a]];
            affine (a, b, tx, c, d, ty), row by row; homography (h11 .. h32), row by row, with h33 = 1.
        parameters: (P,) float.
        covariance: (P, P) float of the parameters; zeros for a transform that is known.
    """

    kind: TransformKind
    parameters: np.ndarray
    covariance: np.ndarray

    def __post_init__(self) -> None:
        count = PARAMETERS.get(self.kind)
        if count is None:
            raise InvalidInputError(f"no transform {self.kind!r}: use {', '.join(get_args(TransformKind))}")
        values = np.asarray(self.parameters, np.float64)
        spread = np.asarray(self.covariance, np.float64)
        if values.shape != (count,) or spread.shape != (count, count):
            raise InvalidInputError(f"a {self.kind} has {count} parameters and a {count} x {count} covariance")
        if not (np.isfinite(values).all() and np.isfinite(spread).all()):
            raise InvalidInputError(f"a {self.kind} needs finite numbers")
        object.__setattr__(self, "parameters", values)
        object.__setattr__(self, "covariance", (spread + spread.T) / 2)

    @property
    def matrix(self) -> np.ndarray:
        """(3, 3) float, to be applied to homogeneous columns (x, y, 1)."""
        return _matrix(self.kind, self.parameters)

    def apply(self, xy: np.ndarray) -> np.ndarray:
        """(N, 2) points of the map -> (N, 2) points of the image.

        Raises:
            InvalidInputError: a point lies on or beyond the horizon of a homography.
        """
        return _apply(self.kind, self.parameters, _points(xy))

    def point_covariance(self, xy: np.ndarray) -> np.ndarray:
        """(N, 2, 2) covariance (px²) of where `apply` brings (N, 2) points, by first-order propagation."""
        jacobian = _jacobian(self.kind, self.parameters, _points(xy))
        spread: np.ndarray = jacobian @ self.covariance @ jacobian.transpose(0, 2, 1)
        return spread

    def inverse(self) -> Transform:
        """From the image to the map, with the covariance brought along.

        Raises:
            InvalidInputError: the transform flattens the plane.
        """
        return _propagated(self.kind, self.kind, self.parameters, self.covariance, _inverted)

    def scaled(self, factor: float) -> Transform:
        """The same transform where both views are drawn `factor` times as large."""
        return self.reframed(np.diag([factor, factor, 1.0]))

    def reframed(self, frame: np.ndarray) -> Transform:
        """The same transform where both views are seen in another frame.

        Args:
            frame: (3, 3) from pixels of the views to pixels of the frame: a similarity, which keeps every kind.
        """
        back = np.linalg.inv(frame)
        return _propagated(self.kind, self.kind, self.parameters, self.covariance, lambda matrix: frame @ matrix @ back)

    def as_kind(self, kind: TransformKind) -> Transform:
        """The same transform as one of a kind with more freedom.

        Raises:
            InvalidInputError: `kind` has less freedom than this one.
        """
        if PARAMETERS[kind] < PARAMETERS[self.kind]:
            raise InvalidInputError(f"a {self.kind} is no {kind}: fit a {kind} to the points instead")
        return _propagated(self.kind, kind, self.parameters, self.covariance, lambda matrix: matrix)


def shift_of(dx_px: float, dy_px: float, variance_px2: float = 0.0) -> Transform:
    """A shift by (dx, dy), each with the given variance."""
    return Transform("shift", np.array([dx_px, dy_px]), np.eye(2) * variance_px2)


def fit(
    kind: TransformKind, map_xy: np.ndarray, image_xy: np.ndarray, sigma_px: np.ndarray | float | None = None
) -> Transform:
    """The least-squares transform of point pairs, and its covariance.

    Shift, similarity and affine are linear; a homography starts from the normalised direct linear transform (Hartley
    1997) and is brought by Gauss-Newton to the least distance in the image.

    Args:
        map_xy, image_xy: (N, 2) pixels each, pair by pair.
        sigma_px: standard deviation of a point of the image along each axis, for all or (N,) for each. None: it is the
            same for all, and estimated from what the fit leaves over.

    Raises:
        InvalidInputError: too few points, points that leave the transform open (one place, one line), or no points
            beyond the least number while `sigma_px` is not told.
    """
    source, target = _points(map_xy), _points(image_xy)
    least = PARAMETERS[kind] // 2
    if source.shape != target.shape or len(source) < least:
        raise InvalidInputError(f"a {kind} needs {least} pairs of points or more, with both points of each pair")
    if sigma_px is None and 2 * len(source) == PARAMETERS[kind]:
        raise InvalidInputError(f"{least} pairs just determine a {kind}: add a pair, or say how exact points are")
    sigma = np.broadcast_to(np.asarray(1.0 if sigma_px is None else sigma_px, np.float64), len(source))
    if not (np.isfinite(sigma).all() and (sigma > 0).all()):
        raise InvalidInputError("the standard deviations of points must be positive numbers of pixels")
    to_unit = _normaliser(source)
    # a shift stays a shift, and a similarity a similarity, only where both views are resized alike
    to_unit_image = _normaliser(target) if kind == "homography" else to_unit
    unit, unit_image = _homogeneous(to_unit, source), _homogeneous(to_unit_image, target)
    parameters = _solve(kind, unit, unit_image, 1 / sigma)
    matrix = np.linalg.inv(to_unit_image) @ _matrix(kind, parameters) @ to_unit
    parameters = _parameters(kind, matrix)
    weights = np.repeat(1 / sigma, 2)
    residual = (_apply(kind, parameters, source) - target).ravel() * weights
    design = _jacobian(kind, parameters, source).reshape(-1, PARAMETERS[kind]) * weights[:, None]
    variance = 1.0 if sigma_px is not None else float(residual @ residual) / (len(residual) - PARAMETERS[kind])
    return Transform(kind, parameters, variance * _inverse_normal(design, kind))


def _solve(kind: TransformKind, source: np.ndarray, target: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Parameters that bring source to target, in coordinates near one."""
    rows = np.repeat(weights, 2)[:, None]
    if kind != "homography":
        zero = np.zeros(PARAMETERS[kind])
        fixed = _apply(kind, zero, source)
        design = _jacobian(kind, zero, source).reshape(-1, PARAMETERS[kind])
        _check_rank(design * rows, kind)
        solved: np.ndarray = np.linalg.lstsq(design * rows, (target - fixed).reshape(-1, 1) * rows, rcond=None)[0]
        return solved[:, 0]
    parameters = _direct_linear(source, target)
    for _ in range(STEPS):
        residual = (target - _apply(kind, parameters, source)).reshape(-1, 1) * rows
        design = _jacobian(kind, parameters, source).reshape(-1, 8) * rows
        _check_rank(design, kind)
        step = np.linalg.lstsq(design, residual, rcond=None)[0][:, 0]
        parameters = parameters + step
        if np.abs(step).max() < 1e-12:
            break
    return parameters


def _direct_linear(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """A homography from linear equations: the start of the exact fit."""
    x, y, u, v = *source.T, *target.T
    zero, one = np.zeros_like(x), np.ones_like(x)
    rows = np.concatenate(
        [
            np.stack([x, y, one, zero, zero, zero, -u * x, -u * y, -u], 1),
            np.stack([zero, zero, zero, x, y, one, -v * x, -v * y, -v], 1),
        ]
    )
    _, values, vectors = np.linalg.svd(rows)
    if values[7] < FLAT * values[0] or abs(vectors[-1, 8]) < FLAT:
        raise InvalidInputError(_open_question("homography"))
    solution: np.ndarray = vectors[-1, :8] / vectors[-1, 8]
    return solution


def _normaliser(points: np.ndarray) -> np.ndarray:
    """(3, 3): moves points around zero and shrinks them to about one."""
    middle = points.mean(axis=0)
    spread = float(np.abs(points - middle).mean()) or 1.0
    return np.array([[1 / spread, 0, -middle[0] / spread], [0, 1 / spread, -middle[1] / spread], [0, 0, 1]])


def _points(xy: np.ndarray) -> np.ndarray:
    points = np.asarray(xy, np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
        raise InvalidInputError("points must be an (N, 2) array of finite numbers")
    return points


def _homogeneous(matrix: np.ndarray, xy: np.ndarray) -> np.ndarray:
    moved = np.column_stack([xy, np.ones(len(xy))]) @ matrix.T
    if (moved[:, 2] <= 0).any():
        raise InvalidInputError("a point lies beyond the horizon of this homography: leave it out, or fit an affine")
    scaled: np.ndarray = moved[:, :2] / moved[:, 2:]
    return scaled


def _matrix(kind: TransformKind, p: np.ndarray) -> np.ndarray:
    if kind == "shift":
        return np.array([[1, 0, p[0]], [0, 1, p[1]], [0, 0, 1.0]])
    if kind == "similarity":
        return np.array([[p[0], -p[1], p[2]], [p[1], p[0], p[3]], [0, 0, 1.0]])
    if kind == "affine":
        return np.array([[p[0], p[1], p[2]], [p[3], p[4], p[5]], [0, 0, 1.0]])
    return np.append(p, 1.0).reshape(3, 3)


def _parameters(kind: TransformKind, matrix: np.ndarray) -> np.ndarray:
    m = matrix / matrix[2, 2]
    if kind == "shift":
        return m[:2, 2]
    if kind == "similarity":
        return np.array([m[0, 0], m[1, 0], m[0, 2], m[1, 2]])
    return m[:2].ravel() if kind == "affine" else m.ravel()[:8]


def _apply(kind: TransformKind, parameters: np.ndarray, xy: np.ndarray) -> np.ndarray:
    return _homogeneous(_matrix(kind, parameters), xy)


def _jacobian(kind: TransformKind, parameters: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """(N, 2, P): how each moved point answers to each parameter."""
    x, y = xy.T
    found = np.zeros((len(xy), 2, PARAMETERS[kind]))
    if kind == "shift":
        found[:, 0, 0] = found[:, 1, 1] = 1
    elif kind == "similarity":
        found[:, 0] = np.stack([x, -y, np.ones_like(x), np.zeros_like(x)], 1)
        found[:, 1] = np.stack([y, x, np.zeros_like(x), np.ones_like(x)], 1)
    else:
        moved = np.column_stack([xy, np.ones(len(xy))]) @ _matrix(kind, parameters).T
        depth = moved[:, 2:]
        found[:, 0, 0:3] = found[:, 1, 3:6] = np.column_stack([xy, np.ones(len(xy))]) / depth
        if kind == "homography":
            found[:, :, 6:8] = -(moved[:, :2] / depth)[:, :, None] * (xy / depth)[:, None, :]
    return found


def _inverse_normal(design: np.ndarray, kind: TransformKind) -> np.ndarray:
    """The inverse of design' design; columns of unlike size are brought to one first."""
    size = np.linalg.norm(design, axis=0)
    _check_rank(design / np.where(size > 0, size, 1), kind)
    pseudo = np.linalg.pinv(design / size)
    inverse: np.ndarray = (pseudo @ pseudo.T) / np.outer(size, size)
    return inverse


def _check_rank(design: np.ndarray, kind: TransformKind) -> None:
    values = np.linalg.svd(design, compute_uv=False)
    if values[-1] < FLAT * values[0]:
        raise InvalidInputError(_open_question(kind))


def _open_question(kind: TransformKind) -> str:
    return f"these points leave a {kind} open: take points that are not all in one place or on one line"


def _inverted(matrix: np.ndarray) -> np.ndarray:
    if abs(np.linalg.det(matrix[:2, :2])) < FLAT or abs(np.linalg.det(matrix)) < FLAT:
        raise InvalidInputError("this transform flattens the plane and has no inverse")
    inverse: np.ndarray = np.linalg.inv(matrix)
    return inverse


def _propagated(
    before: TransformKind,
    after: TransformKind,
    parameters: np.ndarray,
    covariance: np.ndarray,
    change: Callable[[np.ndarray], np.ndarray],
) -> Transform:
    """The transform whose matrix is `change` of this one's, its covariance by central differences."""

    def moved(values: np.ndarray) -> np.ndarray:
        return _parameters(after, change(_matrix(before, values)))

    columns = []
    for number, value in enumerate(parameters):
        step = np.zeros_like(parameters)
        step[number] = STEP * max(1.0, abs(value)) if number not in _PERSPECTIVE.get(before, ()) else STEP**1.5
        columns.append((moved(parameters + step) - moved(parameters - step)) / (2 * step[number]))
    jacobian = np.stack(columns, axis=1)
    return Transform(after, moved(parameters), jacobian @ covariance @ jacobian.T)


_PERSPECTIVE: dict[TransformKind, tuple[int, ...]] = {"homography": (6, 7)}
"""Parameters that are multiplied by thousands of pixels: their steps must be smaller."""
