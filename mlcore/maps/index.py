"""Finds a map's features by place, and edits a map cheaply without touching the original."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np
import shapely

from mlcore.geometry.webmercator import lonlat_to_mercator
from mlcore.maps.features import FeatureKind, MapFeature
from mlcore.maps.tags import seen_from_above

Bounds = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class ProjectedShape:
    """A feature ready for drawing.

    Attributes:
        polygons: per polygon, its rings (outer first, then holes) as (V, 2) EPSG:3857 without the closing vertex.
        lines: (V, 2) EPSG:3857 each.
        bounds: (west, south, east, north) in EPSG:3857.
        visible: the feature can be seen from above.
    """

    polygons: tuple[tuple[np.ndarray, ...], ...]
    lines: tuple[np.ndarray, ...]
    bounds: Bounds
    visible: bool = True


def project_shape(feature: MapFeature) -> ProjectedShape:
    """Rings and lines of a feature in EPSG:3857 metres; points are left out."""
    geometry = feature.geometry
    polygons: list[tuple[np.ndarray, ...]] = []
    lines: list[np.ndarray] = []
    for part in shapely.get_parts(shapely.get_parts(geometry)):
        if part.is_empty:
            continue
        if isinstance(part, shapely.Polygon):
            rings = (part.exterior, *part.interiors)
            polygons.append(tuple(lonlat_to_mercator(shapely.get_coordinates(ring))[:-1] for ring in rings))
        elif isinstance(part, shapely.LineString):
            lines.append(lonlat_to_mercator(shapely.get_coordinates(part)))
    (west, south), (east, north) = lonlat_to_mercator(np.array(geometry.bounds).reshape(2, 2))
    bounds = (float(west), float(south), float(east), float(north))
    return ProjectedShape(tuple(polygons), tuple(lines), bounds, seen_from_above(feature.tags))


class _Layer:
    """An immutable run of features with its spatial index; drawn shapes are projected once, on demand."""

    def __init__(self, features: Iterable[MapFeature]) -> None:
        self.features = [feature for feature in features if not feature.geometry.is_empty]
        self.tree = shapely.STRtree([feature.geometry for feature in self.features])
        self.shapes: list[ProjectedShape | None] = [None] * len(self.features)

    def positions(self, bounds: Bounds) -> list[int]:
        """Positions of features whose geometry meets the box, in the map's order."""
        if not self.features:
            return []
        box = shapely.box(*bounds)
        return sorted(int(i) for i in self.tree.query(box, predicate="intersects"))

    def shape(self, position: int) -> ProjectedShape:
        shape = self.shapes[position]
        if shape is None:
            shape = self.shapes[position] = project_shape(self.features[position])
        return shape


class MapIndex:
    """A map that is searched by place; `edited` gives a changed copy in time proportional to the edit alone."""

    def __init__(self, features: Iterable[MapFeature] = ()) -> None:
        self._layers: tuple[_Layer, ...] = (_Layer(features),)
        self._removed: frozenset[str] = frozenset()

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __iter__(self):  # type: ignore[no-untyped-def]
        for layer in self._layers:
            for feature in layer.features:
                if not self._hidden(layer, feature):
                    yield feature

    @property
    def buildings(self) -> list[MapFeature]:
        return [feature for feature in self if feature.kind == "building"]

    def query(self, bounds_lonlat: Bounds, kinds: Collection[FeatureKind] | None = None) -> list[MapFeature]:
        """Features whose geometry meets the box (west, south, east, north) in degrees, in the map's order."""
        return [feature for feature, _ in self._found(bounds_lonlat, kinds)]

    def shapes(
        self, bounds_lonlat: Bounds, kinds: Collection[FeatureKind] | None = None
    ) -> list[tuple[MapFeature, ProjectedShape]]:
        """Like `query`, each feature with its projected rings and lines (kept for the next call)."""
        return [
            (feature, layer_shape[0].shape(layer_shape[1]))
            for feature, layer_shape in self._found(bounds_lonlat, kinds)
        ]

    def edited(self, remove: Iterable[str] = (), add: Iterable[MapFeature] = ()) -> MapIndex:
        """A map without the features of the keys in `remove` and with those in `add`; this map stays as it is."""
        copy = MapIndex.__new__(MapIndex)
        added = list(add)
        removed = frozenset(remove)
        base, *edits = self._layers
        kept = [f for layer in edits for f in layer.features if f.key not in removed]
        copy._removed = self._removed | removed
        copy._layers = (base, _Layer([*kept, *added])) if kept or added else (base,)
        return copy

    def _hidden(self, layer: _Layer, feature: MapFeature) -> bool:
        return bool(self._removed) and layer is self._layers[0] and feature.key in self._removed

    def _found(
        self, bounds: Bounds, kinds: Collection[FeatureKind] | None
    ) -> list[tuple[MapFeature, tuple[_Layer, int]]]:
        found = []
        for layer in self._layers:
            for position in layer.positions(bounds):
                feature = layer.features[position]
                if (kinds is None or feature.kind in kinds) and not self._hidden(layer, feature):
                    found.append((feature, (layer, position)))
        return found
