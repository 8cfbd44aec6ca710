"""Reads maps from GeoJSON files that nobody has vouched for."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import shapely

from mlcore.geometry.polygons import repair_polygon
from mlcore.limits import MapLimits
from mlcore.maps.cleaning import RepairLog, off_the_grid
from mlcore.maps.features import MapFeature
from mlcore.maps.geojson_documents import load_geojson
from mlcore.maps.geojson_geometry import (
    AREA_TYPES,
    MalformedGeometryError,
    areas_or_lines,
    checked_geometry,
    united,
    within_one_turn,
)
from mlcore.maps.geojson_records import record_of
from mlcore.maps.tags import classify, is_area
from mlcore.progress import Progress, stop_if_asked

STEP = 5_000
APART = 0.75
"""Shapes of one object that cover less than this share of their areas together are states of it, not parts."""


def read_geojson_map(path: Path, limits: MapLimits, progress: Progress, log: RepairLog) -> list[MapFeature]:
    """Features of a GeoJSON map; what OSM's tag table doesn't know is passed over, and counted.

    Of an object that stands in the file several times the newest is taken; of equally new ones, the area. Parts of one
    object, as tools cut them at borders and out of multipolygons, are joined.
    """
    reader = _Reader(limits, log)
    for number, record in enumerate(load_geojson(path, limits)):
        if number % STEP == 0:
            stop_if_asked(progress)
            progress.report(0.8 * number / (number + STEP), "reading features")
        reader.take(record, f"feature {number + 1} of {path.name}")
    return reader.features()


class _Reader:
    """Gathers features by their keys, and why others are none."""

    def __init__(self, limits: MapLimits, log: RepairLog) -> None:
        self.limits, self.log = limits, log
        self.newest: dict[str, list[MapFeature]] = {}
        self.left_out: Counter[str] = Counter()
        self.turned = 0

    def take(self, record: dict[str, Any], name: str) -> None:
        feature = self._feature(record, name)
        if isinstance(feature, str):
            self.left_out[feature] += 1
            return
        alike = self.newest.setdefault(feature.key, [])
        if alike and _rank(feature) != _rank(alike[0]):
            self.log.add(f"{feature.key} stands in the file several times: the newest was taken")
            if _rank(feature) < _rank(alike[0]):
                return
            alike.clear()
        alike.append(feature)

    def features(self) -> list[MapFeature]:
        """The features in the order of the file; afterwards the log says all that is not as it was there."""
        if self.turned:
            self.log.add(f"{self.turned} features lie beyond 180 degrees and were moved by a whole turn")
        for reason, count in sorted(self.left_out.items()):
            if reason:
                self.log.add(f"{count} features were left out: {reason}")
        return [alike[0] if len(alike) == 1 else self._one_of(alike) for alike in self.newest.values()]

    def _one_of(self, alike: list[MapFeature]) -> MapFeature:
        """One feature of several equally new ones of an object: its parts joined, or the first of its states."""
        key, first = alike[0].key, alike[0]
        whole = shapely.union_all([one.geometry for one in alike])
        if first.geometry.geom_type in AREA_TYPES:
            parts = whole.area >= APART * sum(one.geometry.area for one in alike)
            repair = repair_polygon(whole, self.limits.max_vertices)
            parts, whole = parts and repair.geometry is not None, repair.geometry or first.geometry
        else:
            parts = not whole.equals(first.geometry)
        if not parts:
            self.log.add(f"{key} stands in the file several times and nothing says which is newer: the first was taken")
            return first
        self.log.add(f"{key} stands in the file in {len(alike)} parts: they were joined")
        return replace(first, geometry=whole)

    def _feature(self, record: dict[str, Any], name: str) -> MapFeature | str:
        """The feature, or why it is none: an empty text where the log names it already."""
        said = record_of(record, name, self.log)
        if record.get("geometry") is None:
            return "they have no geometry"
        try:
            geometry = checked_geometry(record["geometry"], name)
        except MalformedGeometryError as error:
            self.log.add(f"{name} was left out: {str(error).removeprefix(f'{name}: ')}")
            return ""
        if geometry.is_empty:
            return "their geometry is empty"
        within = within_one_turn(geometry)
        self.turned += within is not geometry
        geometry = areas_or_lines(within)
        if geometry.is_empty:
            return "the map draws areas and lines, no points"
        area = geometry.geom_type in AREA_TYPES
        kind = classify(said.tags, closed=area)
        if kind is None:
            return "their tags are of nothing that the map draws"
        problem = off_the_grid(geometry)
        if problem:
            self.log.add(f"{name} was left out: it {problem}")
            return ""
        if area and not is_area(kind, said.tags) and kind != "road":
            geometry = geometry.boundary
        if area:
            repair = repair_polygon(united(geometry), self.limits.max_vertices)
            if repair.note:
                self.log.add(f"{name} {'was left out: it ' if repair.geometry is None else ''}{repair.note}")
            if repair.geometry is None:
                return ""
            geometry = repair.geometry
        return MapFeature(
            kind=kind,
            geometry=geometry,
            tags=said.tags,
            osm_type=said.osm_type,
            osm_id=said.osm_id,
            version=said.version,
            timestamp=said.timestamp,
        )


def _rank(feature: MapFeature) -> tuple[int, float, bool]:
    stamp = feature.timestamp.timestamp() if feature.timestamp else 0.0
    return feature.version or 0, stamp, feature.geometry.geom_type in AREA_TYPES
