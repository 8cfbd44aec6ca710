"""Where an image lies: the matrix to the ground, its outline and accuracy, and what no photograph can be."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from django.contrib.gis.geos import MultiPolygon

from annotation.common.errors import InvalidError
from annotation.geolocation.models import PlacementCandidate, UnplacedImage
from annotation.sources.engine import to_multipolygon
from mlcore.errors import MlcoreError
from mlcore.geometry.transform import Transform, fit
from mlcore.geometry.webmercator import lonlat_to_mercator, mercator_to_lonlat
from mlcore.limits import RasterLimits

FINEST_M, COARSEST_M = 0.005, 30.0
MOST_STRETCH, MOST_PERSPECTIVE = 4.0, 4.0
LEAST_ANGLE_DEG = 45.0
"""Between right and down in the image's middle, on the ground: of a right angle a camera that is tilted by 45 degrees
leaves 70 or more."""


@dataclass(frozen=True)
class Place:
    """Where an image lies.

    Attributes:
        matrix: (3, 3) pixels of the image -> EPSG:3857, less `origin`.
        origin: (2,) of EPSG:3857, near the image, so that numbers stay small.
        transform: the same with its covariance, zeros where nobody knows it.
        lat: of its middle; resolution_m: metres on the ground per pixel of the image there.
    """

    origin: np.ndarray
    transform: Transform
    width: int
    height: int

    @property
    def matrix(self) -> np.ndarray:
        return self.transform.matrix

    def to_mercator(self, xy: np.ndarray) -> np.ndarray:
        """(N, 2) pixels -> (N, 2) EPSG:3857."""
        return self.transform.apply(xy) + self.origin

    @property
    def corners(self) -> np.ndarray:
        """(4, 2) longitude and latitude of the image's corners, from its upper left clockwise."""
        return mercator_to_lonlat(self.to_mercator(_corners(self.width, self.height)))

    @property
    def lat(self) -> float:
        return float(mercator_to_lonlat(self.to_mercator(np.array([[self.width / 2, self.height / 2]])))[0, 1])

    @property
    def resolution_m(self) -> float:
        return float(math.sqrt(abs(np.linalg.det(self.jacobian))) * math.cos(math.radians(self.lat)))

    @property
    def jacobian(self) -> np.ndarray:
        """(2, 2) of EPSG:3857 per pixel in the image's middle: one to the right, one down."""
        middle, step = np.array([self.width, self.height]) / 2, max(self.width, self.height) / 100
        moves = np.array([[step, 0], [-step, 0], [0, step], [0, -step]])
        around = self.transform.apply(middle + moves)
        return np.array([around[0] - around[1], around[2] - around[3]]).T / (2 * step)

    @property
    def accuracy_m(self) -> float | None:
        """Root mean square, over the image, of how far its points may lie off; None where nobody knows."""
        if not self.transform.covariance.any():
            return None
        xy = np.array([[x * self.width, y * self.height] for x in (0.1, 0.5, 0.9) for y in (0.1, 0.5, 0.9)])
        spread = np.trace(self.transform.point_covariance(xy), axis1=1, axis2=2).mean()
        return float(math.sqrt(max(spread, 0.0)) * math.cos(math.radians(self.lat)))

    @property
    def heading_deg(self) -> float:
        """Of the image's upper side, clockwise from north."""
        up, down = self.transform.apply(np.array([[self.width / 2, 0], [self.width / 2, self.height]]))
        return math.degrees(math.atan2(up[0] - down[0], up[1] - down[1])) % 360

    @property
    def footprint(self) -> MultiPolygon:
        return to_multipolygon(shapely.Polygon(self.corners))


def place_of(candidate: PlacementCandidate) -> Place:
    """Where a candidate puts its image: a person's adjustment where there is one.

    Raises:
        InvalidError: it reaches beyond its horizon.
    """
    image = candidate.image
    if candidate.adjusted and "homography" in candidate.adjusted:
        return _place_of_points(image, candidate.adjusted)
    if candidate.adjusted:
        return place_of_corners(image, candidate.adjusted["corners"])
    affine = np.array([*candidate.transform, 0, 0, 1]).reshape(3, 3)
    spread = None if candidate.covariance is None else np.array(candidate.covariance)
    return placed(np.array(candidate.homography), spread, affine, image.width or 1, image.height or 1)


def _place_of_points(image: UnplacedImage, kept: dict[str, Any]) -> Place:
    """Where a person's points put an image, as it was fitted when they were confirmed."""
    parameters = np.array(kept["homography"], np.float64).ravel()[:8]
    transform = Transform("homography", parameters, np.array(kept["covariance"], np.float64))
    return Place(np.array(kept["origin"], np.float64), transform, image.width or 1, image.height or 1)


