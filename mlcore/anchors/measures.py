"""What can be measured in a tile's vectors: sizes, gaps and directions of buildings, lengths and crossings of roads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from mlcore.geometry.webmercator import WORLD_M, TileAddress, lonlat_to_mercator
from mlcore.maps.features import MapFeature

MIN_PART_M2 = 4.0
LINK_M = 40.0


@dataclass(frozen=True)
class Measures:
    """One tile in metres on the ground, cut at its border.

    Attributes:
        side_m: length of the tile's side.
        footprints: whole outlines of its buildings (not cut), for shapes and sizes.
        built_share: share of the tile under buildings, 0..1.
        areas_m2: (B,) of the whole outlines.
        neighbours: (B,) how many other buildings of the tile touch each (gap below 0.5 m).
        nearest_m: (B,) gap to the nearest other building; infinite for a lone one.
        directions_deg: (B,) of the longest side, 0..90.
        roads: centre lines within the tile.
        road_m: their length.
        junctions: points where three or more road ends meet within the tile.
        bend: length of the roads / straight distance of their ends, >= 1; 1 without roads.
        major_roads, rails: counts.
        green_share, water_share: of the tile, 0..1.
        building_tags, green_tags: the tags of each.
    """

    side_m: float
    footprints: list[BaseGeometry] = field(default_factory=list)
    built_share: float = 0.0
    areas_m2: np.ndarray = field(default_factory=lambda: np.zeros(0))
    neighbours: np.ndarray = field(default_factory=lambda: np.zeros(0, int))
    nearest_m: np.ndarray = field(default_factory=lambda: np.zeros(0))
    directions_deg: np.ndarray = field(default_factory=lambda: np.zeros(0))
    roads: list[BaseGeometry] = field(default_factory=list)
    road_m: float = 0.0
    junctions: int = 0
    bend: float = 1.0
    major_roads: int = 0
    rails: int = 0
    green_share: float = 0.0
    water_share: float = 0.0
    building_tags: list[Mapping[str, str]] = field(default_factory=list)
    green_tags: list[Mapping[str, str]] = field(default_factory=list)

    @property
    def density_km(self) -> float:
        """Kilometres of road per square kilometre."""
        return self.road_m / 1000 / (self.side_m / 1000) ** 2

    @property
    def alignment(self) -> float:
        """How much the buildings share one direction or its normal: 0 none, 1 all."""
        if not len(self.directions_deg):
            return 0.0
        return float(abs(np.exp(4j * np.radians(self.directions_deg)).mean()))


MAJOR_ROADS = frozenset({"motorway", "trunk", "primary", "motorway_link", "trunk_link", "primary_link"})
FOOT_ROADS = frozenset({"footway", "path", "steps", "cycleway", "bridleway", "corridor", "pedestrian"})


def measure(tile: TileAddress, features: Sequence[MapFeature]) -> Measures:
    """Measure the features that meet the tile; geometry is brought to metres around the tile's middle."""
    _, south, _, north = tile.bounds_lonlat
    side = WORLD_M / 2**tile.z * float(np.cos(np.radians((south + north) / 2)))
    box = shapely.box(0, 0, side, side)
    parts: dict[str, list[tuple[BaseGeometry, MapFeature]]] = {}
    for feature in features:
        geometry = _to_metres(feature.geometry, tile, side)
        if shapely.get_dimensions(geometry) == 2 and not geometry.is_valid:
            geometry = shapely.make_valid(geometry)
        if geometry.intersects(box):
            parts.setdefault(feature.kind, []).append((geometry, feature))
    buildings = [
        (geometry, feature)
        for geometry, feature in parts.get("building", [])
        if shapely.get_dimensions(geometry) == 2 and geometry.intersection(box).area >= MIN_PART_M2
    ]
    return Measures(
        side_m=side, **_building_measures(buildings, box), **_road_measures(parts, box), **_areas(parts, box)
    )


