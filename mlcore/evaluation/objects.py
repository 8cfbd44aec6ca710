"""Scores change candidates against known edits: which are true, per kind, and how good the top of the queue is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from mlcore.changes.candidate import Candidate
from mlcore.errors import InvalidInputError
from mlcore.geometry.webmercator import lonlat_to_mercator
from mlcore.synthetic.edits import EditKind, SimulatedEdit

KINDS: tuple[EditKind, ...] = ("add", "remove", "modify")
LEAST_IOU = 0.5


@dataclass(frozen=True)
class ObjectScore:
    """Precision and recall of one kind.

    Attributes:
        candidates, true, edits: candidates counted, those that are right, and edits there were.
        boundary_m: mean distance of the outlines of right candidates to the true ones; nan where there is none.
    """

    candidates: int
    true: int
    edits: int
    boundary_m: float

    @property
    def precision(self) -> float:
        return self.true / self.candidates if self.candidates else 0.0

    @property
    def recall(self) -> float:
        return self.true / self.edits if self.edits else 0.0

    @property
    def f1(self) -> float:
        total = self.candidates + self.edits
        return 2 * self.true / total if total else 0.0


def match_candidates(
    candidates: Sequence[Candidate], edits: Sequence[SimulatedEdit], least_iou: float = LEAST_IOU
) -> list[int | None]:
    """Which edit each candidate puts right; None for a false candidate.

    A candidate is right when it is of the edit's kind ("shifted" is a modify), names the same footprint where it names
    one, and its shape overlaps the true one by at least `least_iou` (for remove, the invented one). The surest
    candidates choose first, and an edit is put right once.
    """
    if not 0 < least_iou <= 1:
        raise InvalidInputError("least_iou must be in (0, 1]; 0.5 is usual")
    found: list[int | None] = [None] * len(candidates)
    if not edits:
        return found
    tree = shapely.STRtree([edit.geometry for edit in edits])
    free = set(range(len(edits)))
    for place in sorted(range(len(candidates)), key=lambda i: -candidates[i].confidence):
        candidate = candidates[place]
        near = [int(i) for i in tree.query(candidate.geometry) if int(i) in free]
        options = [(overlap(candidate.geometry, edits[i].geometry), i) for i in near if _same_task(candidate, edits[i])]
        best = max(options, default=(0.0, -1))
        if best[0] >= least_iou:
            found[place] = best[1]
            free.discard(best[1])
    return found


def score_objects(
    candidates: Sequence[Candidate], edits: Sequence[SimulatedEdit], *, least_confidence: float = 0.5
) -> dict[str, ObjectScore]:
    """Precision and recall of every kind among candidates of at least `least_confidence`."""
    kept = [candidate for candidate in candidates if candidate.confidence >= least_confidence]
    matches = match_candidates(kept, edits)
    scores: dict[str, ObjectScore] = {}
    for kind in KINDS:
        of_kind = [(c, m) for c, m in zip(kept, matches, strict=True) if kind_of(c) == kind]
        right = [(c, edits[m]) for c, m in of_kind if m is not None]
        distances = [boundary_distance_m(candidate.geometry, edit.geometry) for candidate, edit in right]
        scores[kind] = ObjectScore(
            len(of_kind),
            len(right),
            sum(edit.kind == kind for edit in edits),
            float(np.mean(distances)) if distances else float("nan"),
        )
    return scores


def first_true(candidates: Sequence[Candidate], edits: Sequence[SimulatedEdit], count: int) -> int:
    """How many of the `count` surest candidates are right."""
    return sum(match is not None for match in match_candidates(surest(candidates, count), edits))


def surest(candidates: Sequence[Candidate], count: int) -> list[Candidate]:
    """The top of the queue."""
    return sorted(candidates, key=lambda one: -one.confidence)[:count]


def kind_of(candidate: Candidate) -> EditKind:
    """The kind of edit a candidate asks for."""
    return "modify" if candidate.kind == "shifted" else candidate.kind


def overlap(first: BaseGeometry, second: BaseGeometry) -> float:
    """Intersection over union; both in degrees of one place, so that the ratio is that of ground areas."""
    union = first.union(second).area
    return float(first.intersection(second).area / union) if union > 0 else 0.0


def boundary_distance_m(first: BaseGeometry, second: BaseGeometry) -> float:
    """Mean distance between two outlines, both ways, in metres on the ground (geometry in degrees)."""
    scale = float(np.cos(np.radians(second.centroid.y)))
    lines = [shapely.transform(shape, lonlat_to_mercator).boundary for shape in (first, second)]
    means = []
    for one, other in (lines, lines[::-1]):
        steps = np.linspace(0, 1, max(8, int(one.length)), endpoint=False)
        means.append(shapely.distance(shapely.line_interpolate_point(one, steps, normalized=True), other).mean())
    return float(np.mean(means) * scale)


def _same_task(candidate: Candidate, edit: SimulatedEdit) -> bool:
    if kind_of(candidate) != edit.kind:
        return False
    return edit.kind == "add" or (candidate.osm_type, candidate.osm_id) == (edit.osm_type, edit.osm_id)
