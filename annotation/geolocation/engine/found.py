"""Where an image should lie, and where it was found."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from annotation.geolocation.engine.grounds import Ground, ground_metres
from annotation.geolocation.engine.places import Place
from mlcore.geometry.webmercator import lonlat_to_mercator

KEPT_POINTS = 200


@dataclass(frozen=True)
class Prior:
    """Where an image should lie.

    Attributes:
        lon, lat: degrees, or None; radius_m: how far off its middle may be.
        resolution_m: ground per pixel; heading_deg: of its upper side, clockwise from north; where they are known.
    """

    lon: float | None = None
    lat: float | None = None
    radius_m: float = 0.0
    resolution_m: float | None = None
    heading_deg: float | None = None

    @property
    def somewhere(self) -> bool:
        return self.lon is not None and self.lat is not None


@dataclass(frozen=True)
class Found:
    """A place that an image was found at.

    Attributes:
        homography: (3, 3) pixels of the image to those of the ground; covariance: (8, 8) of its first eight entries.
        points: [[image x, y, ground x, y, confidence], ...], the surest.
        rmse_m: of all points, on the ground; digest: of the weights that found it.
    """

    ground: Ground
    place: Place
    homography: np.ndarray
    covariance: np.ndarray
    points: list[list[float]]
    agreeing: int
    asked: int
    probability: float
    log10_nfa: float
    rmse_m: float
    digest: str = ""


def distance_m(place: Place, lon: float, lat: float) -> float:
    """Metres on the ground from the middle of a place to a position."""
    middle = place.to_mercator(np.array([[place.width / 2, place.height / 2]]))[0]
    away = np.linalg.norm(middle - lonlat_to_mercator(np.array([lon, lat])))
    return float(away * ground_metres(middle)) if math.isfinite(float(away)) else math.inf