def _building_measures(buildings: list[tuple[BaseGeometry, MapFeature]], box: BaseGeometry) -> dict:
    if not buildings:
        return {}
    footprints = [geometry for geometry, _ in buildings]
    tree = shapely.STRtree(footprints)
    near_a, near_b = tree.query(footprints, predicate="dwithin", distance=LINK_M)
    others = near_a != near_b
    near_a, near_b = near_a[others], near_b[others]
    gaps = shapely.distance(np.array(footprints, object)[near_a], np.array(footprints, object)[near_b])
    nearest = np.full(len(footprints), np.inf)
    np.minimum.at(nearest, near_a, gaps)
    return {
        "footprints": footprints,
        "built_share": float(shapely.union_all(footprints).intersection(box).area / box.area),
        "areas_m2": shapely.area(footprints),
        "neighbours": np.bincount(near_a[gaps < 0.5], minlength=len(footprints)),
        "nearest_m": nearest,
        "directions_deg": np.array([_direction_deg(geometry) for geometry in footprints]),
        "building_tags": [feature.tags for _, feature in buildings],
    }


def _road_measures(parts: dict[str, list[tuple[BaseGeometry, MapFeature]]], box: BaseGeometry) -> dict:
    lines, major = [], 0
    for geometry, feature in parts.get("road", []):
        if feature.tags.get("highway") in FOOT_ROADS or shapely.get_dimensions(geometry) == 0:
            continue
        line = (geometry.boundary if shapely.get_dimensions(geometry) == 2 else geometry).intersection(box)
        if line.length > 1.0:
            lines.append(line)
            major += feature.tags.get("highway") in MAJOR_ROADS
    merged = shapely.line_merge(shapely.union_all(lines)) if lines else shapely.MultiLineString()
    pieces = [part for part in shapely.get_parts(merged) if isinstance(part, shapely.LineString) and part.length > 1.0]
    straight = sum(_ends_m(piece) for piece in pieces)
    total = float(sum(piece.length for piece in pieces))
    return {
        "roads": pieces,
        "road_m": total,
        "junctions": _junctions(pieces, box),
        "bend": total / straight if straight > 1.0 else 1.0,
        "major_roads": major,
        "rails": len(parts.get("rail", [])),
    }


def _areas(parts: dict[str, list[tuple[BaseGeometry, MapFeature]]], box: BaseGeometry) -> dict:
    def share(kind: str) -> float:
        areas = [geometry for geometry, _ in parts.get(kind, []) if shapely.get_dimensions(geometry) == 2]
        shapes = [geometry.intersection(box) for geometry in areas]
        return float(shapely.union_all(shapes).area / box.area) if shapes else 0.0

    return {
        "green_share": share("green"),
        "water_share": share("water"),
        "green_tags": [feature.tags for _, feature in parts.get("green", [])],
    }


def _junctions(pieces: list[BaseGeometry], box: BaseGeometry) -> int:
    """Where three or more ends of merged pieces meet, off the tile's border."""
    if not pieces:
        return 0
    ends = np.array([end for piece in pieces for end in (piece.coords[0][:2], piece.coords[-1][:2])])
    side = box.bounds[2]
    inside = ((ends > 0.5) & (ends < side - 0.5)).all(axis=1)
    _, counts = np.unique(np.round(ends[inside], 1), axis=0, return_counts=True)
    return int((counts >= 3).sum())


def _ends_m(piece: BaseGeometry) -> float:
    """Straight distance of a line's ends; for a ring its largest extent."""
    first, last = np.array(piece.coords[0][:2]), np.array(piece.coords[-1][:2])
    west, south, east, north = piece.bounds
    return float(np.hypot(*(last - first))) or float(np.hypot(east - west, north - south))


def _direction_deg(geometry: BaseGeometry) -> float:
    """Direction of the longest side of the smallest rectangle, 0..90 degrees."""
    rectangle = shapely.minimum_rotated_rectangle(geometry)
    corners = shapely.get_coordinates(rectangle)
    if len(corners) < 4:
        return 0.0
    sides = np.diff(corners[:3], axis=0)
    longest = sides[np.argmax(np.hypot(sides[:, 0], sides[:, 1]))]
    return float(np.degrees(np.arctan2(longest[1], longest[0])) % 90)


def _to_metres(geometry: BaseGeometry, tile: TileAddress, side_m: float) -> BaseGeometry:
    """Degrees -> metres from the tile's south-west corner, true to scale at the tile's latitude."""
    west, south, east, _ = tile.bounds_mercator
    scale = side_m / (east - west)
    return shapely.transform(geometry, lambda lonlat: (lonlat_to_mercator(lonlat) - (west, south)) * scale)
