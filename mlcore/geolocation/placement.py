"""Where a query was found, and what may be known of that before it is looked for."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
from shapely.geometry.base import BaseGeometry

from mlcore.errors import InvalidInputError
from mlcore.geolocation.bases import Base
from mlcore.geolocation.calibration import Evidence
from mlcore.geolocation.footprint import through
from mlcore.geometry.webmercator import WORLD_M, lonlat_to_mercator, mercator_to_lonlat

if TYPE_CHECKING:
    from mlcore.geolocation.placing import Fit

SAME_SCALE, SAME_ANGLE_DEG = 1.25, 5.0
"""A query is brought to the prior's scale and angle where it is off by more."""
SMALLEST_PX, LARGEST_PX = 96, 4096


@dataclass(frozen=True)
class Prior:
    """Where a picture may have been taken; never trusted blindly.

    Attributes:
        lon, lat: degrees; radius_m: how far off the middle of its ground may lie.
        heading_deg: where the top of the picture points, clockwise from north.
        ground_resolution_m: metres on the ground per pixel.

    Raises:
        InvalidInputError: a number out of range.
    """

    lon: float
    lat: float
    radius_m: float
    heading_deg: float | None = None
    ground_resolution_m: float | None = None

    def __post_init__(self) -> None:
        numbers = (self.lon, self.lat, self.radius_m, self.heading_deg or 0.0, self.ground_resolution_m or 1.0)
        if not all(math.isfinite(number) for number in numbers) or abs(self.lon) > 360 or abs(self.lat) > 90:
            raise InvalidInputError("a prior needs a longitude, a latitude of -90..90 degrees, and finite numbers")
        if self.radius_m <= 0 or (self.ground_resolution_m is not None and self.ground_resolution_m <= 0):
            raise InvalidInputError("the radius and the ground resolution of a prior are positive numbers of metres")

    def nearby(self, transforms: np.ndarray, sizes: np.ndarray) -> np.ndarray:
        """(N,) bool: which bases the circle may meet.

        Args:
            transforms: (N, 6) and sizes: (N, 2), as of FeatureDatabase.
        """
        a, b, c, d, e, f = transforms.T
        height, width = sizes.T
        middle = np.column_stack([a * width / 2 + b * height / 2 + c, d * width / 2 + e * height / 2 + f])
        reach = np.hypot(np.hypot(a, d) * width, np.hypot(b, e) * height) / 2
        with np.errstate(invalid="ignore"):
            return apart_m(middle, lonlat_to_mercator(np.array([self.lon, self.lat]))) <= reach + self.reach_mercator

    @property
    def reach_mercator(self) -> float:
        """The radius in metres of EPSG:3857."""
        return self.radius_m / max(math.cos(math.radians(self.lat)), 0.02)


@dataclass(frozen=True, eq=False)
class Placement:
    """A query on a base.

    Attributes:
        base: it may be a picture of no known place: then there is no footprint.
        fit: homography from the query's pixels to the base's, with its covariance and points (`placing.Fit`).
        score: E of Eq. 11, summed; probability: that it is right, calibrated; log10_nfa: of fits by chance as good.
        query_size: width and height of the query.
        evidence: what the probability stands on.
    """

    base: Base
    fit: Fit
    score: float
    probability: float
    log10_nfa: float
    query_size: tuple[int, int]
    evidence: Evidence | None = None

    @property
    def footprint(self) -> BaseGeometry:
        """The query's outline in degrees; see Base.footprint."""
        return self.base.footprint(self.fit.homography, self.query_size)

    @property
    def centre_mercator(self) -> np.ndarray:
        """(2,) the query's middle in EPSG:3857, continuous."""
        return self._mercator(np.array([self.query_size]) / 2)[0]

    @property
    def centre_lonlat(self) -> tuple[float, float]:
        """The query's middle in degrees, -180..180."""
        lon, lat = mercator_to_lonlat(self.centre_mercator)
        return float((lon + 180) % 360 - 180), float(lat)

    @property
    def resolution_m(self) -> float:
        """Metres on the ground per pixel of the query, in its middle."""
        right, down = self._steps()
        _, lat = self.centre_lonlat
        return math.sqrt(abs(right[0] * down[1] - right[1] * down[0])) * math.cos(math.radians(lat))

    @property
    def heading_deg(self) -> float:
        """Where the top of the query points, clockwise from north, 0..360."""
        _, down = self._steps()
        return math.degrees(math.atan2(-down[0], -down[1])) % 360

    def _steps(self) -> tuple[np.ndarray, np.ndarray]:
        """One pixel to the right and one down from the query's middle, in EPSG:3857."""
        middle = np.array(self.query_size) / 2
        here, right, down = self._mercator(middle + np.array([(0, 0), (1, 0), (0, 1)]))
        return right - here, down - here

    def _mercator(self, xy: np.ndarray) -> np.ndarray:
        return self.base.to_mercator(through(self.fit.homography, xy))


