"""A local plane in ground metres: Web-Mercator's stretch with latitude never enters a distance or an area."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from mlcore.geometry.webmercator import EARTH_RADIUS_M


class LocalFrame:
    """Equirectangular metres about a point; true to 0.1 % within some ten kilometres of it."""

    def __init__(self, lon: float, lat: float) -> None:
        self.origin = np.array([lon, lat])
        north = math.radians(1) * EARTH_RADIUS_M
        self.scale = np.array([north * math.cos(math.radians(lat)), north])

    @classmethod
    def about(cls, geometries: Iterable[BaseGeometry]) -> LocalFrame:
        """The frame about the middle of some geometries in degrees."""
        west, south, east, north = shapely.total_bounds(np.array(list(geometries), dtype=object))
        return cls(float((west + east) / 2), float((south + north) / 2))

    def to_metres(self, lonlat: BaseGeometry) -> BaseGeometry:
        return shapely.transform(lonlat, lambda xy: (xy - self.origin) * self.scale)

    def to_lonlat(self, metres: BaseGeometry) -> BaseGeometry:
        return shapely.transform(metres, lambda xy: xy / self.scale + self.origin)
