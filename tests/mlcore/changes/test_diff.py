"""On perfect evidence, what was put into the map is found again, and what is right is left alone."""

from __future__ import annotations

import numpy as np
import pytest
import shapely.affinity

from mlcore.changes.diff import Candidate, candidates_of, iter_measures, region_shifts, resolve
from mlcore.changes.evidence import EvidenceReader
from mlcore.changes.verdicts import Judge
from mlcore.evaluation.objects import score_objects
from mlcore.synthetic.edits import EditCounts, simulate_edits
from mlcore.tiles.index import MapIndex
from mlcore.training.calibrate import fit_judges, make_editions
from tests.mlcore.changes.made_place import houses, tiles_of, write_perfect_evidence

COLUMNS, ROWS = 4, 3


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> EvidenceReader:
    path = write_perfect_evidence(tmp_path_factory.mktemp("evidence") / "e.tif", houses(COLUMNS, ROWS), COLUMNS, ROWS)
    return EvidenceReader(path, 19)


@pytest.fixture(scope="module")
def judge(evidence: EvidenceReader) -> Judge:
    """Taught on simulated edits of the same place, other seeds."""
    tiles, index = tiles_of(COLUMNS, ROWS), MapIndex(houses(COLUMNS, ROWS))
    shifts = region_shifts(evidence, index, tiles)
    editions = make_editions(
        index, evidence, tiles, shifts, lambda _, some: dict.fromkeys(some, 0.0), rounds=4, share=0.06, seed=9
    )
    return fit_judges(editions, dict.fromkeys(tiles, 0), 2, 0)[1]


def candidates(evidence: EvidenceReader, judge: Judge, index: MapIndex) -> list[Candidate]:
    tiles = tiles_of(COLUMNS, ROWS)
    shifts = region_shifts(evidence, index, tiles)
    return [c for m in iter_measures(evidence, index, tiles, shifts) for c in candidates_of(m, lambda _: [judge])]


def test_edits_of_the_map_are_found_again(evidence: EvidenceReader, judge: Judge) -> None:
    edited = simulate_edits(houses(COLUMNS, ROWS), counts=EditCounts(4, 4, 2, 2), tiles=tiles_of(COLUMNS, ROWS), seed=3)

    scores = score_objects(candidates(evidence, judge, MapIndex(edited.features)), edited.edits)

    assert scores["add"].recall == 1
    assert scores["add"].boundary_m < 0.5
    assert scores["remove"].recall >= 0.75
    assert scores["modify"].recall >= 0.5
    assert min(score.precision for score in scores.values()) >= 0.75


def test_a_true_map_has_hardly_a_candidate(evidence: EvidenceReader, judge: Judge) -> None:
    found = candidates(evidence, judge, MapIndex(houses(COLUMNS, ROWS)))

    assert sum(candidate.confidence >= 0.5 for candidate in found) <= 1


def test_a_map_that_is_off_as_a_whole_is_registered_first(evidence: EvidenceReader, judge: Judge) -> None:
    off = 1.8 / 111_320  # degrees north, 1.8 m on the ground
    moved = [
        type(f)(f.kind, shapely.affinity.translate(f.geometry, 0, off), f.tags, f.osm_type, f.osm_id, f.version)
        for f in houses(COLUMNS, ROWS)
    ]
    tiles, index = tiles_of(COLUMNS, ROWS), MapIndex(moved)

    shifts = region_shifts(evidence, index, tiles)
    found = candidates(evidence, judge, index)

    metres = [shift.dy_px * 0.2646 for shift in shifts.values()]
    assert np.median(metres) == pytest.approx(1.8, abs=0.15)
    assert sum(candidate.confidence >= 0.5 for candidate in found) <= 1


def test_evidence_of_candidates_is_complete(evidence: EvidenceReader, judge: Judge) -> None:
    edited = simulate_edits(houses(COLUMNS, ROWS), counts=EditCounts(2, 2, 1, 1), tiles=tiles_of(COLUMNS, ROWS), seed=4)

    found = candidates(evidence, judge, MapIndex(edited.features))

    assert found
    for candidate in found:
        assert {"area_m2", "mean_evidence", "iou_with_map", "shift_m"} <= set(candidate.evidence)
        assert candidate.geometry.is_valid
        assert 0 <= candidate.confidence <= 1
        assert (candidate.osm_id is None) == (candidate.kind == "add")


def test_without_any_footprint_every_house_is_a_candidate_or_nothing_fails(
    evidence: EvidenceReader, judge: Judge
) -> None:
    found = candidates(evidence, judge, MapIndex([]))

    assert all(candidate.kind == "add" for candidate in found)


def test_of_two_proposals_for_one_place_the_surer_stays(evidence: EvidenceReader) -> None:
    tile, shape = tiles_of(1, 1)[0], houses(1, 1)[0].geometry
    sure = Candidate("modify", shape, "way", 1, tile, 0.8, {}, "way/1")
    unsure = Candidate("add", shape, None, None, tile, 0.6)
    gone = Candidate("remove", shape, "way", 2, tile, 0.5, {}, "way/2")

    assert resolve([unsure, sure, gone]) == [sure, gone]
