"""Operations as JSON that is kept with an edit, and back without loss."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from annotation.edits.osmchange.elements import Element, Node, Operation, Relation, Way

KINDS: dict[str, type[Node] | type[Way] | type[Relation]] = {"node": Node, "way": Way, "relation": Relation}


def to_json(operations: Iterable[Operation]) -> list[dict[str, Any]]:
    """The operations with the time each was written at."""
    return [
        {
            "action": one.action,
            "kind": type(one.element).__name__.lower(),
            "element": asdict(one.element),
            "if_unused": one.if_unused,
            "timestamp": one.timestamp,
        }
        for one in operations
    ]


def from_json(kept: Iterable[dict[str, Any]]) -> list[Operation]:
    """The operations of `to_json`."""
    return [
        Operation(one["action"], _element(one["kind"], dict(one["element"])), one["if_unused"], one["timestamp"])
        for one in kept
    ]


def with_versions(kept: Iterable[dict[str, Any]], versions: Mapping[str, int]) -> list[dict[str, Any]]:
    """The same operations on elements at these versions, by key such as `way/12`; drawn ids stay as they are."""

    def told(one: dict[str, Any]) -> dict[str, Any]:
        element = one["element"]
        return {**element, "version": versions.get(f"{one['kind']}/{element['id']}", element["version"])}

    return [{**one, "element": told(one)} for one in kept]


def _element(kind: str, values: dict[str, Any]) -> Element:
    if "refs" in values:
        values["refs"] = tuple(values["refs"])
    if "members" in values:
        values["members"] = tuple((kind, ref, role) for kind, ref, role in values["members"])
    return KINDS[kind](**values)
