"""What people decided, as training uses it: a truer map, pixels that were looked at, and labels.

A decision is kept from the models of every fold whose tiles it touches, so that a tile is still scored only by models
that know nothing of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

import shapely
from shapely.geometry.base import BaseGeometry

from mlcore.changes.candidate import same_place, same_shape
from mlcore.changes.classifiers import FOOTPRINT_CLASSES, GROUND_CLASSES
from mlcore.changes.decisions import SEPARATE, STILL_A_BUILDING, Decision, apart_from, decided_index
from mlcore.changes.ground import GroundMeasure
from mlcore.changes.measure import FootprintMeasure
from mlcore.changes.polygons import mends
from mlcore.evidence.verified import ShapesByPlace, Verified
from mlcore.geometry.webmercator import TileAddress
from mlcore.pairs.source import PairSource

SAID_WEIGHT = 2.0
"""A decided candidate counts this many times what all simulated examples of one unchanged building count together."""


def verified(decisions: Sequence[Decision]) -> Verified:
    """The ground that people looked at when they decided."""
    sure = [shape for one in decisions for shape in (one.seen, one.bare) if shape is not None]
    return Verified(sure, [one.doubtful for one in decisions if one.doubtful is not None])


def fold_source(
    source: PairSource, decisions: Sequence[Decision], scored: Collection[TileAddress]
) -> tuple[PairSource, Verified | None]:
    """What the models that score `scored` learn from: the map with the decisions that touch none of these tiles."""
    if not decisions:
        return source, None
    known = apart_from(decisions, scored, source.index)
    return source.with_index(decided_index(source.index, known)), verified(known)


class Said:
    """People's answers as labels of what is measured on the unedited map."""

    def __init__(self, decisions: Sequence[Decision] = ()) -> None:
        self._by_key: dict[str, Decision] = {}
        for one in decisions:
            earlier = self._by_key.get(one.key or "")
            if one.kind != "add" and one.key and (one.accepted or earlier is None or not earlier.accepted):
                self._by_key[one.key] = one
        self._adds = [one for one in decisions if one.kind == "add"]
        self._places = ShapesByPlace([shapely.union_all(one.shapes) for one in self._adds])

    def __bool__(self) -> bool:
        return bool(self._by_key or self._adds)

    def holds(self, key: str | None) -> bool:
        """Whether a person decided about this footprint."""
        return key in self._by_key

    def covers(self, shape: BaseGeometry) -> bool:
        """Whether a person decided about a new building here."""
        return any(same_place(shape, self._places.shapes[i]) for i in self._places.near(shape))

    def footprint_label(self, measure: FootprintMeasure) -> int | None:
        """Class of a measured footprint as the person said it; None where nobody did, or the answer fits no more."""
        one = self._by_key.get(measure.feature.key)
        if one is None:
            return None
        if one.accepted and one.kind == "remove":
            return FOOTPRINT_CLASSES.index("remove")
        if one.accepted:
            right = one.final_geometry is not None and mends(measure.proposal, measure.current, one.final_geometry)
            return FOOTPRINT_CLASSES.index("modify") if right else None
        if one.reason == "wrong_shape" and not same_shape(measure.proposal, one.geometry):
            return None
        return 0

    def ground_label(self, ground: GroundMeasure) -> int | None:
        """Class of a thing on bare ground as people said it, 0 where they rejected it; None where nobody did."""
        labels = set()
        beside = ground.adjacent
        one = self._by_key.get(beside.feature.key) if beside is not None else None
        if beside is not None and one is not None and one.kind != "remove":
            final = one.final_geometry if one.accepted else None
            if final is not None and ground.leads_to(final) and mends(beside.extended, beside.current, final):
                labels.add(GROUND_CLASSES.index("extend"))
            elif not one.accepted and one.reason not in STILL_A_BUILDING and ground.leads_to(one.geometry):
                labels.add(GROUND_CLASSES.index("add") if one.reason == SEPARATE else 0)
        for i in self._places.near(ground.proposal):
            one = self._adds[i]
            if not one.accepted and same_place(ground.proposal, one.geometry):
                labels.add(0)
            if one.final_geometry is not None and same_shape(ground.proposal, one.final_geometry):
                labels.add(GROUND_CLASSES.index("add"))
        return max(labels) if labels else None


def decision_counts(decisions: Iterable[Decision]) -> dict[str, float]:
    """How many decisions of each sort were learnt from, as metrics of a model."""
    counts = Counter(one.decision for one in decisions)
    return {f"decisions/{word}": float(count) for word, count in sorted(counts.items())}
