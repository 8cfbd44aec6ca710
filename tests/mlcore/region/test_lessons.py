"""What looks like a building where an exact map shows none is an example of bare ground; elsewhere it is a suspect."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mlcore.changes.diff import iter_measures
from mlcore.changes.registration import region_shifts
from mlcore.evidence.picture import EvidenceReader
from mlcore.maps.index import MapIndex
from mlcore.region.calibrate import make_editions
from mlcore.region.lessons import Lesson, taught_by
from mlcore.suites.leave_out_verdicts import suggested
from tests.mlcore.changes.made_place import houses, tiles_of, write_perfect_evidence


@pytest.mark.slow
def test_what_an_exact_map_leaves_bare_is_suggested_with_less_confidence(tmp_path: Path) -> None:
    built, tiles = houses(4, 4), tiles_of(4, 4)
    drawn = MapIndex([one for number, one in enumerate(built) if number % 25])
    evidence = EvidenceReader(write_perfect_evidence(tmp_path / "e.tif", built, 4, 4), 19)
    shifts = region_shifts(evidence, drawn, tiles)
    editions = make_editions(drawn, evidence, tiles, shifts, rounds=6, share=0.1, seed=1)
    lesson = Lesson(editions, list(iter_measures(evidence, drawn, tiles, shifts)))

    doubted = _mean_of_added(lesson)
    exact = _mean_of_added(replace(lesson, exact=True))

    assert doubted > 0.9
    assert exact < doubted - 0.1


def _mean_of_added(lesson: Lesson) -> float:
    candidates = suggested(taught_by([lesson], seed=0), lesson.base)
    return float(np.mean([one.confidence for one in candidates if one.kind == "add"]))
