"""One suspected change of a building, and which of several about one place stay."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Literal

import shapely
from shapely.geometry.base import BaseGeometry

from mlcore.changes.polygons import iou
from mlcore.geometry.webmercator import TileAddress

ChangeKind = Literal["add", "remove", "modify", "shifted"]
SAME_PLACE_SHARE = 0.3
APART_CONFIDENCE, APART_SHARE = 0.5, 0.5
"""Attached houses that run together in the evidence are several where two or more are each likelier than not, none is
most of the ground, and together they are."""


@dataclass(frozen=True)
class Candidate:
    """One suspected building change.

    Attributes:
        kind: what an editor would do; "shifted" is a modify that keeps the shape.
        geometry: the proposed shape in degrees; for remove the shape as it stands.
        osm_type, osm_id: the footprint it is about; None for add.
        tile: the tile that holds the centre of what differs.
        confidence: calibrated probability that the edit is right, 0..1; of what stands on bare ground, that it is
            missing from the map, as a building of its own or as a part of one.
        evidence: figures behind it.
        part: of a modify that adds a part to a building, that part alone, in degrees.
    """

    kind: ChangeKind
    geometry: BaseGeometry
    osm_type: str | None
    osm_id: int | None
    tile: TileAddress
    confidence: float
    evidence: dict[str, float | str] = field(default_factory=dict)
    key: str | None = None
    part: BaseGeometry | None = None

    @property
    def changed_m2(self) -> float:
        """How much of the ground it is about: of a part that is added to a building, the part alone."""
        return float(self.evidence["more_m2" if "more_m2" in self.evidence else "area_m2"])

    @property
    def differs_on(self) -> BaseGeometry:
        """The shape that image and map disagree about: of a part that is added to a building, the part alone."""
        return self.geometry if self.part is None else self.part


def non_maximum_suppression(candidates: Collection[Candidate]) -> list[Candidate]:
    """Drop what a surer candidate leaves no room for; surest first.

    That is a second edit of one footprint, and a building where another is proposed already; but a building that falls
    apart into several gives way to them. Holds within a block of tiles as over its borders: what lies there is measured
    with either block.
    """
    ordered = _apart(sorted(candidates, key=lambda one: -one.confidence))
    tree = shapely.STRtree([one.geometry for one in ordered])
    dropped, keys = [False] * len(ordered), set[str]()
    for number, candidate in enumerate(ordered):
        if candidate.key is not None and candidate.key in keys:
            dropped[number] = True
        if dropped[number]:
            continue
        if candidate.key is not None:
            keys.add(candidate.key)
        for other in tree.query(candidate.geometry):
            if other > number and _clash(candidate, ordered[other]):
                dropped[other] = True
    return [one for one, gone in zip(ordered, dropped, strict=True) if not gone]


def _apart(ordered: list[Candidate]) -> list[Candidate]:
    """Without new buildings that are several."""
    new = [one for one in ordered if one.kind == "add"]
    likely = [one for one in new if one.confidence >= APART_CONFIDENCE]
    tree = shapely.STRtree([one.geometry for one in likely])
    several = {id(one) for one in new if _several(one, [likely[i] for i in sorted(tree.query(one.geometry))])}
    return [one for one in ordered if id(one) not in several]


def _several(whole: Candidate, near: list[Candidate]) -> bool:
    """Whether some of `near`, the surest first, are the buildings that a whole is of."""
    parts: list[BaseGeometry] = []
    for one in near:
        inside = one.geometry.intersection(whole.geometry).area > APART_SHARE * one.geometry.area
        some = inside and one.geometry.area < APART_SHARE * whole.geometry.area
        if some and not any(same_place(one.geometry, other) for other in parts):
            parts.append(one.geometry)
    ground = sum(part.intersection(whole.geometry).area for part in parts)
    return len(parts) > 1 and ground >= APART_SHARE * whole.geometry.area


def _clash(one: Candidate, other: Candidate) -> bool:
    if "remove" in (one.kind, other.kind) or not one.geometry.intersects(other.geometry):
        return False
    return same_place(one.geometry, other.geometry)


def same_place(first: BaseGeometry, second: BaseGeometry) -> bool:
    """Whether two shapes leave no room for each other: both cover a good part of the smaller one."""
    least = min(first.area, second.area)
    return least > 0 and first.intersection(second).area / least > SAME_PLACE_SHARE


def same_shape(first: BaseGeometry, second: BaseGeometry, least: float = 0.5) -> bool:
    """Whether two shapes in degrees are one object: intersection over union of at least `least`."""
    return first.intersects(second) and iou(first, second) >= least
