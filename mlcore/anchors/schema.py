"""The schema of semantic anchors: one place for vocabulary, JSON Schema, validation, review form and text (U-CSA 3.1).

An anchor names the structure that image and map share, in 11 discrete attributes and a summary of at most 40 words;
never colour, shadow, texture, labels or points of interest. What a generator or a person sends is untrusted until
`parse_anchor` has accepted it; nothing is repaired silently.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlcore.errors import MlcoreError

SCHEMA_VERSION = 1
MAX_SUMMARY_WORDS = 40
MAX_SUMMARY_CHARACTERS = 400


class AnchorError(MlcoreError):
    """An anchor that does not fit the schema.

    Attributes:
        field: the attribute at fault, "summary", or "" for the anchor as a whole.
    """

    code = "invalid_anchor"

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True)
class Attribute:
    """One attribute: what it asks, and the closed vocabulary of its answers."""

    name: str
    label: str
    question: str
    values: tuple[str, ...]


def _attribute(name: str, question: str, values: str) -> Attribute:
    return Attribute(name, name.replace("_", " ").capitalize(), question, tuple(values.split()))


ATTRIBUTES: dict[str, Attribute] = {
    attribute.name: attribute
    for attribute in (
        _attribute("building_density", "How much of the tile is built over?", "none sparse moderate dense very_dense"),
        _attribute(
            "dominant_building_size", "How large are most buildings?", "none small medium large very_large mixed"
        ),
        _attribute(
            "block_pattern",
            "How are the blocks laid out?",
            "none grid irregular linear radial cul_de_sac courtyard scattered",
        ),
        _attribute(
            "building_arrangement",
            "How do the buildings stand to one another?",
            "none detached semi_detached row perimeter clustered mixed",
        ),
        _attribute(
            "outline_complexity", "What shape are the outlines?", "none rectangular l_shaped complex round mixed"
        ),
        _attribute("roof_hint", "What do the outlines tell of the roofs?", "none flat pitched mixed unknown"),
        _attribute("construction_state", "Is anything being built?", "stable under_construction cleared unknown"),
        _attribute("road_layout", "How do the roads run?", "none single grid branching junction interchange winding"),
        _attribute("road_density", "How much road is there?", "none low medium high"),
        _attribute("open_space", "How much ground is open?", "none small_gaps large dominant"),
        _attribute(
            "land_use",
            "What is the tile used for?",
            "residential commercial industrial institutional agricultural recreational transport mixed undeveloped",
        ),
    )
}


@dataclass(frozen=True)
class Anchor:
    """A valid anchor: every attribute of ATTRIBUTES in its order, and a summary; make one with `parse_anchor`."""

    attributes: dict[str, str]
    summary: str

    def to_dict(self) -> dict[str, str]:
        """Flat: the attributes and "summary", as `parse_anchor` takes it."""
        return {**self.attributes, "summary": self.summary}


def parse_anchor(obj: object) -> Anchor:
    """Check an anchor from outside: a mapping of the 11 attributes and "summary", and nothing else.

    Raises:
        AnchorError: names the field and says what it may hold.
    """
    if not isinstance(obj, Mapping):
        raise AnchorError("an anchor is an object of 11 attributes and a summary")
    unknown = sorted(str(name)[:40] for name in obj if name not in ATTRIBUTES and name != "summary")
    if unknown:
        raise AnchorError(f"unknown field {unknown[0]!r}: leave it out", unknown[0])
    attributes = {name: _check_value(attribute, obj.get(name)) for name, attribute in ATTRIBUTES.items()}
    return Anchor(attributes, _check_summary(obj.get("summary")))


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of an anchor, for constrained generation and for the API's documentation."""
    properties: dict[str, Any] = {
        name: {"type": "string", "enum": list(attribute.values), "description": attribute.question}
        for name, attribute in ATTRIBUTES.items()
    }
    properties["summary"] = {
        "type": "string",
        "minLength": 1,
        "maxLength": MAX_SUMMARY_CHARACTERS,
        "description": f"The tile's structure in one sentence of at most {MAX_SUMMARY_WORDS} words.",
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Semantic anchor",
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def review_form() -> list[dict[str, Any]]:
    """What a person's form needs: per attribute its name, label, question and choices as [value, label]."""
    return [
        {
            "name": attribute.name,
            "label": attribute.label,
            "question": attribute.question,
            "choices": [[value, value.replace("_", " ")] for value in attribute.values],
        }
        for attribute in ATTRIBUTES.values()
    ]


def anchor_text(anchor: Anchor) -> str:
    """The text a text encoder is given: `attribute=value` tokens in the schema's order, then the summary."""
    return " ".join(f"{name}={anchor.attributes[name]}" for name in ATTRIBUTES) + ". " + anchor.summary


def _check_value(attribute: Attribute, value: object) -> str:
    if value is None:
        raise AnchorError(f"{attribute.name} is missing: give one of {', '.join(attribute.values)}", attribute.name)
    if not isinstance(value, str) or value not in attribute.values:
        shown = repr(value)[:40]
        choices = ", ".join(attribute.values)
        raise AnchorError(f"{attribute.name} can't be {shown}: choose one of {choices}", attribute.name)
    return value


def _check_summary(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise AnchorError("summary is missing: one sentence about the tile's structure", "summary")
    if any(unicodedata.category(character) in ("Cc", "Cs", "Co", "Cn") for character in value):
        raise AnchorError("summary holds control characters: use plain text in one line", "summary")
    words = len(value.split())
    if words > MAX_SUMMARY_WORDS:
        raise AnchorError(f"summary has {words} words: use at most {MAX_SUMMARY_WORDS}", "summary")
    if len(value) > MAX_SUMMARY_CHARACTERS:
        raise AnchorError(f"summary has {len(value)} characters: use at most {MAX_SUMMARY_CHARACTERS}", "summary")
    return value
