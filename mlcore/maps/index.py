"""Finds a map's features by place, and edits a map cheaply without touching the original."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from itertools import chain, islice
from typing import Protocol

import shapely

from mlcore.geometry.polygons import padded
from mlcore.maps.features import FeatureKind, MapFeature
from mlcore.maps.projection import Bounds, ProjectedShape, project_shape
from mlcore.maps.store import StoredFeatures

IN_MEMORY = 50_000
"""A map of more features than this is kept in a file: in memory each takes some 1.7 KB, and more once it is drawn."""
NEAR_M = 20.0
"""A feature that an edit replaces lies within this of its new shape."""


class _Features(Protocol):
    """An immutable run of features, found by place."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[MapFeature]: ...
    def positions(self, bounds: Bounds) -> list[int]: ...
    def feature(self, position: int) -> MapFeature: ...
    def shape(self, position: int) -> ProjectedShape: ...


class _HeldFeatures:
    """Features in memory with their spatial index; drawn shapes are projected once, on demand."""

    def __init__(self, features: Iterable[MapFeature]) -> None:
        self.features = [feature for feature in features if not feature.geometry.is_empty]
        self.tree = shapely.STRtree([feature.geometry for feature in self.features])
        self.shapes: list[ProjectedShape | None] = [None] * len(self.features)

    def __len__(self) -> int:
        return len(self.features)

    def __iter__(self) -> Iterator[MapFeature]:
        return iter(self.features)

    def positions(self, bounds: Bounds) -> list[int]:
        """Positions of features whose geometry meets the box, in the map's order."""
        if not self.features:
            return []
        box = shapely.box(*bounds)
        return sorted(int(i) for i in self.tree.query(box, predicate="intersects"))

    def feature(self, position: int) -> MapFeature:
        return self.features[position]

    def shape(self, position: int) -> ProjectedShape:
        shape = self.shapes[position]
        if shape is None:
            shape = self.shapes[position] = project_shape(self.features[position])
        return shape


class MapIndex:
    """A map that is searched by place; `edited` gives a changed copy in time proportional to the edit alone.

    Args:
        features: read once. Up to `in_memory` of them are held; the features of a larger map are kept in a temporary
            file, so that memory does not grow by the map.
    """

    def __init__(self, features: Iterable[MapFeature] = (), *, in_memory: int = IN_MEMORY) -> None:
        rest = iter(features)
        first = list(islice(rest, in_memory + 1))
        large = len(first) > in_memory
        self._base: _Features = StoredFeatures(chain(first, rest)) if large else _HeldFeatures(first)
        self._removed: frozenset[str] = frozenset()
        self._drawn = _HeldFeatures(())
        self._places: list[int] = []

    def __len__(self) -> int:
        return sum(1 for _ in self) if self._removed else len(self._base) + len(self._drawn)

    def __iter__(self) -> Iterator[MapFeature]:
        """The map's features, those that an edit drew last."""
        for feature in self._base:
            if not self._hidden(feature):
                yield feature
        yield from self._drawn

    @property
    def buildings(self) -> list[MapFeature]:
        return [feature for feature in self if feature.kind == "building"]

    def query(self, bounds_lonlat: Bounds, kinds: Collection[FeatureKind] | None = None) -> list[MapFeature]:
        """Features whose geometry meets the box (west, south, east, north) in degrees, in the map's order."""
        return [layer.feature(position) for _, layer, position in self._found(bounds_lonlat, kinds)]

    def query_any(self, boxes: Iterable[Bounds], kinds: Collection[FeatureKind] | None = None) -> list[MapFeature]:
        """Features whose geometry meets one of the boxes, each once, in the map's order; only these are looked at."""
        found = {place: (layer, at) for box in boxes for place, layer, at in self._found(box, kinds)}
        return [layer.feature(position) for _, (layer, position) in sorted(found.items(), key=lambda one: one[0])]

    def shapes(
        self, bounds_lonlat: Bounds, kinds: Collection[FeatureKind] | None = None
    ) -> list[tuple[MapFeature, ProjectedShape]]:
        """Like `query`, each feature with its projected rings and lines (kept for the next call)."""
        return [
            (layer.feature(position), layer.shape(position)) for _, layer, position in self._found(bounds_lonlat, kinds)
        ]

    def edited(self, remove: Iterable[str] = (), add: Iterable[MapFeature] = ()) -> MapIndex:
        """A map without the features of the keys in `remove` and with those in `add`; this map stays as it is.

        A feature of a removed key that is drawn anew near its old place takes that place in the map's order: what
        covers what does not change with it.
        """
        removed, copy = frozenset(remove), MapIndex.__new__(MapIndex)
        replaced = {
            feature.key: place
            for feature, place in zip(self._drawn, self._places, strict=True)
            if feature.key in removed
        }
        kept = [pair for pair in zip(self._drawn, self._places, strict=True) if pair[0].key not in removed]
        end = max([len(self._base), *(place + 1 for place in self._places)])
        for feature in add:
            if feature.geometry.is_empty:
                continue
            place = replaced.get(feature.key, -1)
            if place < 0 and feature.key in removed:
                place = self._place(feature)
            if place < 0:
                place, end = end, end + 1
            kept.append((feature, place))
        copy._base, copy._removed = self._base, self._removed | removed
        copy._drawn, copy._places = _HeldFeatures(feature for feature, _ in kept), [place for _, place in kept]
        return copy

    def _place(self, feature: MapFeature) -> int:
        """The position of the feature that this one replaces; -1 where none of its key is near."""
        near = self._base.positions(padded(feature.geometry.bounds, NEAR_M))
        return next((place for place in near if self._base.feature(place).key == feature.key), -1)

    def _hidden(self, feature: MapFeature) -> bool:
        return bool(self._removed) and feature.key in self._removed

    def _found(self, bounds: Bounds, kinds: Collection[FeatureKind] | None) -> list[tuple[int, _Features, int]]:
        """Place in the map's order, layer and position there of what meets the box, in that order."""
        found: list[tuple[int, _Features, int]] = []
        for position in self._base.positions(bounds):
            feature = self._base.feature(position)
            if (kinds is None or feature.kind in kinds) and not self._hidden(feature):
                found.append((position, self._base, position))
        for position in self._drawn.positions(bounds):
            if kinds is None or self._drawn.feature(position).kind in kinds:
                found.append((self._places[position], self._drawn, position))
        if self._places:
            found.sort(key=lambda one: one[0])
        return found
