"""The board on which edits are made: where buildings stand, what is taken, and how each sort of error is drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from mlcore.errors import InvalidInputError
from mlcore.maps.features import MapFeature, NodeRef
from mlcore.synthetic import edit_shapes
from mlcore.synthetic.local_frame import LocalFrame

ROAD_HALF_M = {
    "motorway": 9.0,
    "trunk": 8.0,
    "primary": 7.0,
    "secondary": 6.0,
    "tertiary": 5.0,
    "footway": 1.5,
    "path": 1.5,
}
CLEARANCE_M = 1.5
SHIFT_M = (5.0, 8.5)
TRIES = 40


@dataclass
class Draft:
    """One error in local metres."""

    before: BaseGeometry | None
    after: BaseGeometry | None
    osm_type: str | None
    osm_id: int | None
    others: list[str] = field(default_factory=list)


class Board:
    """A map in local metres with a seeded hand that draws errors into it, one at a time."""

    def __init__(
        self,
        features: Sequence[MapFeature],
        region: BaseGeometry | None,
        rng: np.random.Generator,
        *,
        free: Callable[[shapely.Polygon], bool] | None,
        spacing_m: float,
        min_area_m2: float,
    ) -> None:
        at = [i for i, f in enumerate(features) if f.kind == "building" and isinstance(f.geometry, shapely.Polygon)]
        if not at:
            raise InvalidInputError("the map has no buildings to edit: check the file and its tags (building=yes)")
        self.features, self.rng, self.free = list(features), rng, free
        self.spacing_m = spacing_m
        self.frame = LocalFrame.about([features[i].geometry for i in at])
        self.index = at
        self.shapes = np.array([self.frame.to_metres(features[i].geometry) for i in at], dtype=object)
        self.region = None if region is None else self.frame.to_metres(region)
        if self.region is not None:
            shapely.prepare(self.region)
        inside = shapely.covers(self.region, self.shapes) if self.region is not None else np.ones(len(at), dtype=bool)
        usable = inside & shapely.is_valid(self.shapes) & (shapely.area(self.shapes) >= min_area_m2)
        self.candidates = np.flatnonzero(usable)
        self.walls = shapely.STRtree(self.shapes)
        self.obstacles = shapely.STRtree(self._obstacles())
        self.taken: list[BaseGeometry] = []
        self.replaced: dict[int, MapFeature | None] = {}
        self.invented: list[MapFeature] = []
        self.next_id = max((abs(f.osm_id or 0) for f in features), default=0) + 1
        self.next_node = max((abs(n.id) for f in features for n in f.nodes), default=0) + 1

    def _obstacles(self) -> list[BaseGeometry]:
        out = []
        for feature in self.features:
            if feature.kind in ("building", "green"):
                continue
            half = ROAD_HALF_M.get(feature.tags.get("highway", ""), 4.0)
            width = 0.0 if isinstance(feature.geometry, shapely.Polygon | shapely.MultiPolygon) else half
            out.append(self.frame.to_metres(feature.geometry).buffer(width + 0.5, quad_segs=4))
        return out

    def degrees(self, shape: BaseGeometry | None) -> BaseGeometry | None:
        return None if shape is None else self.frame.to_lonlat(shape)

    def result(self) -> list[MapFeature]:
        """The edited map: the given order, invented buildings last."""
        kept = [self.replaced.get(i, f) for i, f in enumerate(self.features)]
        return [f for f in kept if f is not None] + self.invented

    def delete(self) -> Draft | None:
        for pick in self._picks():
            shape = self.shapes[pick]
            if self._apart(shape):
                feature = self._take(pick, shape, None)
                return Draft(None, shape, feature.osm_type, feature.osm_id)
        return None

    def shift(self) -> Draft | None:
        return self._redraw(lambda shape: edit_shapes.shifted(self.rng, shape, *SHIFT_M))

    def reshape(self) -> Draft | None:
        return self._redraw(lambda shape: edit_shapes.reshaped(self.rng, shape))

    def _redraw(self, draw: Callable[[shapely.Polygon], shapely.Polygon | None]) -> Draft | None:
        for pick in self._picks():
            shape = self.shapes[pick]
            if not self._apart(shape):
                continue
            for _ in range(8):
                wrong = draw(shape)
                if wrong is not None and self._fits(wrong, but=(pick,), clearance_m=0.3) and self._apart(wrong):
                    feature = self._take(pick, shape.union(wrong), wrong)
                    return Draft(wrong, shape, feature.osm_type, feature.osm_id)
        return None

    def split(self) -> Draft | None:
        for pick in self._picks():
            shape = self.shapes[pick]
            parts = edit_shapes.halves(shape) if shape.area >= 70 and self._apart(shape) else None
            if parts is not None:
                feature = self._take(pick, shape, parts[0])
                second = self._invented_like(feature, parts[1])
                return Draft(shapely.MultiPolygon(parts), shape, feature.osm_type, feature.osm_id, [second.key])
        return None

    def merge(self) -> Draft | None:
        for pick in self._picks():
            near = self.walls.query(self.shapes[pick], predicate="dwithin", distance=3.0).tolist()
            for other in (n for n in sorted(near) if n != pick and n in set(self.candidates.tolist())):
                pair = self.shapes[pick], self.shapes[other]
                whole = edit_shapes.merged(*pair) if pair[0].disjoint(pair[1]) or pair[0].touches(pair[1]) else None
                if whole is None or not self._apart(whole) or not self._fits(whole, but=(pick, other), clearance_m=0.0):
                    continue
                gone = self._take(other, whole, None)
                feature = self._take(pick, whole, whole)
                return Draft(whole, shapely.MultiPolygon(pair), feature.osm_type, feature.osm_id, [gone.key])
        return None

    def invent(self) -> Draft | None:
        """A copy of a real neighbour on open ground near it, in its neighbour's direction."""
        for pick in self._picks(again=True):
            shape = self.shapes[pick]
            if shape.interiors:
                continue
            _, axis, _, _ = edit_shapes.main_axis(shape)
            reach = float(np.sqrt(shape.area))
            for _ in range(TRIES):
                turn = (
                    np.arctan2(axis[1], axis[0]) + self.rng.choice((0, 0.5, 1, 1.5)) * np.pi + self.rng.normal(0, 0.2)
                )
                step = (reach + self.rng.uniform(2.0, 30.0)) * np.array([np.cos(turn), np.sin(turn)])
                copy = shapely.transform(shape, lambda xy, s=step: xy + s)
                if not (self._fits(copy, clearance_m=CLEARANCE_M) and self._apart(copy)):
                    continue
                if self.free is None or self.free(self.frame.to_lonlat(copy)):
                    self.taken.append(copy)
                    feature = self._invented_like(self.features[self.index[pick]], copy)
                    return Draft(copy, None, feature.osm_type, feature.osm_id)
        return None

    def _picks(self, *, again: bool = False) -> list[int]:
        picks = self.rng.permutation(self.candidates).tolist()
        return [p for p in picks if again or self.index[p] not in self.replaced]

    def _apart(self, shape: BaseGeometry) -> bool:
        """Far enough from every other edit to be scored by itself."""
        if not self.taken:
            return True
        return bool(shapely.distance(np.array(self.taken, dtype=object), shape).min() >= self.spacing_m)

    def _fits(self, shape: shapely.Polygon, *, but: tuple[int, ...] = (), clearance_m: float) -> bool:
        """Inside the region, clear of other buildings (the deleted ones too), roads, rails and water."""
        if not shape.is_valid or (self.region is not None and not self.region.covers(shape)):
            return False
        near = self.walls.query(shape, predicate="dwithin", distance=clearance_m)
        if any(n not in but for n in near.tolist()):
            return False
        return len(self.obstacles.query(shape, predicate="intersects")) == 0

    def _take(self, pick: int, occupied: BaseGeometry, shape: shapely.Polygon | None) -> MapFeature:
        feature = self.features[self.index[pick]]
        self.taken.append(occupied)
        self.replaced[self.index[pick]] = None if shape is None else self._redrawn(feature, shape)
        return feature

    def _redrawn(self, feature: MapFeature, shape: shapely.Polygon) -> MapFeature:
        lonlat = self.frame.to_lonlat(shape)
        return replace(feature, geometry=lonlat, nodes=self._nodes(lonlat) if feature.nodes else ())

    def _nodes(self, lonlat: shapely.Polygon) -> tuple[NodeRef, ...]:
        """Nodes of its own for a redrawn outline, so that no neighbour's node moves."""
        ring = shapely.get_coordinates(lonlat.exterior).tolist()
        first = self.next_node
        self.next_node += len(ring) - 1
        nodes = [NodeRef(first + i, 1, lon, lat, False) for i, (lon, lat) in enumerate(ring[:-1])]
        return (*nodes, nodes[0])

    def _invented_like(self, template: MapFeature, shape: shapely.Polygon) -> MapFeature:
        lonlat = self.frame.to_lonlat(shape)
        tags = {k: v for k, v in template.tags.items() if k.startswith("building")} or {"building": "yes"}
        feature = MapFeature(
            "building", lonlat, tags, "way", self.next_id, None if template.version is None else 1, template.timestamp,
            self._nodes(lonlat) if template.nodes else (),
        )  # fmt: skip
        self.next_id += 1
        self.invented.append(feature)
        return feature
