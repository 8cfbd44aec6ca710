"""A candidate is right when kind, footprint and shape fit one edit that no surer candidate has taken."""

from __future__ import annotations

import math

import pytest
import shapely
import shapely.affinity

from mlcore.changes.candidate import Candidate
from mlcore.errors import InvalidInputError
from mlcore.evaluation.main_job import score_main_job
from mlcore.evaluation.objects import boundary_distance_m, first_true, match_candidates, score_objects
from mlcore.synthetic.edits import SimulatedEdit
from tests.mlcore.changes.made_place import houses, tiles_of

SHAPES = [house.geometry for house in houses(2, 2)]
TILE = tiles_of(1, 1)[0]
METRE = 1 / 111_320


def added(shape: shapely.Polygon) -> SimulatedEdit:
    return SimulatedEdit("add", None, shape, "way", 1, "deleted")


def candidate(kind: str, shape: shapely.Polygon, confidence: float, osm_id: int | None = None) -> Candidate:
    return Candidate(kind, shape, None if osm_id is None else "way", osm_id, TILE, confidence)  # type: ignore[arg-type]


def test_an_addition_of_the_same_shape_is_right_and_one_elsewhere_is_not() -> None:
    edits = [added(SHAPES[0])]

    assert match_candidates([candidate("add", SHAPES[0], 0.9)], edits) == [0]
    assert match_candidates([candidate("add", SHAPES[1], 0.9)], edits) == [None]


def test_an_overlap_below_one_half_is_wrong() -> None:
    away = shapely.affinity.translate(SHAPES[0], 0, 5 * METRE)

    assert match_candidates([candidate("add", away, 0.9)], [added(SHAPES[0])]) == [None]


def test_an_edit_is_put_right_once_by_the_surest() -> None:
    twice = [candidate("add", SHAPES[0], 0.4), candidate("add", SHAPES[0], 0.8)]

    assert match_candidates(twice, [added(SHAPES[0])]) == [None, 0]


def test_the_kind_must_fit_and_shifted_is_a_modify() -> None:
    edits = [SimulatedEdit("modify", SHAPES[1], SHAPES[0], "way", 7, "shifted")]

    assert match_candidates([candidate("shifted", SHAPES[0], 0.9, 7)], edits) == [0]
    assert match_candidates([candidate("modify", SHAPES[0], 0.9, 7)], edits) == [0]
    assert match_candidates([candidate("add", SHAPES[0], 0.9)], edits) == [None]


def test_a_change_of_another_footprint_is_wrong() -> None:
    edits = [SimulatedEdit("remove", SHAPES[0], None, "way", 7, "invented")]

    assert match_candidates([candidate("remove", SHAPES[0], 0.9, 7)], edits) == [0]
    assert match_candidates([candidate("remove", SHAPES[0], 0.9, 8)], edits) == [None]


def test_precision_and_recall_are_per_kind_and_above_the_confidence_asked_for() -> None:
    edits = [added(shape) for shape in SHAPES[:4]]
    found = [candidate("add", SHAPES[0], 0.9), candidate("add", SHAPES[8], 0.8), candidate("add", SHAPES[1], 0.3)]

    scores = score_objects(found, edits)

    assert (scores["add"].precision, scores["add"].recall) == (0.5, 0.25)
    assert scores["add"].f1 == pytest.approx(1 / 3)
    assert scores["add"].boundary_m == pytest.approx(0, abs=1e-6)
    assert scores["remove"].precision == scores["remove"].recall == 0
    assert math.isnan(scores["remove"].boundary_m)


def test_only_the_first_of_the_queue_count() -> None:
    edits = [added(shape) for shape in SHAPES[:3]]
    found = [candidate("add", SHAPES[9], 0.95), *(candidate("add", shape, 0.5) for shape in SHAPES[:3])]

    assert first_true(found, edits, 1) == 0
    assert first_true(found, edits, 3) == 2
    assert first_true(found, edits, 40) == 3


def test_the_distance_of_outlines_is_in_metres_on_the_ground() -> None:
    square = shapely.box(85.52, 27.63, 85.52 + 40 * METRE / math.cos(math.radians(27.63)), 27.63 + 40 * METRE)
    larger = square.buffer(2 * METRE, join_style="mitre")

    assert boundary_distance_m(square, larger) == pytest.approx(2, abs=0.25)


def test_a_threshold_out_of_range_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="least_iou"):
        match_candidates([], [], 0.0)


def test_the_main_job_prints_prevalence_and_intervals_beside_its_figures() -> None:
    tiles = tiles_of(2, 2)
    edits = [added(SHAPES[0])]
    doubtful = dict.fromkeys(tiles, 0.9) | {tiles[0]: 0.1}

    figures = score_main_job(doubtful, [candidate("add", SHAPES[0], 0.9)], edits, others={"even": doubtful})

    assert figures["tile_auroc"] == figures["tile_auroc_even"] == 1
    assert figures["tile_auroc_low"] <= figures["tile_auroc"] <= figures["tile_auroc_high"]
    assert figures["prevalence"] == 0.25
    assert figures["first40_true"] == 1
