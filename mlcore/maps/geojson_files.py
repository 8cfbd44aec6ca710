"""Reads maps and areas from GeoJSON files that nobody has vouched for."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from mlcore.errors import InvalidInputError
from mlcore.geometry.polygons import repair_polygon
from mlcore.limits import MapLimits
from mlcore.maps.cleaning import RepairLog, off_the_grid
from mlcore.maps.features import MapFeature
from mlcore.maps.geojson_records import record_of
from mlcore.maps.tags import classify, is_area
from mlcore.progress import Progress, stop_if_asked

AREA_TYPES, LINE_TYPES = {"Polygon", "MultiPolygon"}, {"LineString", "MultiLineString"}
STEP = 5_000


def load_geojson(path: Path, limits: MapLimits) -> list[dict[str, Any]]:
    """The features of a GeoJSON file, each a dict with `geometry` and `properties`, checked for depth and size.

    Raises:
        InvalidInputError: not GeoJSON in EPSG:4326, too large or too deep.
    """
    if path.stat().st_size > limits.max_json_bytes:
        raise InvalidInputError(
            f"{path.name} is larger than {limits.max_json_bytes >> 20} MB: convert it to .osm.pbf or cut it"
        )
    content = path.read_bytes()
    if sum(content.count(mark) for mark in (b"[", b"{", b",")) > limits.max_json_values:
        raise InvalidInputError(f"{path.name} holds too many values for GeoJSON: convert it to .osm.pbf or cut it")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"{path.name} is not UTF-8 text: export it again as GeoJSON in UTF-8") from error
    if _depth(text) > limits.max_json_depth:
        raise InvalidInputError(f"{path.name} is nested deeper than {limits.max_json_depth} levels: this is no map")
    document = _document(text, path.name)
    features = _features_of(document, path.name)
    if len(features) > limits.max_features:
        raise InvalidInputError(f"{path.name} holds more than {limits.max_features} features: cut it to the region")
    return features


def _document(text: str, name: str) -> Any:
    """The JSON of a file, or of its lines: one feature each, as GeoJSON text sequences (RFC 8142) have them."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        lines = [line for line in re.split(r"[\x1e\n]+", text) if line.strip()]
        try:
            features = [json.loads(line) for line in lines] if len(lines) > 1 else []
        except (ValueError, RecursionError):
            features = []
        if features and all(isinstance(one, dict) and one.get("type") == "Feature" for one in features):
            return {"type": "FeatureCollection", "features": features}
        raise InvalidInputError(f"{name} is not valid JSON ({str(error)[:120]}): export it again") from error


def read_geojson_map(path: Path, limits: MapLimits, progress: Progress, log: RepairLog) -> list[MapFeature]:
    """Features of a GeoJSON map; what OSM's tag table doesn't know is passed over, and counted.

    Of an object that stands in the file several times the newest is taken; of equally new ones, the area.
    """
    features: dict[str, MapFeature] = {}
    left_out: Counter[str] = Counter()
    for number, record in enumerate(load_geojson(path, limits)):
        if number % STEP == 0:
            stop_if_asked(progress)
            progress.report(0.8 * number / (number + STEP), "reading features")
        feature = _feature(record, f"feature {number + 1} of {path.name}", limits, log)
        if isinstance(feature, str):
            left_out[feature] += 1
            continue
        earlier = features.get(feature.key)
        if earlier is not None:
            log.add(f"{feature.key} stands in the file several times: the newest was taken")
        if earlier is None or _rank(feature) > _rank(earlier):
            features[feature.key] = feature
    for reason, count in sorted(left_out.items()):
        if reason:
            log.add(f"{count} features were left out: {reason}")
    return list(features.values())


def _rank(feature: MapFeature) -> tuple[int, float, bool]:
    stamp = feature.timestamp.timestamp() if feature.timestamp else 0.0
    return feature.version or 0, stamp, feature.geometry.geom_type in AREA_TYPES


