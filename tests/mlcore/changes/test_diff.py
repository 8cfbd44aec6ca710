"""On perfect evidence, what was put into the map is found again, and what is right is left alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import shapely.affinity
from shapely import box

from mlcore.changes.candidate import Candidate, non_maximum_suppression
from mlcore.changes.classifiers import ChangeClassifier
from mlcore.changes.diff import candidates_of, iter_measures
from mlcore.changes.polygons import iou
from mlcore.changes.registration import region_shifts
from mlcore.correspondences.dense.region_offset import region_offset
from mlcore.evaluation.objects import score_objects
from mlcore.evidence.picture import EvidenceReader
from mlcore.maps.features import MapFeature
from mlcore.maps.index import MapIndex
from mlcore.region.calibrate import fit_classifiers, make_editions
from mlcore.synthetic.edits import EditCounts, simulate_edits
from tests.mlcore.changes.made_place import CORNER, houses, tiles_of, write_perfect_evidence

pytestmark = pytest.mark.xdist_group("diff")  # what it shares is made once

COLUMNS, ROWS = 4, 3


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> EvidenceReader:
    path = write_perfect_evidence(tmp_path_factory.mktemp("evidence") / "e.tif", houses(COLUMNS, ROWS), COLUMNS, ROWS)
    return EvidenceReader(path, 19)


@pytest.fixture(scope="module")
def classifier(evidence: EvidenceReader) -> ChangeClassifier:
    """Taught on simulated edits of the same place, other seeds."""
    tiles, index = tiles_of(COLUMNS, ROWS), MapIndex(houses(COLUMNS, ROWS))
    shifts = region_shifts(evidence, index, tiles)
    editions = make_editions(index, evidence, tiles, shifts, rounds=4, share=0.06, seed=9)
    return fit_classifiers(editions, dict.fromkeys(tiles, 0), 2, 0)[1]


def candidates(evidence: EvidenceReader, classifier: ChangeClassifier, index: MapIndex) -> list[Candidate]:
    tiles = tiles_of(COLUMNS, ROWS)
    shifts = region_shifts(evidence, index, tiles)
    return [c for m in iter_measures(evidence, index, tiles, shifts) for c in candidates_of(m, lambda _: [classifier])]


def test_edits_of_the_map_are_found_again(evidence: EvidenceReader, classifier: ChangeClassifier) -> None:
    edited = simulate_edits(houses(COLUMNS, ROWS), counts=EditCounts(4, 4, 2, 2), tiles=tiles_of(COLUMNS, ROWS), seed=3)

    scores = score_objects(candidates(evidence, classifier, MapIndex(edited.features)), edited.edits)

    assert scores["add"].recall == 1
    assert scores["add"].boundary_m < 0.5
    assert scores["remove"].recall >= 0.75
    assert scores["modify"].recall >= 0.5
    assert min(score.precision for score in scores.values()) >= 0.75


def test_a_true_map_has_hardly_a_candidate(evidence: EvidenceReader, classifier: ChangeClassifier) -> None:
    found = candidates(evidence, classifier, MapIndex(houses(COLUMNS, ROWS)))

    assert sum(candidate.confidence >= 0.5 for candidate in found) <= 1


def moved_map(east_m: float, north_m: float, features: list[MapFeature]) -> list[MapFeature]:
    """The map with every footprint moved by metres on the ground."""
    _, south, _, north = tiles_of(1, 1)[0].bounds_lonlat
    degree_m = 111_320.0
    by = east_m / degree_m / np.cos(np.radians((south + north) / 2)), north_m / degree_m
    return [replace(one, geometry=shapely.affinity.translate(one.geometry, *by)) for one in features]


@pytest.mark.parametrize(("east_m", "north_m"), [(0.0, 1.8), (1.8, -1.7), (-2.9, 2.7)])
def test_a_map_that_is_off_as_a_whole_gives_one_offset_and_no_flood_of_candidates(
    evidence: EvidenceReader, classifier: ChangeClassifier, east_m: float, north_m: float
) -> None:
    tiles, index = tiles_of(COLUMNS, ROWS), MapIndex(moved_map(east_m, north_m, houses(COLUMNS, ROWS)))

    shifts = region_shifts(evidence, index, tiles)
    found = candidates(evidence, classifier, index)

    offset = region_offset(shifts.values(), evidence.window(tiles[0]).resolution_m)
    assert offset.notable
    assert (offset.east_m, offset.north_m) == (pytest.approx(-east_m, abs=0.1), pytest.approx(-north_m, abs=0.1))
    assert (offset.tiles, offset.of) == (len(tiles), len(tiles))
    assert sum(candidate.confidence >= 0.5 for candidate in found) <= 1


def test_suggestions_for_a_map_that_is_off_stay_in_the_maps_frame(
    evidence: EvidenceReader, classifier: ChangeClassifier
) -> None:
    edited = simulate_edits(houses(COLUMNS, ROWS), counts=EditCounts(0, 5, 0, 0), tiles=tiles_of(COLUMNS, ROWS), seed=6)
    truth = moved_map(1.8, -1.7, [MapFeature("building", edit.geometry, {}) for edit in edited.edits])

    found = candidates(evidence, classifier, MapIndex(moved_map(1.8, -1.7, edited.features)))

    sure = [one for one in found if one.kind == "add" and one.confidence >= 0.5]
    assert len(sure) == 5
    assert all(max(iou(one.geometry, true.geometry) for true in truth) > 0.75 for one in sure)
    for one in found:
        assert float(one.evidence["shift_east_m"]) == pytest.approx(-1.8, abs=0.15)
        assert float(one.evidence["shift_north_m"]) == pytest.approx(1.7, abs=0.15)
        assert float(one.evidence["shift_confidence"]) > 0.5


def test_evidence_of_candidates_is_complete(evidence: EvidenceReader, classifier: ChangeClassifier) -> None:
    edited = simulate_edits(houses(COLUMNS, ROWS), counts=EditCounts(2, 2, 1, 1), tiles=tiles_of(COLUMNS, ROWS), seed=4)

    found = candidates(evidence, classifier, MapIndex(edited.features))

    assert found
    for candidate in found:
        assert {"area_m2", "mean_evidence", "iou_with_map", "shift_m"} <= set(candidate.evidence)
        assert candidate.geometry.is_valid
        assert 0 <= candidate.confidence <= 1
        assert (candidate.osm_id is None) == (candidate.kind == "add")


def test_without_any_footprint_every_house_is_a_candidate_or_nothing_fails(
    evidence: EvidenceReader, classifier: ChangeClassifier
) -> None:
    found = candidates(evidence, classifier, MapIndex([]))

    assert all(candidate.kind == "add" for candidate in found)


@pytest.mark.parametrize(
    ("chances", "kept"),
    [
        ((0.98, 0.6, 0.7, 0.55), [2, 1, 3]),  # three houses in a row, seen as one
        ((0.98, 0.6, 0.7, 0.2), [2, 1, 3]),
        ((0.98, 0.6, 0.45, 0.45), [0]),  # one building, and a part that could be one
        ((0.4, 0.3, 0.3, 0.3), [0]),
    ],
)
def test_houses_in_a_row_that_are_each_likely_are_suggested_one_by_one(
    chances: tuple[float, ...], kept: list[int]
) -> None:
    row = [box(0.0, 0.0, 3e-4, 1e-4), *(box(1e-4 * number, 0.0, 1e-4 * (number + 1), 1e-4) for number in range(3))]
    found = [Candidate("add", shape, None, None, CORNER, chance) for shape, chance in zip(row, chances, strict=True)]
    gone = Candidate("remove", row[0], "way", 1, CORNER, 0.9, {}, "way/1")

    assert [one for one in non_maximum_suppression([*found, gone]) if one is not gone] == [found[i] for i in kept]


def test_a_house_with_a_shed_is_not_taken_apart() -> None:
    whole, most, shed = (box(0.0, 0.0, width * 1e-4, 1e-4) for width in (3.0, 2.4, 0.5))
    found = [Candidate("add", shape, None, None, CORNER, chance) for shape, chance in ((whole, 0.9), (most, 0.8))]
    found.append(Candidate("add", shapely.affinity.translate(shed, 2.45e-4), None, None, CORNER, 0.7))

    assert non_maximum_suppression(found) == found[:1]


def test_of_two_proposals_for_one_place_the_surer_stays(evidence: EvidenceReader) -> None:
    tile, shape = tiles_of(1, 1)[0], houses(1, 1)[0].geometry
    sure = Candidate("modify", shape, "way", 1, tile, 0.8, {}, "way/1")
    unsure = Candidate("add", shape, None, None, tile, 0.6)
    gone = Candidate("remove", shape, "way", 2, tile, 0.5, {}, "way/2")

    assert non_maximum_suppression([unsure, sure, gone]) == [sure, gone]