def placed(homography: np.ndarray, covariance: np.ndarray | None, affine: np.ndarray, width: int, height: int) -> Place:
    """A place from a homography to pixels of a ground, and that ground's affine.

    Raises:
        InvalidError: it reaches beyond its horizon.
    """
    middle = np.array([width / 2, height / 2, 1.0]) @ homography.T
    if abs(middle[2]) < 1e-12:
        raise InvalidError("the image reaches beyond its horizon there: choose another place")
    origin = (affine @ (middle / middle[2]))[:2]
    shifted = np.array([[1, 0, -origin[0]], [0, 1, -origin[1]], [0, 0, 1.0]]) @ affine

    def moved(parameters: np.ndarray) -> np.ndarray:
        matrix = shifted @ np.append(parameters, 1.0).reshape(3, 3)
        return np.asarray((matrix / matrix[2, 2]).ravel()[:8])

    start = (homography / homography[2, 2]).ravel()[:8]
    jacobian = np.column_stack([(moved(start + one) - moved(start - one)) / (2 * one.max())
                                for one in np.eye(8) * 1e-6 * np.maximum(np.abs(start), 1e-6)[:, None]])  # fmt: skip
    spread = np.zeros((8, 8)) if covariance is None else jacobian @ covariance @ jacobian.T
    try:
        place = Place(origin, Transform("homography", moved(start), spread), width, height)
        place.to_mercator(_corners(width, height))
    except MlcoreError as error:
        raise InvalidError("the image reaches beyond its horizon there: choose another place") from error
    return place


def place_of_corners(image: UnplacedImage, corners: list[list[float]]) -> Place:
    """A place from where a person put the corners.

    Args:
        corners: [[longitude, latitude] * 4], from the image's upper left clockwise.

    Raises:
        InvalidError: no photograph of the ground looks like that.
    """
    width, height = image.width or 1, image.height or 1
    mercator = lonlat_to_mercator(np.array(corners, np.float64))
    origin = mercator.mean(axis=0)
    try:
        transform = fit("homography", _corners(width, height), mercator - origin, 1.0)
        place = Place(origin, Transform("homography", transform.parameters, np.zeros((8, 8))), width, height)
        check_sane(place)
    except MlcoreError as error:
        raise InvalidError("the corners make no picture: pull them apart, in their order") from error
    return place


def check_sane(place: Place) -> None:
    """Raise InvalidError where an image can't lie like that: mirrored, folded, or of an impossible scale."""
    edges = place.transform.apply(_corners(place.width, place.height))
    steps = np.roll(edges, -1, axis=0) - edges
    after = np.roll(steps, -1, axis=0)
    turns = steps[:, 0] * after[:, 1] - steps[:, 1] * after[:, 0]
    if turns.max() >= 0:  # y points north here, so an image that is not mirrored goes round clockwise
        raise InvalidError("the image would be mirrored or folded there: keep its corners in their order")
    sides = np.linalg.norm(steps, axis=1).tolist()
    along, across = max(sides[0], sides[2]) / place.width, max(sides[1], sides[3]) / place.height
    if max(along, across) > MOST_STRETCH * min(along, across) or max(sides[:2]) < 1e-6:
        raise InvalidError("the image would be stretched far more one way than the other: move the corners back")
    if max(sides[0], sides[2]) > MOST_PERSPECTIVE * min(sides[0], sides[2]):
        raise InvalidError(
            "one side of the image would be drawn many times as large as the other: move the corners back"
        )
    across_xy, down_xy = place.jacobian.T
    between = abs(math.degrees(math.atan2(np.linalg.det(place.jacobian), float(across_xy @ down_xy))))
    if not LEAST_ANGLE_DEG <= between <= 180 - LEAST_ANGLE_DEG:
        raise InvalidError(
            "the image would be sheared more than a photograph is: move its corners or points, or take a simpler model"
        )
    if not FINEST_M <= place.resolution_m <= COARSEST_M:
        raise InvalidError(
            f"a pixel would cover {place.resolution_m:.3g} m of ground: images of {FINEST_M:g} to {COARSEST_M:g} m fit"
        )


def check_importable(place: Place) -> None:
    """Raise InvalidError where the import of imagery would refuse the image."""
    coarsest = RasterLimits().coarsest_m
    if place.resolution_m > coarsest:
        raise InvalidError(
            f"a pixel covers {place.resolution_m:.2g} m of ground, imagery needs {coarsest:g} m or finer: take the "
            "files for other programs, or place it smaller"
        )


def _corners(width: int, height: int) -> np.ndarray:
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
