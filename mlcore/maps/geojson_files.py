"""Reads maps and areas from GeoJSON files that nobody has vouched for."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from mlcore.errors import InvalidInputError
from mlcore.geometry.polygons import repair_polygon
from mlcore.limits import MapLimits
from mlcore.maps.cleaning import RepairLog, checked_id, checked_time, checked_version, clean_tags, off_the_grid
from mlcore.maps.features import MapFeature, OsmType
from mlcore.maps.tags import classify, is_area
from mlcore.progress import Progress, stop_if_asked

IDENTITY = {"osm_type", "osm_id", "version", "timestamp", "@id", "@version", "@timestamp"}
OSM_TYPES: dict[str, OsmType] = {
    "node": "node", "way": "way", "relation": "relation", "n": "node", "w": "way", "r": "relation",
}  # fmt: skip
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
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(f"{path.name} is not valid JSON ({str(error)[:120]}): export it again") from error
    features = _features_of(document, path.name)
    if len(features) > limits.max_features:
        raise InvalidInputError(f"{path.name} holds more than {limits.max_features} features: cut it to the region")
    return features


def read_geojson_map(path: Path, limits: MapLimits, progress: Progress, log: RepairLog) -> list[MapFeature]:
    """Features of a GeoJSON map; what OSM's tag table doesn't know is passed over."""
    features: list[MapFeature] = []
    keys: set[str] = set()
    for number, record in enumerate(load_geojson(path, limits)):
        if number % STEP == 0:
            stop_if_asked(progress)
            progress.report(0.8 * number / (number + STEP), "reading features")
        feature = _feature(record, f"feature {number + 1} of {path.name}", limits, log)
        if feature is None:
            continue
        if feature.key in keys:
            log.add(f"{feature.key} was left out the second time: its id must be unique")
            continue
        keys.add(feature.key)
        features.append(feature)
    return features


def checked_geometry(value: Any, name: str) -> BaseGeometry:
    """A shapely geometry of a GeoJSON one, with finite coordinates in degrees.

    Raises:
        InvalidInputError: it is malformed, not finite, or not in degrees.
    """
    try:
        if not isinstance(value, dict) or not isinstance(value["coordinates"], list):
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


def _feature(record: dict[str, Any], name: str, limits: MapLimits, log: RepairLog) -> MapFeature | None:
    properties = record.get("properties") or {}
    if not isinstance(properties, dict):
        raise InvalidInputError(f"{name}: its properties are not an object: correct or remove it")
    if record.get("geometry") is None:
        return None
    geometry = checked_geometry(record["geometry"], name)
    tags = clean_tags({k: v for k, v in properties.items() if isinstance(v, str) and k not in IDENTITY}, name, log)
    area = geometry.geom_type in AREA_TYPES
    kind = classify(tags, closed=area)
    if kind is None or not (area or geometry.geom_type in LINE_TYPES) or geometry.is_empty:
        return None
    problem = off_the_grid(geometry)
    if problem:
        log.add(f"{name} was left out: it {problem}")
        return None
    if area and not is_area(kind, tags) and kind != "road":
        geometry = geometry.boundary
    if area:
        repair = repair_polygon(geometry, limits.max_vertices)
        if repair.note:
            log.add(f"{name} {'was left out: it ' if repair.geometry is None else ''}{repair.note}")
        if repair.geometry is None:
            return None
        geometry = repair.geometry
    osm_type, osm_id = _identity(properties, name)
    version = properties.get("version", properties.get("@version"))
    return MapFeature(
        kind=kind,
        geometry=geometry,
        tags=tags,
        osm_type=osm_type,
        osm_id=osm_id,
        version=None if version is None else checked_version(version, f"{name}: version"),
        timestamp=checked_time(properties.get("timestamp", properties.get("@timestamp"))),
    )


def _identity(properties: dict[str, Any], name: str) -> tuple[OsmType | None, int | None]:
    """osm_type and osm_id, or the `@id` of an Overpass export (`way/123`); both or neither."""
    overpass = re.fullmatch(r"(node|way|relation)/(-?\d{1,20})", str(properties.get("@id", "")))
    if overpass:
        return OSM_TYPES[overpass[1]], checked_id(overpass[2], f"{name}: @id")
    osm_type, osm_id = properties.get("osm_type"), properties.get("osm_id")
    if osm_type is None or osm_id is None:
        return None, None
    known = OSM_TYPES.get(str(osm_type).lower())
    if known is None:
        raise InvalidInputError(f"{name}: osm_type {str(osm_type)[:40]!r} is not node, way or relation: correct it")
    return known, checked_id(osm_id, f"{name}: osm_id")


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