@dataclass(frozen=True, eq=False)
class View:
    """A query as it is looked at.

    Attributes:
        rgb: (H, W, 3) uint8; valid: (H, W) bool.
        matrix: (3, 3) from pixels of the query to pixels of the view.
        size: width and height of the query.
    """

    rgb: np.ndarray
    valid: np.ndarray
    matrix: np.ndarray
    size: tuple[int, int]

    @classmethod
    def plain(cls, rgb: np.ndarray, valid: np.ndarray) -> View:
        """The query as it is."""
        return cls(rgb, valid, np.eye(3), (rgb.shape[1], rgb.shape[0]))


def apart_m(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Distances of (..., 2) places in EPSG:3857, the short way around the world."""
    across = np.mod(one[..., 0] - other[..., 0] + WORLD_M / 2, WORLD_M) - WORLD_M / 2
    return np.hypot(across, one[..., 1] - other[..., 1])


def as_expected(rgb: np.ndarray, valid: np.ndarray, prior: Prior | None, base_resolution_m: float | None) -> View:
    """The query with north up and at the bases' resolution, as far as the prior tells; else as it is."""
    turn = 0.0 if prior is None or prior.heading_deg is None else prior.heading_deg
    turn = (turn + 180) % 360 - 180
    scale = 1.0
    if prior is not None and prior.ground_resolution_m is not None and base_resolution_m is not None:
        scale = prior.ground_resolution_m / base_resolution_m
    height, width = rgb.shape[:2]
    scale = min(max(scale, SMALLEST_PX / min(height, width)), LARGEST_PX / max(height, width))
    scale = scale if max(scale, 1 / scale) > SAME_SCALE else 1.0
    if scale == 1.0 and abs(turn) <= SAME_ANGLE_DEG:
        return View.plain(rgb, valid)
    angle = math.radians(turn) if abs(turn) > SAME_ANGLE_DEG else 0.0
    # turning the picture clockwise (y is down) by the heading brings north up
    linear = scale * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)]) @ linear.T
    low, size = corners.min(axis=0), np.ceil(np.ptp(corners, axis=0) - 1e-6).astype(int)
    matrix = np.eye(3)
    matrix[:2, :2], matrix[:2, 2] = linear, -low
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1.0]])
    inner = (np.linalg.inv(half) @ matrix @ half)[:2]  # OpenCV counts from the middle of the first pixel
    if scale < 1:
        rgb = cv2.GaussianBlur(rgb, (0, 0), 0.45 / scale)
    laid = cv2.warpAffine(rgb, inner, (int(size[0]), int(size[1])), flags=cv2.INTER_LINEAR)
    seen = cv2.warpAffine(valid.astype(np.uint8), inner, (int(size[0]), int(size[1])), flags=cv2.INTER_NEAREST) > 0
    return View(np.where(seen[..., None], laid, np.uint8(0)), seen, matrix, (width, height))


def of_query(fit: Fit, view: View) -> Fit:
    """A fit of the view as one of the query."""
    if np.array_equal(view.matrix, np.eye(3)):
        return fit
    matrix = fit.homography @ view.matrix
    # entries of the product are linear in those of the fit; h33 is then brought to 1 again
    whole = np.kron(np.eye(3), view.matrix.T)[:, :8]
    h = matrix.ravel()
    jacobian = (whole[:8] - np.outer(h[:8] / h[8], whole[8])) / h[8]
    covariance = jacobian @ fit.covariance @ jacobian.T
    points = through(np.linalg.inv(view.matrix), fit.points_query)
    return replace(fit, homography=matrix / matrix[2, 2], covariance=covariance, points_query=points)
