"""What a GeoJSON feature says of an OSM object, in all the ways tools write it: identity, metadata and tags.

Known: our own form, Overpass turbo (`@id`), osmtogeojson (feature id `way/1`, flat or nested), `osmium export`
(`@type`, `@id`, area ids such as `a2`), HOT's export tool (`ways_poly`) and raw-data API (nested `tags`), QuickOSM
(`full_id`), and GDAL's OSM driver (`osm_way_id`, `other_tags`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mlcore.errors import InvalidInputError
from mlcore.maps.cleaning import RepairLog, checked_id, checked_time, checked_version, clean_tags
from mlcore.maps.features import OsmType

OSM_TYPES: dict[str, OsmType] = {
    "node": "node", "way": "way", "relation": "relation", "n": "node", "w": "way", "r": "relation",
    "nodes": "node", "ways": "way", "relations": "relation", "ways_poly": "way", "ways_line": "way",
    "multipolygon": "relation",
}  # fmt: skip
METADATA = {
    "osm_type", "osm_id", "osm_way_id", "full_id", "id", "fid", "version", "timestamp", "changeset", "user", "uid",
    "visible", "meta", "relations", "tags", "other_tags", "tainted", "geometry",
}  # fmt: skip
"""Properties that are no tags, whoever writes them; so is every one that begins with @."""
NAMED_ID = re.compile(r"(node|way|relation|n|w|r|a)/?(-?\d{1,20})")
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
    """What the feature says.

    Raises:
        InvalidInputError: its properties are no object, or an id, type or version that no OSM object can have.
    """
    properties = feature.get("properties") or {}
    if not isinstance(properties, dict):
        raise InvalidInputError(f"{name}: its properties are not an object: correct or remove it")
    osm_type, osm_id = _identity(feature, properties, name)
    nested = properties.get("meta")
    meta: Mapping[str, Any] = nested if isinstance(nested, dict) else {}
    version = _first(properties, meta, "version")
    return Record(
        osm_type,
        osm_id,
        None if version is None else checked_version(version, f"{name}: version"),
        _time(_first(properties, meta, "timestamp")),
        clean_tags(_tags(properties, name, log), name, log),
    )


def _first(properties: Mapping[str, Any], meta: Mapping[str, Any], word: str) -> Any:
    return next(
        (one for one in (properties.get(word), properties.get(f"@{word}"), meta.get(word)) if one is not None), None
    )


def _identity(
    feature: Mapping[str, Any], properties: Mapping[str, Any], name: str
) -> tuple[OsmType | None, int | None]:
    """Type and id, both or neither."""
    for word in ("osm_type", "@type", "type"):
        found = properties.get(word)
        number = properties.get({"osm_type": "osm_id", "@type": "@id", "type": "id"}[word])
        if word == "type" and (not isinstance(found, str) or found not in OSM_TYPES or isinstance(number, str)):
            continue  # `type=multipolygon` beside a text is a tag
        if found is None or number is None:
            continue
        known = OSM_TYPES.get(str(found).lower())
        if known is None:
            raise InvalidInputError(f"{name}: {word} {str(found)[:40]!r} is not node, way or relation: correct it")
        if named := NAMED_ID.fullmatch(str(number)):
            return _named(named, name)
        identifier = checked_id(number, f"{name}: {word.replace('type', 'id')}")
        if found == "ways_poly" and identifier < 0:  # osm2pgsql's way of saying relation
            return "relation", -identifier
        return known, identifier
    if properties.get("osm_way_id"):
        return "way", checked_id(properties["osm_way_id"], f"{name}: osm_way_id")
    if "osm_way_id" in properties and properties.get("osm_id"):
        return "relation", checked_id(properties["osm_id"], f"{name}: osm_id")
    for value in (properties.get("@id"), properties.get("full_id"), feature.get("id"), properties.get("id")):
        if isinstance(value, str) and (named := NAMED_ID.fullmatch(value)):
            return _named(named, name)
    return None, None


def _named(named: re.Match[str], name: str) -> tuple[OsmType, int]:
    """`way/1`, `w1`, or osmium's number of an area: twice that of a way, or twice that of a relation and one."""
    number = checked_id(named[2], f"{name}: id")
    if named[1] != "a":
        return OSM_TYPES[named[1]], number
    size, sign = abs(number), 1 if number >= 0 else -1
    return ("relation", sign * (size - 1) // 2) if size % 2 else ("way", sign * size // 2)


def _tags(properties: Mapping[str, Any], name: str, log: RepairLog) -> dict[str, str]:
    """Tags as texts: those in an object of their own, else every property that is no metadata."""
    nested = properties.get("tags")
    if isinstance(nested, str) and nested.lstrip().startswith("{"):
        try:
            nested = json.loads(nested)
        except (ValueError, RecursionError):
            log.add(f"{name}: its tags are damaged text and were left out")
    if isinstance(nested, dict):
        found = dict(nested)
    else:
        osm = {"type"} if properties.get("type") in {"node", "way", "relation"} else set()
        found = {k: v for k, v in properties.items() if not k.startswith("@") and k not in METADATA | osm}
    more = properties.get("other_tags")
    if isinstance(more, str):
        found |= {_unescaped(key): _unescaped(value) for key, value in HSTORE.findall(more) if value}
    texts = {key: _text(value) for key, value in found.items() if value is not None}
    for key in [key for key, value in texts.items() if value is None]:
        log.add(f"{name}: its property {key[:40]!r} is no text, number or yes/no and was left out")
    return {key: value for key, value in texts.items() if value}


def _text(value: Any) -> str | None:
    """A tag's value as OSM writes it; None for what has no place in a tag."""
    if isinstance(value, bool):
        return "yes" if value else "no"
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
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d[T ][\d:.]+", value.strip()):
        value = f"{value.strip()}+00:00"
    return checked_time(value)
