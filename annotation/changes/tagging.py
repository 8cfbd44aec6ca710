"""Tags of a building that a person may set: what is offered, what OSM takes, and what is left alone."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from annotation.common.errors import InvalidError

MAX_CHARS = 255
MAX_TAGS = 30
VALUES = Path(__file__).with_name("building_values.json")
PLAIN_KEYS = {
    "area", "check_date", "created_by", "fixme", "height", "layer", "levels", "min_height", "note", "source",
    "start_date", "type",
}  # fmt: skip
PLAIN_PREFIXES = ("building", "roof", "source", "survey", "check_date")
NOT_FROM_AN_IMAGE = ("addr", "contact", "name", "type")
"""First parts of keys that nobody sets here: addresses and names are no matter of an image, `type` makes a relation."""
LEVELS = re.compile(r"\d{1,3}(\.\d)?")
NO_TEXT = ("Cc", "Cs", "Cn")
"""Control characters, halves of characters, and what is none: no XML carries them."""


def describes_building(key: str) -> bool:
    """Whether a tag of this key describes the building alone; any other makes the object more than a building."""
    return key in PLAIN_KEYS or key.split(":")[0] in PLAIN_PREFIXES


@cache
def building_values() -> list[dict[str, str]]:
    """Common values of `building`, as {value, label, about}."""
    values: list[dict[str, str]] = json.loads(VALUES.read_text(encoding="utf-8"))["values"]
    return values


def checked_tags(wanted: Any, mapped: Mapping[str, str]) -> dict[str, str]:
    """The tags to be set, without blanks around them.

    Args:
        wanted: as it came in, {key: value}.
        mapped: tags that the object has in the map; those that make it more than a building stay as they are.

    Raises:
        InvalidError: OSM does not take one of them, or it is not to be set here.
    """
    if not isinstance(wanted, dict) or len(wanted) > MAX_TAGS:
        raise InvalidError(f"tags must be an object of at most {MAX_TAGS} keys with their values")
    tags: dict[str, str] = {}
    for given, value in wanted.items():
        key = _text(given, "a key")
        if key in tags:
            raise InvalidError(f"the key {key!r} is there twice; keep one")
        tags[key] = _text(value, f"the value of {key!r}")
        _check_key(key, mapped)
    if tags.get("building") == "no":
        raise InvalidError("building=no makes it no building: reject the suggestion instead")
    if "building:levels" in tags and not LEVELS.fullmatch(tags["building:levels"]):
        raise InvalidError("building:levels is a number of storeys such as 2 or 1.5")
    return tags


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InvalidError(f"{what} is empty: fill it in, or leave the row out")
    text = value.strip()
    if len(text) > MAX_CHARS:
        raise InvalidError(f"{what} is longer than {MAX_CHARS} characters: shorten it")
    if any(unicodedata.category(character) in NO_TEXT for character in text):
        raise InvalidError(f"{what} holds a control character: type it anew")
    return text


def _check_key(key: str, mapped: Mapping[str, str]) -> None:
    if "=" in key:
        raise InvalidError(f"the key {key!r} holds a '=': put what follows into its value")
    head = key.split(":")[0]
    if head in NOT_FROM_AN_IMAGE or head.endswith("_name"):
        raise InvalidError(f"{key!r} is not set here: names, addresses and relations are edited in iD or JOSM")
    if key in mapped and not describes_building(key):
        raise InvalidError(f"{key!r} makes the object more than a building and stays as it is: edit it in iD or JOSM")
