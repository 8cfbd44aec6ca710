"""Which OSM tags make a building, a road, rail, water or green: one table."""

from __future__ import annotations

from collections.abc import Mapping

from mlcore.maps.features import FeatureKind

NOT_BUILDINGS = {
    "", "no", "none", "false", "0", "demolished", "razed", "proposed", "planned", "removed", "destroyed", "entrance",
}  # fmt: skip
GONE = ("demolished", "razed", "removed", "destroyed", "proposed", "planned")
"""Keys that say `yes` of a building that stands no longer, or not yet."""
NOT_ROADS = {
    "no", "none", "proposed", "construction", "abandoned", "razed", "disused", "platform", "rest_area", "services",
    "elevator", "bus_stop", "traffic_island", "planned",
}  # fmt: skip
RAILS = {"rail", "tram", "light_rail", "subway", "narrow_gauge", "monorail", "funicular", "preserved"}
WATERWAY_LINES = {"river", "stream", "canal", "ditch", "drain"}
AREAS: dict[FeatureKind, dict[str, set[str]]] = {
    "water": {
        "natural": {"water", "bay"},
        "waterway": {"riverbank", "dock"},
        "landuse": {"reservoir", "basin"},
        "leisure": {"swimming_pool", "marina"},
    },
    "green": {
        "leisure": {"park", "garden", "pitch", "golf_course", "playground", "nature_reserve", "dog_park", "common"},
        "landuse": {
            "forest", "grass", "meadow", "village_green", "recreation_ground", "cemetery", "orchard", "vineyard",
            "allotments", "farmland", "greenfield", "flowerbed",
        },
        "natural": {"wood", "grassland", "scrub", "heath", "fell", "wetland", "tree_group"},
    },
}  # fmt: skip
"""Kinds of areas by key and values, in the order they are tried."""
KEYS = {"building", "highway", "railway", "waterway"}.union(*AREAS.values())
"""Without one of these keys an object is nothing that the map draws."""


def classify(tags: Mapping[str, str], *, closed: bool) -> FeatureKind | None:
    """The kind of an object with these tags, or None where the map doesn't draw it.

    A building part is not a building: its whole is mapped by itself. Only a closed outline can be an area.

    Args:
        closed: the object is a closed way or a multipolygon; one that says `area=no` is a line all the same.
    """
    closed = closed and tags.get("area") != "no"
    if says_building(tags):
        return "building" if closed else None
    if (highway := tags.get("highway")) is not None and highway not in NOT_ROADS:
        return "road"
    if tags.get("railway") in RAILS:
        return "rail"
    if closed:
        for kind, rules in AREAS.items():
            if any(tags.get(key) in values for key, values in rules.items()):
                return kind
    if tags.get("waterway") in WATERWAY_LINES:
        return "water"
    return None


def says_building(tags: Mapping[str, str]) -> bool:
    """Whether the tags are of a building that stands, or is being built."""
    building = tags.get("building")
    if building is None or building.strip().lower() in NOT_BUILDINGS:
        return False
    return not any(tags.get(key) == "yes" for key in GONE)


def says_no_area(tags: Mapping[str, str], kind: FeatureKind | None) -> bool:
    """Whether a building is none because it says that its outline is no area."""
    return kind != "building" and tags.get("area") == "no" and says_building(tags)


HIDDEN = {"tunnel": {"yes", "culvert"}, "location": {"underground", "indoor"}, "indoor": {"yes"}}
"""Tags of what can't be seen from above."""


def seen_from_above(tags: Mapping[str, str]) -> bool:
    """Whether an object can be seen in an aerial image, and so is drawn."""
    return not any(tags.get(key) in values for key, values in HIDDEN.items())


def is_area(kind: FeatureKind, tags: Mapping[str, str]) -> bool:
    """Whether a closed way of this kind is the area it encloses, not a line that returns to its start."""
    if kind in {"building", "green"}:
        return True
    if kind == "water":
        return tags.get("waterway") not in WATERWAY_LINES
    return kind == "road" and tags.get("area") == "yes"
