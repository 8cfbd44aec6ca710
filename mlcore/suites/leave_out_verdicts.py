"""How sure suggestions are, and how many are right, on places left out: by classifiers that all other places taught.

The network of a measured place never saw it, and nothing of it is among what its classifier is taught on; the networks
of the teaching places, strangers there, may have learnt from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mlcore.changes.candidate import Candidate, non_maximum_suppression
from mlcore.changes.classifiers import ChangeClassifier
from mlcore.changes.diff import Measures, candidates_of
from mlcore.changes.verdicts import Verdicts
from mlcore.consistency.model import ConsistencyModel
from mlcore.consistency.pretraining import Place
from mlcore.evaluation.objects import KINDS, first_true, kind_of, match_candidates, surest
from mlcore.evaluation.readings import FIRST, Readings
from mlcore.evidence.many_places import nearest_tiles
from mlcore.evidence.model import EvidenceNetwork
from mlcore.geometry.webmercator import TileAddress
from mlcore.progress import Progress, SpanProgress
from mlcore.region.config import RegionConfig
from mlcore.region.general import TAUGHT_TILES
from mlcore.region.lessons import Lesson, lesson_of

EXACT = ("nacala", "austin", "massachusetts")
"""Places whose map was drawn from this very image, or fits it to a pixel."""
BINS = 10
SURE = 0.5


def lessons_of(
    places: Mapping[str, Place],
    networks: Mapping[str, EvidenceNetwork],
    consistency: ConsistencyModel,
    config: RegionConfig,
    folder: Path,
    seed: int,
    progress: Progress,
) -> dict[str, Lesson]:
    """Every place's map edited and measured by the network that was left without it."""
    lessons = {}
    folder.mkdir(parents=True, exist_ok=True)
    for number, (name, network) in enumerate(networks.items()):
        span = SpanProgress(progress, number / len(networks), (number + 1) / len(networks))
        lessons[name] = lesson_of(
            network, consistency, config, places[name].source, taught_tiles(places[name]),
            path=lesson_path(folder, name), seed=seed, exact=name in EXACT, progress=span,
        )  # fmt: skip
    return lessons


def lesson_path(folder: Path, name: str) -> Path:
    """Where the evidence of a place lies that `lessons_of` was measured on."""
    return folder / f"lesson-{name}.tif"


def taught_tiles(place: Place) -> list[TileAddress]:
    """The tiles of a place that a lesson is of."""
    return nearest_tiles(place.tiles, TAUGHT_TILES)


def verdict_figures(lesson: Lesson, classifier: ChangeClassifier, readings: Readings | None) -> dict[str, float]:
    """Suggestions for one place's edited maps, by what other places taught.

    A suggestion is right where it puts a simulated edit right, or where a reader is sure of it; without readings the
    errors that the real map has count as false, which makes all figures a little worse than they are.

    Returns:
        candidates, edits: of all editions. ece: expected calibration error, over ten bins. first40: share of right
        ones among the surest 40 of an edition, or among as many as there are edits, mean over editions.
        add_recall, remove_recall, modify_recall: of edits, found with a confidence of a half or more. With readings,
        real_first40: how many of the surest 40 of the map as it stands a reader is sure of.
    """
    verdicts = classifier.plain(lesson.usual)
    confidences: list[float] = []
    right: list[bool] = []
    first: list[float] = []
    found, edits = dict.fromkeys(KINDS, 0), dict.fromkeys(KINDS, 0)
    for edition in lesson.editions:
        candidates = suggested(verdicts, edition.measures)
        matches = match_candidates(candidates, edition.edits)
        confirmed = [readings is not None and readings.confirms(one) for one in candidates]
        confidences += [one.confidence for one in candidates]
        right += [match is not None or told for match, told in zip(matches, confirmed, strict=True)]
        count = min(FIRST, len(edition.edits))
        first.append(first_true(candidates, edition.edits, count) / count)
        for candidate, match in zip(candidates, matches, strict=True):
            found[kind_of(candidate)] += match is not None and candidate.confidence >= SURE
        for edit in edition.edits:
            edits[edit.kind] += 1
    figures = {
        "candidates": float(len(confidences)), "edits": float(sum(edits.values())),
        "ece": expected_calibration_error(np.array(confidences), np.array(right, bool)),
        "first40": float(np.mean(first)) if first else float("nan"),
        **{f"{kind}_recall": found[kind] / edits[kind] for kind in KINDS if edits[kind]},
    }  # fmt: skip
    if readings is not None:
        as_it_stands = [one for one in suggested(verdicts, lesson.base) if one.tile in readings.read]
        figures["real_first40"] = float(sum(readings.confirms(one) for one in surest(as_it_stands, FIRST)))
    return figures


def suggested(verdicts: Verdicts, measures: Sequence[Measures]) -> list[Candidate]:
    """All candidates of one edition of a map, one for a place."""
    return non_maximum_suppression([one for block in measures for one in candidates_of(block, lambda _: [verdicts])])


def expected_calibration_error(confidence: np.ndarray, right: np.ndarray) -> float:
    """Mean over suggestions of |mean confidence - share of right ones| of their bin (Guo et al. 2017, equation 3).

    Args:
        confidence: (N,) in 0..1; right: (N,) bool.

    Returns:
        0..1; nan without any suggestion.
    """
    if not len(confidence):
        return float("nan")
    of_bin = np.minimum((confidence * BINS).astype(int), BINS - 1)
    counts = np.bincount(of_bin, minlength=BINS)
    sums = np.bincount(of_bin, confidence - right, minlength=BINS)
    return float(np.abs(sums[counts > 0]).sum() / len(confidence))
