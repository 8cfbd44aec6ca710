"""Repairs polygons from outside and measures geometry in metres on the ellipsoid."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from mlcore.errors import InvalidInputError

WGS84_A_M = 6378137.0
WGS84_E2 = 0.00669437999014132
Bounds = tuple[float, float, float, float]
MAX_RINGS = 10
COARSEST = 2e-5
"""Degrees, about 2 m: a coarser outline is another shape."""
MAX_CROSSINGS = 100_000
"""A ring that crosses itself more often than this is left out: untangling it costs the square of the crossings."""


@dataclass(frozen=True)
class Repair:
    """A geometry made usable.

    Attributes:
        geometry: a valid polygon or multipolygon, or None where nothing usable is left.
        note: what was done, None when nothing had to be done.
    """

    geometry: BaseGeometry | None
    note: str | None = None


def repair_polygon(geometry: BaseGeometry, max_vertices: int = 100_000) -> Repair:
    """A valid polygon of the same area by the even-odd rule; bow ties become two polygons.

    Args:
        geometry: polygon or multipolygon in degrees, perhaps invalid.
        max_vertices: an outline with more is simplified by 0.1 m and up to COARSEST; what has more even then, or
            MAX_RINGS times as many in all its rings, is not usable.
    """
    if geometry.is_empty or not np.isfinite(shapely.get_coordinates(geometry)).all():
        return Repair(None, "has no finite outline")
    notes: list[str] = []
    before = shapely.get_num_coordinates(geometry)
    if _longest_ring(geometry) > max_vertices:
        geometry = _simplified(geometry, max_vertices)
        notes.append(f"was simplified from {before} to {shapely.get_num_coordinates(geometry)} vertices")
    if _longest_ring(geometry) > max_vertices or shapely.get_num_coordinates(geometry) > MAX_RINGS * max_vertices:
        return Repair(None, f"has {before} vertices, too many")
    if not geometry.is_valid:
        reason = shapely.is_valid_reason(geometry).split("[")[0]
        if _crossings(geometry) > MAX_CROSSINGS:
            return Repair(None, "crosses itself too often to be repaired")
        geometry = shapely.make_valid(geometry)
        notes.append(f"was repaired ({reason.lower()})")
    polygons = [p for p in _parts(geometry) if isinstance(p, shapely.Polygon) and p.area > 0]
    if not polygons:
        return Repair(None, "encloses no area")
    whole = polygons[0] if len(polygons) == 1 else shapely.MultiPolygon(polygons)
    return Repair(whole, " and ".join(notes) or None)


def even_odd(rings: list[np.ndarray]) -> BaseGeometry:
    """The area inside an odd number of rings, each (V, 2); nested rings make holes and islands."""
    polygons = [shapely.Polygon(ring) for ring in rings]
    areas = [
        p if p.is_valid else shapely.make_valid(p) for p in polygons if p.is_valid or _crossings(p) <= MAX_CROSSINGS
    ]
    # Two by two, so that a forest with thousands of clearings is not gone through once for each of them.
    while len(areas) > 1:
        odd = areas[-1:] if len(areas) % 2 else []
        areas = [*shapely.symmetric_difference(areas[0 : len(areas) - len(odd) : 2], areas[1::2]), *odd]
    return areas[0] if areas else shapely.Polygon()


def crossing(rings: list[np.ndarray]) -> bool:
    """Whether some rings, each (V, 2), share ground without one lying within the other."""
    areas = np.array([shapely.make_valid(shapely.Polygon(ring)) for ring in rings], object)
    one, other = shapely.STRtree(shapely.boundary(areas)).query(shapely.boundary(areas), predicate="intersects")
    pairs = one < other
    return bool(shapely.overlaps(areas[one[pairs]], areas[other[pairs]]).any())


def area_m2(geometry_lonlat: BaseGeometry) -> float:
    """Area on the WGS84 ellipsoid in m2, by the cylindrical equal-area projection (Snyder 1987, Eq. 10-13 to 10-15)."""
    if geometry_lonlat.is_empty:
        return 0.0
    # Offsets from the corner keep the shoelace sum exact for small footprints far from the equator.
    corner = np.array(geometry_lonlat.bounds[:2])
    moved = shapely.transform(geometry_lonlat, lambda lonlat: _equal_area(lonlat, corner))
    return float(moved.area)


@dataclass(frozen=True)
class LocalFrame:
    """Metres east and north of a place; exact to 0.1 % within 20 km of it, up to 80 degrees of latitude."""

    lon: float
    lat: float

    @classmethod
    def around(cls, geometry_lonlat: BaseGeometry) -> LocalFrame:
        """The frame at the middle of a geometry's bounds."""
        if geometry_lonlat.is_empty:
            raise InvalidInputError("an empty geometry has no place: leave it out")
        west, south, east, north = geometry_lonlat.bounds
        return cls((west + east) / 2, (south + north) / 2)

    @property
    def _metres_per_degree(self) -> np.ndarray:
        sine = math.sin(math.radians(self.lat))
        bend = 1 - WGS84_E2 * sine * sine
        prime, meridian = WGS84_A_M / math.sqrt(bend), WGS84_A_M * (1 - WGS84_E2) / bend**1.5
        return np.radians([prime * math.cos(math.radians(self.lat)), meridian])

    def to_m(self, geometry_lonlat: BaseGeometry) -> BaseGeometry:
        """Degrees -> metres from the frame's place."""
        scale = self._metres_per_degree
        return shapely.transform(geometry_lonlat, lambda lonlat: (lonlat - (self.lon, self.lat)) * scale)

    def to_lonlat(self, geometry_m: BaseGeometry) -> BaseGeometry:
        """Metres from the frame's place -> degrees."""
        scale = self._metres_per_degree
        return shapely.transform(geometry_m, lambda xy: xy / scale + (self.lon, self.lat))


