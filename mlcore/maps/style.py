"""The look of the map, read from one TOML file and checked."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlcore.errors import ConfigError

Colour = tuple[int, int, int]
STYLE_FILE = Path(__file__).with_name("map_style.toml")


@dataclass(frozen=True)
class RoadClass:
    """One class of roads; `rank` grows from the bottom to the top of the drawing."""

    name: str
    rank: int
    width_m: float
    fill: Colour
    casing: Colour


@dataclass(frozen=True)
class MapStyle:
    """Colours are RGB, widths metres on the ground."""

    background: Colour
    min_px: int
    green: Colour
    green_by_class: Mapping[str, Colour]
    water: Colour
    water_width_m: Mapping[str, float]
    rail_fill: Colour
    rail_casing: Colour
    rail_width_m: float
    rail_casing_m: float
    building_fill: Colour
    building_outline: Colour
    building_outline_px: int
    road_area: Colour
    road_casing_m: float
    roads: Mapping[str, RoadClass]
    default_road: RoadClass


def load_style(path: Path = STYLE_FILE) -> MapStyle:
    """Read a style file.

    Raises:
        ConfigError: a key is missing, unknown or of the wrong type.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        style = _style(table)
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise ConfigError(
            f"the map style {path.name} can't be used ({error}): compare it with {STYLE_FILE.name}"
        ) from error
    left = sorted(table)
    if left:
        raise ConfigError(f"the map style {path.name} has unknown keys {left}: remove them or mend their spelling")
    return style


def _style(table: dict[str, Any]) -> MapStyle:
    road, green, water = table.pop("road"), table.pop("green"), table.pop("water")
    rail, building = table.pop("rail"), table.pop("building")
    roads: dict[str, RoadClass] = {}
    for rank, name in enumerate(road["order"]):
        entry = road["classes"][name]
        road_class = RoadClass(name, rank, float(entry["width_m"]), _rgb(entry["fill"]), _rgb(entry["casing"]))
        roads |= dict.fromkeys(entry["highways"], road_class)
    return MapStyle(
        background=_rgb(table.pop("background")),
        min_px=int(table.pop("min_px")),
        green=_rgb(green["fill"]),
        green_by_class={name: _rgb(colour) for name, colour in green["by_class"].items()},
        water=_rgb(water["fill"]),
        water_width_m={name: float(width) for name, width in water["width_m"].items()},
        rail_fill=_rgb(rail["fill"]),
        rail_casing=_rgb(rail["casing"]),
        rail_width_m=float(rail["width_m"]),
        rail_casing_m=float(rail["casing_m"]),
        building_fill=_rgb(building["fill"]),
        building_outline=_rgb(building["outline"]),
        building_outline_px=int(building["outline_px"]),
        road_area=_rgb(road["area"]),
        road_casing_m=float(road["casing_m"]),
        roads=roads,
        default_road=roads["unclassified"],
    )


def _rgb(text: str) -> Colour:
    """`#rrggbb` -> (red, green, blue)."""
    if len(text) != 7 or text[0] != "#":
        raise ValueError(f"{text!r} is not a colour like #a5cfec")
    red, green, blue = bytes.fromhex(text[1:])
    return red, green, blue