def checked_geometry(value: Any, name: str) -> BaseGeometry:
    """A shapely geometry of a GeoJSON one, with finite coordinates in degrees.

    Raises:
        InvalidInputError: it is malformed, not finite, or not in degrees.
    """
    try:
        parts = "geometries" if isinstance(value, dict) and value.get("type") == "GeometryCollection" else "coordinates"
        if not isinstance(value, dict) or not isinstance(value[parts], list):
            raise TypeError("no coordinates")
        geometry = shapely.force_2d(shapely.geometry.shape(value))
    except (
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        AttributeError,
        OverflowError,
        shapely.errors.ShapelyError,
    ) as error:
        raise InvalidInputError(
            f"{name}: its geometry is malformed ({str(error)[:80]}): correct or remove it"
        ) from error
    lonlat = shapely.get_coordinates(geometry)
    if not np.isfinite(lonlat).all():
        raise InvalidInputError(f"{name}: a coordinate is not a finite number: correct or remove it")
    if len(lonlat) and (np.abs(lonlat[:, 0]).max() > 180 or np.abs(lonlat[:, 1]).max() > 90):
        raise InvalidInputError(
            f"{name}: coordinates are not degrees within -180..180, -90..90: reproject with ogr2ogr -t_srs EPSG:4326"
        )
    return geometry


def _feature(record: dict[str, Any], name: str, limits: MapLimits, log: RepairLog) -> MapFeature | str:
    """The feature, or why it is none: an empty text where the log names it already."""
    said = record_of(record, name, log)
    if record.get("geometry") is None:
        return "they have no geometry"
    geometry = _areas_or_lines(checked_geometry(record["geometry"], name))
    if geometry.is_empty:
        return "the map draws areas and lines, no points"
    area = geometry.geom_type in AREA_TYPES
    kind = classify(said.tags, closed=area)
    if kind is None:
        return "their tags are of nothing that the map draws"
    problem = off_the_grid(geometry)
    if problem:
        log.add(f"{name} was left out: it {problem}")
        return ""
    if area and not is_area(kind, said.tags) and kind != "road":
        geometry = geometry.boundary
    if area:
        repair = repair_polygon(_united(geometry), limits.max_vertices)
        if repair.note:
            log.add(f"{name} {'was left out: it ' if repair.geometry is None else ''}{repair.note}")
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


def _areas_or_lines(geometry: BaseGeometry) -> BaseGeometry:
    """The areas of a collection, or its lines where it has no areas; points are left out."""
    parts = [part for part in flat_parts(geometry) if not part.is_empty]
    areas = [part for part in parts if part.geom_type == "Polygon"]
    lines = [part for part in parts if part.geom_type == "LineString"]
    if geometry.geom_type in AREA_TYPES | LINE_TYPES:
        return geometry
    if areas:
        return areas[0] if len(areas) == 1 else shapely.MultiPolygon(areas)
    return shapely.MultiLineString(lines)


def flat_parts(geometry: BaseGeometry) -> Iterator[BaseGeometry]:
    """Points, lines and polygons of a geometry, collections in collections opened."""
    for part in shapely.get_parts(geometry):
        if part.geom_type.startswith(("Multi", "GeometryCollection")):
            yield from flat_parts(part)
        else:
            yield part


def _united(geometry: BaseGeometry) -> BaseGeometry:
    """A multipolygon whose parts overlap as one area: GeoJSON has parts beside one another, not holes made of parts."""
    if geometry.geom_type != "MultiPolygon" or geometry.is_valid:
        return geometry
    parts = [repair_polygon(part).geometry for part in geometry.geoms]
    return shapely.union_all([part for part in parts if part is not None])


def _features_of(document: Any, name: str) -> list[dict[str, Any]]:
    if not isinstance(document, dict):
        raise InvalidInputError(f"{name} is JSON but not GeoJSON: it needs a FeatureCollection")
    crs = json.dumps(document.get("crs")) if document.get("crs") else ""
    if crs and not re.search(r"CRS84|EPSG:{1,2}(\d*:)?4326", crs):
        raise InvalidInputError(f"{name} is in another reference system: reproject with ogr2ogr -t_srs EPSG:4326")
    if document.get("type") == "FeatureCollection" and isinstance(document.get("features"), list):
        features = document["features"]
    elif document.get("type") == "Feature":
        features = [document]
    elif "coordinates" in document:
        features = [{"type": "Feature", "properties": {}, "geometry": document}]
    else:
        raise InvalidInputError(f"{name} is JSON but not GeoJSON: it needs a FeatureCollection")
    if not all(isinstance(feature, dict) for feature in features):
        raise InvalidInputError(f"{name}: a feature is not an object: export the file again")
    return features


def _depth(text: str) -> int:
    """How deep brackets nest, texts left out; found without recursion."""
    depth = deepest = 0
    # A text without an end reaches to the end of the file; possessive, so that no file makes the search go back.
    for token in re.finditer(r'"(?:[^"\\]++|\\.)*+(?:"|\Z|\\)|[\[{]|[\]}]', text, re.DOTALL):
        first = text[token.start()]
        if first in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif first in "]}":
            depth -= 1
    return deepest