def padded(bounds_lonlat: Bounds, metres: float) -> Bounds:
    """(west, south, east, north) in degrees, wider by metres on every side, or by more towards a pole."""
    west, south, east, north = bounds_lonlat
    frame = LocalFrame(0.0, min(max(abs(south), abs(north)), 89.0))
    _, _, lon, lat = frame.to_lonlat(shapely.Point(metres, metres)).bounds
    return west - lon, south - (lat - frame.lat), east + lon, north + (lat - frame.lat)


def _equal_area(lonlat: np.ndarray, corner: np.ndarray) -> np.ndarray:
    x = np.radians(lonlat[:, 0] - corner[0]) * WGS84_A_M
    y = (_authalic_q(lonlat[:, 1]) - _authalic_q(corner[1:])[0]) * WGS84_A_M / 2
    return np.stack([x, y], axis=1)


def _authalic_q(lat: np.ndarray) -> np.ndarray:
    e = math.sqrt(WGS84_E2)
    sine = np.sin(np.radians(lat))
    return (1 - WGS84_E2) * (sine / (1 - WGS84_E2 * sine**2) + np.arctanh(e * sine) / e)


def _simplified(geometry: BaseGeometry, max_vertices: int) -> BaseGeometry:
    tolerance = 1e-6
    simple = geometry
    while _longest_ring(simple) > max_vertices and tolerance < COARSEST:
        simple = shapely.simplify(geometry, tolerance, preserve_topology=False)
        tolerance *= 2
    return simple


def _longest_ring(geometry: BaseGeometry) -> int:
    """Vertices of the ring that has most."""
    return max((shapely.get_num_coordinates(ring) for ring in _rings(geometry)), default=0)


def _crossings(geometry: BaseGeometry, sample: int = 200) -> float:
    """About how many pairs of an outline's segments meet beyond their neighbours, from a sample of segments."""
    segments: list[np.ndarray] = []
    for ring in _rings(geometry):
        xy = shapely.get_coordinates(ring)
        segments.append(np.stack([xy[:-1], xy[1:]], axis=1))
    if not segments:
        return 0.0
    lines = shapely.linestrings(np.concatenate(segments))
    picked = lines[np.linspace(0, len(lines) - 1, min(sample, len(lines))).astype(int)]
    boxes = shapely.STRtree(lines).query(picked)
    return max(0.0, boxes.shape[1] / len(picked) - 3) * len(lines) / 2


def _rings(geometry: BaseGeometry) -> list[shapely.LinearRing]:
    polygons = [p for p in _parts(geometry) if isinstance(p, shapely.Polygon)]
    return [ring for p in polygons for ring in (p.exterior, *p.interiors)]


def _parts(geometry: BaseGeometry) -> list[BaseGeometry]:
    """Single geometries, also out of collections that hold multi-geometries."""
    return list(shapely.get_parts(shapely.get_parts(geometry)))
