"""Which OSM element a GeoJSON feature is, wherever a tool puts its type and id.

Known: our own form, Overpass turbo (`@id`), osmtogeojson (feature id `way/1`, flat or nested), `osmium export`
(`@type`, `@id`, area ids such as `a2`), HOT's export tool (`ways_poly`) and raw-data API, ohsome (`@osmId`), OSMnx
(`element`, `osmid`), QuackOSM (`feature_id`), QuickOSM (`full_id`), addresses of osm.org, osm2pgsql's tables
(`way_area`), and GDAL's OSM driver (`osm_way_id`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mlcore.errors import InvalidInputError
from mlcore.maps.cleaning import checked_id
from mlcore.maps.features import OsmType

ELEMENTS: dict[str, OsmType] = {"node": "node", "way": "way", "relation": "relation"}
OSM_TYPES: dict[str, OsmType] = {
    **ELEMENTS, "n": "node", "w": "way", "r": "relation", "nodes": "node", "ways": "way", "relations": "relation",
    "ways_poly": "way", "ways_line": "way", "multipolygon": "relation",
}  # fmt: skip
SAID = (("osm_type", "osm_id"), ("osm_type", "id"), ("@type", "@id"), ("@osmType", "@osmId"))
"""Pairs of properties that are about OSM whatever they hold."""
GUESSED = (("type", "id"), ("element_type", "osmid"), ("element", "osmid"), ("element", "id"))
"""Pairs that are about OSM where the first names a sort of element; `type=multipolygon` beside a number is a tag."""
NAMES = ("@id", "@osmId", "osmid", "full_id", "feature_id", "id", "osm_url")
NAMED_ID = re.compile(
    r"(?:https?://(?:www\.)?(?:openstreetmap\.org|osm\.org)/)?(node|way|relation)/?(-?\d{1,20})", re.IGNORECASE
)
SHORT_ID = re.compile(r"([nwra])/?(-?\d{1,20})")
"""As osmium and QGIS write it; in a property that is just called `id` it may be the number of a register."""
PYTHON_TUPLE = re.compile(r"\('(node|way|relation)', (-?\d{1,20})\)")
NOTHING = (None, "", 0, "0")
"""What says that there is no id."""


def identity_of(
    feature: Mapping[str, Any], properties: Mapping[str, Any], name: str
) -> tuple[OsmType | None, int | None]:
    """Type and id of the element, both or neither.

    Raises:
        InvalidInputError: an id or type that no OSM object can have.
    """
    for word, number in SAID + GUESSED:
        found, value = properties.get(word), properties.get(number)
        if found in NOTHING or value in NOTHING:
            continue
        if (word, number) in GUESSED and str(found).lower() not in ELEMENTS:
            continue
        known = OSM_TYPES.get(str(found).lower())
        if known is None:
            raise InvalidInputError(f"{name}: {word} {str(found)[:40]!r} is not node, way or relation: correct it")
        if named := NAMED_ID.fullmatch(str(value)):
            return _named(named, name)
        identifier = checked_id(value, f"{name}: {number}")
        if found == "ways_poly" and identifier < 0:  # osm2pgsql's way of saying relation
            return "relation", -identifier
        return known, identifier
    of_table = _of_table(properties, name)
    if of_table is not None:
        return of_table
    for word, value in (("", feature.get("id")), *((word, properties.get(word)) for word in NAMES)):
        if not isinstance(value, str):
            continue
        short = None if word == "id" else SHORT_ID.fullmatch(value)
        if named := NAMED_ID.fullmatch(value) or PYTHON_TUPLE.fullmatch(value) or short:
            return _named(named, name)
    return None, None


def _of_table(properties: Mapping[str, Any], name: str) -> tuple[OsmType, int] | None:
    """The element of a row of GDAL's multipolygons, or of osm2pgsql's polygons and lines; None for any other."""
    way, number = properties.get("osm_way_id"), properties.get("osm_id")
    if way not in NOTHING:
        return "way", checked_id(way, f"{name}: osm_way_id")
    if number in NOTHING:
        return None
    # GDAL leaves out fields that are empty: of a relation its `type` alone tells the table.
    if "osm_way_id" in properties or str(properties.get("type")) in {"multipolygon", "boundary"}:
        return "relation", abs(checked_id(number, f"{name}: osm_id"))
    if "way_area" in properties:
        identifier = checked_id(number, f"{name}: osm_id")
        return ("relation", -identifier) if identifier < 0 else ("way", identifier)
    return None


def _named(named: re.Match[str], name: str) -> tuple[OsmType, int]:
    """`way/1`, `w1`, or osmium's number of an area: twice that of a way, or twice that of a relation and one."""
    number = checked_id(named[2], f"{name}: id")
    sort = named[1].lower()
    if sort != "a":
        return OSM_TYPES[sort], number
    size, sign = abs(number), 1 if number >= 0 else -1
    return ("relation", sign * (size - 1) // 2) if size % 2 else ("way", sign * size // 2)
