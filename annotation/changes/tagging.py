"""Tags of a building that a person may set: what is offered, what OSM takes, and what is left alone."""

from __future__ import annotations

import datetime as dt
import json
import re
import unicodedata
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from annotation.changes.presets import Json, building_presets, fields_by_key
from annotation.common.errors import InvalidError

MAX_CHARS = 255
MAX_TAGS = 30
VALUES = Path(__file__).with_name("building_values.json")
PLAIN_KEYS = {
    "area", "check_date", "created_by", "fixme", "height", "layer", "levels", "min_height", "note", "source",
    "start_date", "type",
}  # fmt: skip
PLAIN_PREFIXES = ("building", "roof", "source", "survey", "check_date")
KIND_KEYS = ("building", "building:part")
NOT_FROM_AN_IMAGE = ("addr", "contact", "name", "type")
"""First parts of keys that nobody sets here: addresses and names are no matter of an image, `type` makes a relation."""
LEVELS = re.compile(r"\d{1,3}(\.\d)?")
NUMBER = re.compile(r"-?\d{1,9}(\.\d{1,6})?")
LENGTH = re.compile(r"\d{1,6}(\.\d{1,6})?( ?(m|ft))?|\d{1,5}'( ?\d{1,2}(\.\d)?\")?")
LENGTHS = ("height", "min_height", "roof:height")
"""Keys of lengths: metres, or with a unit, as OSM writes them."""
LOOSE_DATES = ("start_date",)
"""Dates that OSM takes as loosely as they are known: `1920s`, `C19`, `before 1910`."""
DATE = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?")
COLOUR = re.compile(r"#[0-9A-Fa-f]{3}([0-9A-Fa-f]{3})?|[A-Za-z][A-Za-z_ ]*")
FORM_ONLY = ("localized", "address", "wikidata", "wikipedia", "restrictions")
"""Fields that are no single value; all of them are about names and places, which are not set here."""
NO_TEXT = ("Cc", "Cs", "Cn")
"""Control characters, halves of characters, and what is none: no XML carries them."""


def describes_building(key: str) -> bool:
    """Whether a tag of this key describes the building alone; any other makes the object more than a building."""
    return not _is_name(key) and (key in PLAIN_KEYS or key.split(":")[0] in PLAIN_PREFIXES)


@cache
def building_values() -> list[dict[str, str]]:
    """Common values of `building`, as {value, label, about}."""
    values: list[dict[str, str]] = json.loads(VALUES.read_text(encoding="utf-8"))["values"]
    return values


def tagged(mapped: Mapping[str, str], said: Mapping[str, str]) -> dict[str, str]:
    """The tags that an object of the map has once these are set; an empty value takes its tag off."""
    return {key: value for key, value in {**mapped, **said}.items() if value or key not in said}


def new_building(tags: Mapping[str, str]) -> dict[str, str]:
    """The tags of a new building: `building=yes` where its kind is not said; a part of a building is none by itself."""
    tags = tagged({}, tags)
    return dict(tags) if "building:part" in tags and "building" not in tags else {"building": "yes", **tags}


def tag_form(language: str) -> Json:
    """OSM's presets of buildings, with what of their fields may be set here (`here`).

    Raises:
        NoPresetsError: the package of the presets is not installed.
    """
    found = building_presets(language)
    fields = {name: {**field, "here": _here(field)} for name, field in found["fields"].items()}
    return {**found, "fields": fields}


def _here(field: Json) -> bool:
    keys = [field["key"], *field["keys"]]
    elsewhere = any(_is_name_or_address(key) for key in keys)
    return not elsewhere and field["type"] not in FORM_ONLY


def checked_tags(wanted: Any, mapped: Mapping[str, str]) -> dict[str, str]:
    """The tags to be set, without blanks around them.

    Args:
        wanted: as it came in, {key: value}; an empty value takes off what the map has of the key.
        mapped: tags that the object has in the map; those that make it more than a building stay as they are, but an
            address may be corrected.

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
        tags[key] = "" if value == "" and key in mapped else _text(value, f"the value of {key!r}")
        _check_key(key, mapped)
        if not tags[key]:
            _check_taken_off(key)
    if tags.get("building") == "no":
        raise InvalidError("building=no makes it no building: reject the suggestion instead")
    if tags.get("building:levels") and not LEVELS.fullmatch(tags["building:levels"]):
        raise InvalidError("building:levels is a number of storeys such as 2 or 1.5")
    fields = fields_by_key()
    for key, value in tags.items():
        if value and key in fields and mapped.get(key) != value:
            _check_value(key, value, fields[key])
    return tags


def _check_value(key: str, value: str, field: Json) -> None:
    """By the field of OSM's presets that the key has; other values than its options are as good as these."""
    kind = field["type"]
    if kind in {"number", "integer"}:
        _check_number(key, value, field)
    elif kind == "date" and key not in LOOSE_DATES and not _is_date(value):
        raise InvalidError(f"{key} is a day such as 2026-05-31, or a month or year: write it so")
    elif kind == "colour" and not COLOUR.fullmatch(value):
        raise InvalidError(f"{key} is a colour such as red or #aa3322: write it so")


def _check_number(key: str, value: str, field: Json) -> None:
    length = key in LENGTHS
    if not (LENGTH if length else NUMBER).fullmatch(value):
        example = "4.5, in metres, or 15 ft" if length else "2 or -1, with a point for decimals"
        raise InvalidError(f"{key} is a number such as {example}: write it so")
    if length:
        return
    if field["min"] is not None and float(value) < field["min"]:
        raise InvalidError(f"{key} is at least {field['min']:g}: enter a larger number")
    if field["max"] is not None and float(value) > field["max"]:
        raise InvalidError(f"{key} is at most {field['max']:g}: enter a smaller number")


def _is_date(value: str) -> bool:
    if not DATE.fullmatch(value):
        return False
    try:
        dt.date.fromisoformat((value + "-01-01")[:10])
    except ValueError:
        return False
    return True


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
    if key in mapped and is_address(key):
        return
    if _is_name_or_address(key):
        raise InvalidError(f"{key!r} is not set here: names, addresses and relations are edited in iD or JOSM")
    if key in mapped and not describes_building(key):
        raise InvalidError(f"{key!r} makes the object more than a building and stays as it is: edit it in iD or JOSM")


def _check_taken_off(key: str) -> None:
    if key in KIND_KEYS:
        raise InvalidError(f"{key!r} makes it a building and is not taken off: choose another kind, or reject it")
    if is_address(key):
        raise InvalidError(f"{key!r} is part of an address, which is corrected here and not taken off: do so in iD")


def is_address(key: str) -> bool:
    """Whether a tag of this key is a part of an address: a person may correct one that the map has, nobody drops it."""
    return key.split(":")[0] == "addr"


def _is_name_or_address(key: str) -> bool:
    return key.split(":")[0] in NOT_FROM_AN_IMAGE or _is_name(key)


def _is_name(key: str) -> bool:
    """Whether a tag of this key is a name of something: `name:en`, `alt_name`, `building:name`."""
    head = key.split(":")[0]
    return head == "name" or head.endswith("_name") or key.endswith(":name")
