"""The queue of candidates against simulated edits: how good its top is, and what it finds of each kind."""

from __future__ import annotations

from collections.abc import Sequence

from mlcore.changes.candidate import Candidate
from mlcore.evaluation.objects import (
    KINDS,
    LEAST_IOU,
    first_true,
    kind_of,
    match_candidates,
    overlap,
    score_objects,
    surest,
)
from mlcore.evaluation.readings import Readings, real_figures
from mlcore.synthetic.edits import SimulatedEdit

FIRST = 50
LIKELY = 0.5

EXPLANATION = (
    "The map itself is a little out of date, so some of the candidates that no simulated edit explains are true. "
    "`strict` counts every one of them as false. `known` leaves out the candidates that the same model also makes on "
    "the unedited map (same kind, IoU 0.5): nobody has said whether those are true. `read`, where the map was read by "
    "eye, counts a candidate as true that a simulated edit explains or a reader is sure of. None of them is the "
    "precision of the queue as it stands: that takes a person who looks at the candidates one by one."
)


def queue_figures(
    candidates: Sequence[Candidate],
    unedited: Sequence[Candidate],
    edits: Sequence[SimulatedEdit],
    readings: Readings | None = None,
) -> dict[str, float]:
    """Figures of one edition's queue.

    Args:
        candidates: on the edited map, any order.
        unedited: of the same model, on the map before the edits.
        edits: what was put into the map.
        readings: what was seen wrong with the unedited map.

    Returns:
        For `strict` and `known`: precision of the first 50, of all, and per kind at confidence 0.5; recall per kind at
        IoU 0.5, of candidates at confidence 0.5 and of all. Recall is the same for both. With readings, for `read` the
        precision of the first 50, and what `real_figures` says of the unedited map.
    """
    known = without_earlier(candidates, unedited)
    figures = {
        "edits": float(len(edits)),
        "candidates": float(len(candidates)),
        "candidates_also_on_the_unedited_map": float(len(candidates) - len(known)),
    }
    for name, kept in (("strict", candidates), ("known", known)):
        count = min(FIRST, len(kept))
        figures[f"{name}_precision_first{FIRST}"] = first_true(kept, edits, FIRST) / count if count else 0.0
        figures[f"{name}_precision"] = first_true(kept, edits, len(kept)) / len(kept) if kept else 0.0
        for kind, score in score_objects(kept, edits, least_confidence=LIKELY).items():
            figures[f"{name}_precision_{kind}"] = score.precision
    if readings is not None:
        first = surest(candidates, FIRST)
        matches = match_candidates(first, edits)
        true = sum(edit is not None or readings.confirms(one) for one, edit in zip(first, matches, strict=True))
        figures[f"read_precision_first{FIRST}"] = true / len(first) if first else 0.0
        figures |= real_figures(unedited, readings)
    likely = score_objects(candidates, edits, least_confidence=LIKELY)
    every = score_objects(candidates, edits, least_confidence=0.0)
    for kind in KINDS:
        figures[f"edits_{kind}"] = float(likely[kind].edits)
        figures[f"recall_{kind}"] = likely[kind].recall
        figures[f"recall_{kind}_any_confidence"] = every[kind].recall
        figures[f"f1_{kind}"] = likely[kind].f1
    return figures


def without_earlier(candidates: Sequence[Candidate], unedited: Sequence[Candidate]) -> list[Candidate]:
    """The candidates that were not made before: no earlier one of the same kind overlaps by IoU 0.5."""
    return [one for one in candidates if not any(_same(one, other) for other in unedited)]


def _same(one: Candidate, other: Candidate) -> bool:
    return (
        kind_of(one) == kind_of(other)
        and one.geometry.intersects(other.geometry)
        and overlap(one.geometry, other.geometry) >= LEAST_IOU
    )
