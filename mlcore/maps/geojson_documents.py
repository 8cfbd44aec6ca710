"""Opens GeoJSON that nobody has vouched for: one document or a sequence of them, in degrees, within limits."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from mlcore.errors import InvalidInputError
from mlcore.limits import MapLimits

DEGREES = re.compile(
    r"(?:(?:urn:(?:x-)?ogc:def:crs:|https?://www\.opengis\.net/def/crs/)?"
    r"(?:OGC[:/][\d.]*[:/]CRS84h?|EPSG(?:[:/][\d.]*)?[:/](?:4326|4979))|CRS84h?|WGS ?84)",
    re.IGNORECASE,
)
"""Names of the one reference system that GeoJSON has, with heights or without, in every spelling of tools."""
GEOMETRIES = {"Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon", "GeometryCollection"}
NEEDED = "it needs a FeatureCollection"


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
    features = [feature for document in _documents(text, path.name) for feature in _features_of(document, path.name)]
    if len(features) > limits.max_features:
        raise InvalidInputError(f"{path.name} holds more than {limits.max_features} features: cut it to the region")
    return features


def _documents(text: str, name: str) -> list[Any]:
    """The file's JSON, or that of its records: RFC 8142 marks their beginnings, other tools give each a line."""
    try:
        return [json.loads(text)]
    except (ValueError, RecursionError) as error:
        records = [one for one in re.split("\x1e" if "\x1e" in text else "\n", text) if one.strip()]
        try:
            documents = [json.loads(one) for one in records] if len(records) > 1 or "\x1e" in text else []
        except (ValueError, RecursionError):
            documents = []
        if documents and all(isinstance(one, dict) for one in documents):
            return documents
        raise InvalidInputError(f"{name} is not valid JSON ({str(error)[:120]}): export it again") from error


def _features_of(document: Any, name: str) -> list[dict[str, Any]]:
    if not isinstance(document, dict):
        raise InvalidInputError(f"{name} is JSON but not GeoJSON: {NEEDED}")
    if document.get("type") == "FeatureCollection" and isinstance(document.get("features"), list):
        features = document["features"]
    elif document.get("type") == "Feature":
        features = [document]
    elif document.get("type") in GEOMETRIES:
        features = [{"type": "Feature", "properties": {}, "geometry": document}]
    else:
        raise InvalidInputError(f"{name} is JSON but not GeoJSON: {_remedy(document)}")
    if not all(isinstance(feature, dict) for feature in features):
        raise InvalidInputError(f"{name}: a feature is not an object: export the file again")
    for one in (document, *features, *(feature.get("geometry") for feature in features)):
        if isinstance(one, dict) and one.get("crs") and not _in_degrees(one["crs"]):
            raise InvalidInputError(f"{name} is in another reference system: reproject with ogr2ogr -t_srs EPSG:4326")
    return features


def _remedy(document: dict[str, Any]) -> str:
    if "elements" in document:
        return "it is Overpass' own JSON; ask Overpass for [out:xml] and `out meta; >; out meta;`, which keeps versions"
    if document.get("type") == "Topology" or "geometryType" in document or "features" in document:
        return "convert it with ogr2ogr -f GeoJSON -t_srs EPSG:4326"
    return NEEDED


def _in_degrees(crs: Any) -> bool:
    """Whether a `crs` member of the old GeoJSON names the reference system that the new one has."""
    properties = crs.get("properties") if isinstance(crs, dict) else None
    named = properties.get("name", properties.get("code")) if isinstance(properties, dict) else crs
    if isinstance(crs, dict) and str(crs.get("type")).upper() == "EPSG":
        named = f"EPSG:{named}"
    return isinstance(named, str) and DEGREES.fullmatch(named.strip()) is not None


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
