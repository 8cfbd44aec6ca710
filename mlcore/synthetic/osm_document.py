"""The map of a town as OSM elements: nodes shared by position, ways, multipolygons, ids, versions, time stamps."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
import shapely

from mlcore.geometry.webmercator import TileAddress, xy_to_lonlat
from mlcore.maps.features import FeatureKind, MapFeature, MemberRef, NodeRef
from mlcore.synthetic.scene import Scene

FIRST_NODE, FIRST_WAY, FIRST_RELATION = 9_000_000_001, 8_000_000_001, 7_000_000_001
SURVEY = datetime(2021, 5, 1, tzinfo=UTC)
NAMES = (
    "Mill", "Church", "Station", "School", "Bridge", "Garden", "Meadow", "Market", "North", "South", "East", "West",
    "River", "Park", "Oak", "Maple", "Linden", "Birch", "Orchard", "Field", "Hill", "Well", "Forge", "Castle",
    "Harbour", "Chapel",
)  # fmt: skip
SUFFIXES = {"primary": "Road", "secondary": "Avenue", "tertiary": "Street", "residential": "Lane"}


@dataclass(frozen=True)
class Node:
    """One OSM node."""

    id: int
    version: int
    lon: float
    lat: float
    timestamp: datetime


@dataclass(frozen=True)
class Way:
    """One OSM way; `nodes` are ids in order."""

    id: int
    version: int
    timestamp: datetime
    nodes: tuple[int, ...]
    tags: dict[str, str]


@dataclass(frozen=True)
class Relation:
    """One OSM multipolygon."""

    id: int
    version: int
    timestamp: datetime
    members: tuple[MemberRef, ...]
    tags: dict[str, str]


@dataclass
class OsmDocument:
    """All elements, by id, in ascending order."""

    nodes: dict[int, Node] = field(default_factory=dict)
    ways: dict[int, Way] = field(default_factory=dict)
    relations: dict[int, Relation] = field(default_factory=dict)


class MapWriter:
    """Turns shapes in scene metres into OSM elements and features."""

    def __init__(self, seed: int, corner: TileAddress, resolution_m: float) -> None:
        self.rng = np.random.default_rng([seed, 5])
        self.corner, self.resolution_m = corner, resolution_m
        self.document = OsmDocument()
        self.by_place: dict[tuple[int, int], int] = {}
        self.owners: list[tuple[FeatureKind, str, int]] = []

    def lonlat(self, xy_m: np.ndarray) -> np.ndarray:
        """(..., 2) scene metres -> degrees, rounded to OSM's 1e-7."""
        return np.round(xy_to_lonlat(np.asarray(xy_m) / self.resolution_m, self.corner), 7)

    def add_line(self, kind: FeatureKind, xy_m: np.ndarray, tags: dict[str, str]) -> int:
        way = self._way(xy_m, tags)
        self.owners.append((kind, "way", way))
        return way

    def add_area(self, kind: FeatureKind, polygon: shapely.Polygon, tags: dict[str, str]) -> tuple[str, int]:
        """A closed way, or a multipolygon when the polygon has holes; returns the element."""
        if not polygon.interiors:
            way = self._way(shapely.get_coordinates(polygon.exterior), tags)
            self.owners.append((kind, "way", way))
            return "way", way
        members = [MemberRef("way", self._way(shapely.get_coordinates(polygon.exterior), {}), "outer")]
        members += [MemberRef("way", self._way(shapely.get_coordinates(r), {}), "inner") for r in polygon.interiors]
        number = FIRST_RELATION + len(self.document.relations)
        version, stamp = self._history()
        tags = {"type": "multipolygon", **tags}
        self.document.relations[number] = Relation(number, version, stamp, tuple(members), tags)
        self.owners.append((kind, "relation", number))
        return "relation", number

    def features(self) -> list[MapFeature]:
        """Everything added, in order."""
        uses = Counter(n for way in self.document.ways.values() for n in set(way.nodes))
        return [self._feature(kind, osm_type, number, uses) for kind, osm_type, number in self.owners]

    def _feature(self, kind: FeatureKind, osm_type: str, number: int, uses: Counter[int]) -> MapFeature:
        document = self.document
        if osm_type == "relation":
            relation = document.relations[number]
            outer, *inner = [self._ring(document.ways[m.ref]) for m in relation.members]
            return MapFeature(
                kind, shapely.Polygon(outer, inner), relation.tags, "relation", number, relation.version,
                relation.timestamp, members=relation.members,
            )  # fmt: skip
        way = document.ways[number]
        at = [document.nodes[n] for n in way.nodes]
        nodes = tuple(NodeRef(n.id, n.version, n.lon, n.lat, uses[n.id] > 1) for n in at)
        closed = kind not in ("road", "rail")
        shape = shapely.Polygon(self._ring(way)) if closed else shapely.LineString(self._ring(way))
        return MapFeature(kind, shape, way.tags, "way", number, way.version, way.timestamp, nodes)

    def _ring(self, way: Way) -> list[tuple[float, float]]:
        return [(self.document.nodes[n].lon, self.document.nodes[n].lat) for n in way.nodes]

    def _way(self, xy_m: np.ndarray, tags: dict[str, str]) -> int:
        refs = [self._node(lon, lat) for lon, lat in self.lonlat(xy_m).tolist()]
        refs = [ref for i, ref in enumerate(refs) if i == 0 or ref != refs[i - 1]]
        number = FIRST_WAY + len(self.document.ways)
        version, stamp = self._history()
        self.document.ways[number] = Way(number, version, stamp, tuple(refs), tags)
        return number

    def _node(self, lon: float, lat: float) -> int:
        place = round(lon * 1e7), round(lat * 1e7)
        if place not in self.by_place:
            number = FIRST_NODE + len(self.document.nodes)
            version, stamp = self._history()
            self.document.nodes[number] = Node(number, version, lon, lat, stamp)
            self.by_place[place] = number
        return self.by_place[place]

    def _history(self) -> tuple[int, datetime]:
        version = int(self.rng.geometric(0.6))
        return version, SURVEY + timedelta(seconds=int(self.rng.integers(0, 60 * 86400)) + 86400 * version)


def add_surroundings(writer: MapWriter, scene: Scene, window: shapely.Polygon) -> None:
    """Roads with names, railway, water and green that meet the image's window."""
    names = writer.rng.permutation(len(NAMES)).tolist()
    for index, street in enumerate(scene.streets):
        if not shapely.LineString(street.line).intersects(window):
            continue
        round_, name = divmod(index, len(NAMES))
        prefix = ("", "Old ", "New ", "Upper ", "Lower ")[round_ % 5]
        suffix = SUFFIXES[street.highway]
        tags = {"highway": street.highway, "name": f"{prefix}{NAMES[names[name]]} {suffix}"}
        writer.add_line("road", street.line, tags)
    for rail in scene.rails:
        if shapely.LineString(rail).intersects(window):
            writer.add_line("rail", rail, {"railway": "rail", "gauge": "1435"})
    for polygon, kind in scene.waters:
        if polygon.intersects(window):
            writer.add_area("water", polygon, {"natural": "water", "water": kind})
    for polygon, kind in scene.greens:
        if polygon.geom_type == "Polygon" and polygon.intersects(window):
            writer.add_area("green", polygon, {"leisure": "park"} if kind == "park" else {"natural": "wood"})
