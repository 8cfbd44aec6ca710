"""What people decided about change candidates, and the map that follows from it."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import shapely
from shapely.geometry.base import BaseGeometry

from mlcore.changes.candidate import ChangeKind, same_place
from mlcore.errors import InvalidInputError
from mlcore.geometry.polygons import padded
from mlcore.geometry.webmercator import TileAddress
from mlcore.maps.features import MapFeature
from mlcore.maps.index import MapIndex
from mlcore.maps.labels import BUILDINGS

DecisionWord = Literal["accepted", "adjusted", "rejected"]
STILL_A_BUILDING = frozenset({"already_mapped", "wrong_shape", "temporary", "under_construction"})
"""Reasons that reject a suggestion, though the image may well show a building there."""
NEAR_M = 20.0  # further than a footprint is ever looked for
SEPARATE = "separate_building"
"""Reason that rejects a part of a building, since it is a building of its own."""


@dataclass(frozen=True)
class Decision:
    """One person's answer to one candidate.

    Attributes:
        kind: of the candidate.
        decision: accepted as proposed, accepted with an adjusted shape, or rejected.
        geometry: the proposed shape in degrees; for remove the shape as it stands.
        final_geometry: the shape that stands after the decision, of a rejected modify the one in the map; None where no
            building was added or left.
        osm_type, osm_id: the footprint it is about; None for add.
        tile: the tile that holds the centre of what differs.
        key: of the footprint; derived from `osm_type` and `osm_id` where these are given.
        reason: why it was rejected, a code of the queue; empty where none was given.
    """

    kind: ChangeKind
    decision: DecisionWord
    geometry: BaseGeometry
    final_geometry: BaseGeometry | None
    osm_type: str | None
    osm_id: int | None
    tile: TileAddress
    key: str | None = None
    reason: str = ""

    def __post_init__(self) -> None:
        if self.key is None and self.osm_type is not None and self.osm_id is not None:
            object.__setattr__(self, "key", f"{self.osm_type}/{self.osm_id}")
        if self.kind != "add" and self.key is None:
            raise InvalidInputError(f"a decided {self.kind} names its footprint: give osm_type and osm_id, or the key")
        if not all(shape.is_valid for shape in self.shapes):
            raise InvalidInputError(f"a decided {self.kind} has a shape that crosses itself: repair it first")
        if self.accepted and self.kind != "remove" and self.final_geometry is None:
            raise InvalidInputError("an accepted change that leaves a building has the shape it left: final_geometry")

    @property
    def accepted(self) -> bool:
        return self.decision != "rejected"

    @property
    def shapes(self) -> list[BaseGeometry]:
        """The proposed and the final shape."""
        return [self.geometry] if self.final_geometry is None else [self.geometry, self.final_geometry]

    @property
    def seen(self) -> BaseGeometry | None:
        """A building that a person saw; None where there is none, or none that is drawn right."""
        if self.accepted:
            return None if self.kind == "remove" else self.final_geometry
        if self.kind == "add" or self.reason in STILL_A_BUILDING | {"not_a_building"}:
            return None
        return self.geometry if self.kind == "remove" else self.final_geometry

    @property
    def bare(self) -> BaseGeometry | None:
        """Ground on which a person saw no building."""
        if self.accepted:
            return self.geometry if self.kind == "remove" else None
        if self.kind == "modify" and self.reason == "not_a_building" and self.final_geometry is not None:
            return self.geometry.difference(self.final_geometry)  # the part that was to be added
        return self.geometry if self.kind == "add" and self.reason not in STILL_A_BUILDING else None

    @property
    def doubtful(self) -> BaseGeometry | None:
        """Where neither the map nor the suggestion is right, or nobody can say: nothing is learnt from these pixels."""
        lacking = not self.accepted and self.kind == "add" and self.reason in STILL_A_BUILDING
        if not self.accepted and self.reason == SEPARATE and self.final_geometry is not None:
            return self.geometry.difference(self.final_geometry)
        return self.geometry if lacking else None


def decided_index(index: MapIndex, decisions: Iterable[Decision]) -> MapIndex:
    """The map with every accepted edit in it; a later decision about a footprint goes before an earlier one.

    What a newer map holds already, or has no more, is left as it is there.
    """
    removed: set[str] = set()
    added: dict[str, MapFeature] = {}
    for number, decision in enumerate(decisions):
        if not decision.accepted:
            continue
        if decision.kind == "add":
            if decision.final_geometry is not None and not _stands(index, decision.final_geometry):
                feature = MapFeature("building", decision.final_geometry, {"building": "yes"})
                added[f"add {number}"] = feature
            continue
        present = footprint_of(index, decision)
        if present is None or decision.key is None:
            continue
        removed.add(decision.key)
        added.pop(decision.key, None)
        if decision.final_geometry is not None:
            added[decision.key] = replace(present, geometry=decision.final_geometry)
    return index.edited(remove=removed, add=added.values()) if removed or added else index


def footprint_of(index: MapIndex, decision: Decision) -> MapFeature | None:
    """The footprint that a decision is about, as the map has it; None where the map has it no more."""
    around = padded(shapely.union_all(decision.shapes).bounds, NEAR_M)
    return next((one for one in index.query(around, BUILDINGS) if one.key == decision.key), None)


def apart_from(decisions: Sequence[Decision], tiles: Collection[TileAddress], index: MapIndex) -> list[Decision]:
    """The decisions that touch none of `tiles`, by their own tile, their shapes or their footprint in the map.

    What is learnt from these says nothing about `tiles`: the models that will score them may learn from it.
    """
    kept_off = set(tiles)
    if not kept_off:
        return list(decisions)
    squares = shapely.STRtree([tile.polygon_lonlat for tile in kept_off])
    apart = []
    for decision in decisions:
        footprint = None if decision.kind == "add" else footprint_of(index, decision)
        shapes = decision.shapes + ([footprint.geometry] if footprint is not None else [])
        touching = any(len(squares.query(shape, predicate="intersects")) for shape in shapes)
        if decision.tile not in kept_off and not touching:
            apart.append(decision)
    return apart


def decisions_digest(decisions: Iterable[Decision]) -> str:
    """SHA-256 of the decisions in their order."""
    digest = hashlib.sha256()
    for one in decisions:
        final = "" if one.final_geometry is None else one.final_geometry.wkb_hex
        digest.update(
            f"{one.kind} {one.decision} {one.reason} {one.key} {one.tile} {one.geometry.wkb_hex} {final}\n".encode()
        )
    return digest.hexdigest()


def _stands(index: MapIndex, shape: BaseGeometry) -> bool:
    """Whether the map has a building there already."""
    return any(same_place(feature.geometry, shape) for feature in index.query(shape.bounds, BUILDINGS))
