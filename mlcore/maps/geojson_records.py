"""What a GeoJSON feature says of an OSM object, in all the ways tools write it: identity, metadata and tags."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mlcore.errors import InvalidInputError
from mlcore.maps.cleaning import RepairLog, checked_time, checked_version, clean_tags
from mlcore.maps.features import OsmType
from mlcore.maps.geojson_identity import ELEMENTS, identity_of
from mlcore.maps.tags import classify

TAG_OBJECTS = ("tags", "other_tags", "all_tags")
"""Properties that hold many tags: an object, or its text in JSON or in PostgreSQL's hstore."""
METADATA = {
    *TAG_OBJECTS, "osmid", "element_type", "element", "full_id", "feature_id", "id", "fid", "version", "timestamp",
    "changeset", "changeset_id", "visible", "meta", "relations", "nodes", "way_nodes", "way_area", "z_order", "tainted",
    "geometry", "geom", "the_geom", "wkt", "path",
}  # fmt: skip
"""Properties that are no tags, whoever writes them; so is every one that begins with @ or osm_."""
FOREIGN = ("@", "osm_")
MAPPER = re.compile(
    r"(.*[_:])?(user|uid|user_?name|user_?id|contributor|creator|editor|mapper)"
    r"|(?!created_by$)(last_?)?(created|edited|modified|mapped)_?by",
    re.IGNORECASE,
)
"""Who mapped, in every spelling; `created_by` names a program."""
HSTORE = re.compile(r'"((?:[^"\\]|\\.)*)"\s*=>\s*(?:"((?:[^"\\]|\\.)*)"|NULL)')
MILLISECONDS_FROM = 10**11


@dataclass(frozen=True)
class Record:
    """A feature's OSM identity, metadata and tags; no name or number of a mapper is among them."""

    osm_type: OsmType | None
    osm_id: int | None
    version: int | None
    timestamp: datetime | None
    tags: dict[str, str]


def record_of(feature: Mapping[str, Any], name: str, log: RepairLog) -> Record:
    """What the feature says; a version counts only where it is one of an OSM element.

    Raises:
        InvalidInputError: its properties are no object, or an id, type or version that no OSM object can have.
    """
    properties = feature.get("properties") or {}
    if not isinstance(properties, dict):
        raise InvalidInputError(f"{name}: its properties are not an object: correct or remove it")
    osm_type, osm_id = identity_of(feature, properties, name)
    version = _first(properties, "version") if osm_type is not None else None
    return Record(
        osm_type,
        osm_id,
        None if version is None else checked_version(version, f"{name}: version"),
        _time(_first(properties, "timestamp", "lastEdit")),
        clean_tags(_tags(properties, name, log), name, log),
    )


def _first(properties: Mapping[str, Any], *words: str) -> Any:
    """What is said under one of the words, by itself, with the marks of tools, or in an object of metadata."""
    nested = properties.get("meta")
    meta: Mapping[str, Any] = nested if isinstance(nested, dict) else {}
    said = (
        value
        for word in words
        for value in (properties.get(word), *(properties.get(mark + word) for mark in FOREIGN), meta.get(word))
    )
    return next((one for one in said if one is not None and one != ""), None)


def _tags(properties: Mapping[str, Any], name: str, log: RepairLog) -> dict[str, str]:
    """Tags as texts: those in an object of their own, else every property that is no metadata.

    Where the properties make a thing of the map that the object does not, it holds the rest of their tags.
    """
    bare = {"type"} if str(properties.get("type")) in ELEMENTS else set()
    left = METADATA | bare
    flat = {k: v for k, v in properties.items() if k not in left and not k.startswith(FOREIGN)}
    objects = {word: _object(properties.get(word)) for word in TAG_OBJECTS}
    if any(isinstance(properties.get(word), str) and objects[word] is None for word in TAG_OBJECTS):
        log.add(f"{name}: its tags are damaged text and were left out")
    nested, more = objects["tags"], {**(objects["all_tags"] or {}), **(objects["other_tags"] or {})}
    if nested is None:
        found = {**more, **{key: value for key, value in flat.items() if value is not None}}
    elif _drawn(flat) and not _drawn(nested):
        found = {**nested, **flat}
    else:
        found = nested
    texts = {k: _text(v) for k, v in found.items() if v is not None and k[:1] != "@" and not MAPPER.fullmatch(k)}
    for key in [key for key, value in texts.items() if value is None]:
        log.add(f"{name}: its property {key[:40]!r} is no text, number or yes/no and was left out")
    return {key: value for key, value in texts.items() if value}


def _object(value: Any) -> dict[str, Any] | None:
    """Tags of an object, or of its text; None where it is neither."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    if isinstance(value, str):
        pairs = HSTORE.findall(value)
        return {_unescaped(key): _unescaped(text) for key, text in pairs if text} if pairs or not value else None
    return dict(value) if isinstance(value, dict) else None


def _drawn(properties: Mapping[str, Any]) -> bool:
    texts = {key: text for key, value in properties.items() if value is not None and (text := _text(value))}
    return classify(texts, closed=True) is not None


def _text(value: Any) -> str | None:
    """A tag's value as OSM writes it; None for what has no place in a tag."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value) if isinstance(value, str | int | float) else None


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _time(value: Any) -> datetime | None:
    """A time in ISO 8601 (UTC without a zone), or as seconds or milliseconds since 1970; None for anything else."""
    if isinstance(value, str) and re.fullmatch(r"\d{9,13}", value):
        value = int(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = value / 1000 if value > MILLISECONDS_FROM else value
        try:
            value = datetime.fromtimestamp(seconds, UTC).isoformat()
        except (ValueError, OverflowError, OSError):
            return None
    if not isinstance(value, str):
        return None
    value = re.sub(r"^(\d{4})/(\d\d)/(\d\d)", r"\1-\2-\3", value.strip())  # as GDAL wrote it for long
    return checked_time(f"{value}+00:00" if re.fullmatch(r"\d{4}-\d\d-\d\d[T ][\d:.]+", value) else value)
