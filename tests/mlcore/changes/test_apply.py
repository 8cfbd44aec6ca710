"""What is left of the largest difference once an edit is in the map: a quick estimate that equals the full measure."""

from __future__ import annotations

import pytest

from mlcore.changes.apply import TileEdits, apply_edit
from mlcore.changes.candidate import Candidate
from mlcore.changes.diff import measure_block
from mlcore.changes.moves import MapMoves
from mlcore.correspondences.dense.shift import Shift
from mlcore.evidence.picture import EvidenceReader
from mlcore.maps.index import MapIndex
from tests.mlcore.changes.made_place import CORNER, houses, tiles_of, write_perfect_evidence

COLUMNS, ROWS = 2, 2
HOUSES = houses(COLUMNS, ROWS)
TILE = tiles_of(COLUMNS, ROWS)[0]
INSIDE = next(house for house in HOUSES if TILE.polygon_lonlat.contains(house.geometry))


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> EvidenceReader:
    path = tmp_path_factory.mktemp("evidence") / "evidence.tif"
    return EvidenceReader(write_perfect_evidence(path, HOUSES, COLUMNS, ROWS), CORNER.z)


def about(kind: str) -> Candidate:
    key = None if kind == "add" else INSIDE.key
    return Candidate(kind, INSIDE.geometry, INSIDE.osm_type, INSIDE.osm_id, TILE, 0.9, {}, key)


@pytest.mark.parametrize("kind", ["add", "remove", "modify"])
@pytest.mark.parametrize("shift", [Shift(0.0, 0.0, 1.0), Shift(2.0, -3.0, 1.0)])
def test_the_estimate_equals_the_measure_of_the_edited_map(evidence: EvidenceReader, kind: str, shift: Shift) -> None:
    index = MapIndex([house for house in HOUSES if kind != "add" or house is not INSIDE])
    edited = apply_edit(index, about(kind))

    moves = MapMoves({TILE: shift})
    measured = measure_block(evidence, edited, TILE, [TILE], moves).largest[TILE]

    assert TileEdits(evidence, index, TILE, moves).largest_after(about(kind)) == pytest.approx(measured, abs=0.02)


def test_an_edit_that_mends_the_map_takes_the_difference_away_and_a_wrong_one_makes_one(
    evidence: EvidenceReader,
) -> None:
    still = MapMoves({})
    lacking = MapIndex([house for house in HOUSES if house is not INSIDE])
    before = measure_block(evidence, lacking, TILE, [TILE], still).largest[TILE]

    assert before > 0.8
    assert TileEdits(evidence, lacking, TILE, still).largest_after(about("add")) < 0.3
    assert TileEdits(evidence, MapIndex(HOUSES), TILE, still).largest_after(about("remove")) > 0.8
