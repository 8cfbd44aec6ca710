"""Reads what a model wrote; it is untrusted: an anchor that fits the schema comes out, or nothing.

Nothing in an answer is executed, followed or repaired: it is read as JSON, and every value must be in its vocabulary.
"""

from __future__ import annotations

import json
import re
from typing import Any

from mlcore.anchors.schema import (
    MAX_SUMMARY_CHARACTERS,
    MAX_SUMMARY_WORDS,
    Anchor,
    AnchorError,
    json_schema,
    parse_anchor,
)

MAX_ANSWER = 8000
SUMMARY_PATTERN = (
    r"^[A-Za-z][A-Za-z0-9,.;:'()/-]{0,19}( [A-Za-z0-9,.;:'()/-]{1,20}){0," + str(MAX_SUMMARY_WORDS - 1) + r"}$"
)
"""Words of plain text, at most 40: what a constrained model may write; a person's summary is freer."""
_FENCE = re.compile(r"\A```(?:json)?\s*\n(.*)\n\s*```\Z", re.DOTALL)


def read_answer(text: object) -> Anchor:
    """The anchor in a model's answer: one JSON object, at most inside one Markdown fence.

    Raises:
        AnchorError: what is wrong, in words that hold nothing of the answer but a short quoted name or value.
    """
    if not isinstance(text, str) or not text.strip():
        raise AnchorError("the answer is empty")
    if len(text) > MAX_ANSWER:
        raise AnchorError(f"the answer is longer than {MAX_ANSWER} characters")
    fenced = _FENCE.match(text.strip())
    try:
        found = json.loads(fenced.group(1) if fenced else text, object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise AnchorError("the answer is not one JSON object") from error
    return parse_anchor(found)


def constrained_schema(*, pattern: bool = True, lengths: bool = True) -> dict[str, Any]:
    """The schema for constrained decoding; servers that know neither patterns nor lengths get it without them."""
    schema = json_schema()
    schema.pop("$schema")
    summary = schema["properties"]["summary"]
    if pattern:
        summary["pattern"] = SUMMARY_PATTERN
    if not lengths:
        del summary["minLength"], summary["maxLength"]
    return schema


def longest_answer() -> int:
    """Bytes of the longest answer the constrained schema allows; no model needs more tokens than that."""
    properties = json_schema()["properties"]
    values = {name: max(map(len, one["enum"])) for name, one in properties.items() if "enum" in one}
    return sum(len(name) + size + 6 for name, size in values.items()) + MAX_SUMMARY_CHARACTERS + len("summary") + 8


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names are unique: the second of two equal names could hide the first."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is given twice")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
