"""OpenStreetMap's presets of buildings, as iD has them: kinds with their tags, and the fields that describe each.

They come from the npm package `@openstreetmap/id-tagging-schema` (ISC licence), which is read as it is installed. Of
its 1,700 presets those of outlines of buildings are kept, with the fields that these name and those that every object
may have; a field of some countries alone is left out, since nobody says here in which country a region lies.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings

from annotation.common.errors import DomainError

Json = dict[str, Any]
ENGLISH = "en"
LANGUAGE = re.compile(r"[A-Za-z]{2,3}([-@][A-Za-z0-9]{2,8})?")
OPTIONS_OF = {"building/material": "material", "building/part": "building", "construction": "building"}
"""Fields whose values iD asks taginfo for: here they are offered those of a field that takes the same."""


class NoPresetsError(DomainError):
    """The package of the presets is not installed, or is not what it was."""

    code = "no_presets"
    status = 503


def building_presets(language: str = ENGLISH) -> Json:
    """Presets and fields of buildings, named in a language as far as it has them, else in English.

    Returns:
        `version` and `licence` of the package, `language` as found, `presets` (the common ones first), `fields` by id.

    Raises:
        NoPresetsError: the package is not installed.
    """
    return _read(settings.PRESETS_DIR, _nearest(settings.PRESETS_DIR, language))


def fields_by_key() -> Mapping[str, Json]:
    """What a value of each key of a building has to be, by the fields of the presets; empty without the package."""
    try:
        return _by_key(settings.PRESETS_DIR)
    except NoPresetsError:
        return {}


@lru_cache(maxsize=4)
def _by_key(folder: Path) -> Mapping[str, Json]:
    fields: Sequence[Json] = list(_read(folder, _nearest(folder, ENGLISH))["fields"].values())
    return {field["key"]: field for field in fields if field["key"]}


@lru_cache(maxsize=16)
def _read(folder: Path, nearest: tuple[str, ...]) -> Json:
    presets, fields = _load(folder / "presets.min.json"), _load(folder / "fields.min.json")
    if ENGLISH not in nearest:
        raise NoPresetsError("the package of OpenStreetMap's presets has no texts: run `npm ci` anew")
    words = [_load(_texts(folder, name))[name].get("presets", {}) for name in nearest]
    kept = {name: one for name, one in presets.items() if _of_outline(name, one)}
    anywhere = [name for name, one in fields.items() if one.get("universal")]
    shown = {name: _field(name, fields, words) for name in fields if _of_building(fields[name])}
    common: list[str] = _load(folder / "preset_categories.min.json")["category-building"]["members"]
    ordered = sorted(kept, key=lambda name: (common.index(name) if name in common else len(common), name))
    listed = [_preset(name, kept[name], shown, anywhere, words) for name in ordered]
    used = {field for one in listed for field in (*one["fields"], *one["more_fields"])}
    package = _load(folder.parent / "package.json")
    return {
        "version": package["version"], "licence": package["license"], "language": nearest[0], "presets": listed,
        "fields": {name: one for name, one in shown.items() if name in used},
    }  # fmt: skip


def _load(path: Path) -> Json:
    try:
        loaded: Json = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise NoPresetsError(
            "OpenStreetMap's presets are not installed: an administrator runs `npm ci` in Mapwright's folder"
        ) from error
    return loaded


def _of_outline(name: str, preset: Json) -> bool:
    """Whether a preset describes the outline of a building or a part, and nothing else that it is as well."""
    about = name in {"building", "building_part"} or name.startswith("building/")
    return about and "area" in preset["geometry"] and "locationSet" not in preset


def _of_building(field: Json) -> bool:
    needs_more = any(name in field for name in ("locationSet", "locationSetCrossReference", "prerequisiteTag"))
    return not needs_more and "area" in field.get("geometry", ["area"])


def _nearest(folder: Path, language: str) -> tuple[str, ...]:
    """Languages that have texts, the nearest first: `de-AT` is looked up there, in `de` and in English.

    What is read is kept by these, so that languages that nobody speaks drive nothing out.
    """
    asked = language if LANGUAGE.fullmatch(language) else ENGLISH
    named = dict.fromkeys((asked, asked.split("-")[0], ENGLISH))
    return tuple(name for name in named if _texts(folder, name).is_file())


def _texts(folder: Path, language: str) -> Path:
    return folder / "translations" / f"{language}.min.json"


def _text(words: Sequence[Json], part: str, name: str, what: str) -> str:
    return next((one[part][name][what] for one in words if what in one.get(part, {}).get(name, {})), "")


def _list(words: Sequence[Json], preset: str, what: str) -> list[str]:
    """Words for a preset of all languages at hand, so that English ones find as well."""
    found: list[str] = []
    for one in words:
        said = one.get("presets", {}).get(preset, {}).get(what, [])
        found += said.split("\n" if what == "aliases" else ",") if isinstance(said, str) else said
    return list(dict.fromkeys(text.strip() for text in found if text.strip()))


def _preset(name: str, preset: Json, shown: Mapping[str, Json], anywhere: Sequence[str], words: Sequence[Json]) -> Json:
    fields = [one for one in preset.get("fields", []) if one in shown]
    more = [one for one in (*preset.get("moreFields", []), *anywhere) if one in shown and one not in fields]
    given: Json = preset["addTags"] if "addTags" in preset else preset["tags"]
    names = [one["presets"][name]["name"] for one in words if "name" in one.get("presets", {}).get(name, {})]
    found_by = [*names[1:], *_list(words, name, "aliases"), *_list(words, name, "terms")]
    return {
        "id": name, "name": names[0], "terms": list(dict.fromkeys(found_by)), "tags": preset["tags"],
        "add_tags": {key: "yes" if value == "*" else value for key, value in given.items()},
        "remove_tags": preset.get("removeTags", given), "fields": fields, "more_fields": list(dict.fromkeys(more)),
        "searchable": preset.get("searchable", True),
    }  # fmt: skip


def _field(name: str, fields: Mapping[str, Json], words: Sequence[Json]) -> Json:
    field = fields[name]
    like = name if "options" in field else OPTIONS_OF.get(name, name)
    options = [_option(like, value, words) for value in fields[like].get("options", [])]
    return {
        "id": name, "key": field.get("key", ""), "keys": field.get("keys", []), "type": field["type"],
        "label": _text(words, "fields", name, "label") or field.get("key", name),
        "placeholder": _text(words, "fields", name, "placeholder"), "options": options,
        "custom_values": field.get("customValues", True), "default": field.get("default", ""),
        "min": field.get("minValue"), "max": field.get("maxValue"), "pattern": field.get("pattern", ""),
    }  # fmt: skip


def _option(field: str, value: str, words: Sequence[Json]) -> Json:
    for one in words:
        said = one.get("fields", {}).get(field, {}).get("options", {}).get(value)
        if isinstance(said, str):
            return {"value": value, "label": said, "about": ""}
        if isinstance(said, dict):
            return {"value": value, "label": said.get("title", value), "about": said.get("description", "")}
    return {"value": value, "label": value, "about": ""}
