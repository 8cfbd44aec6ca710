"""Candidates come back from their file as they were, and a damaged file says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
import shapely

from mlcore.changes.candidate import Candidate
from mlcore.errors import InvalidInputError
from mlcore.geometry.webmercator import TileAddress
from mlcore.region import candidate_files
from mlcore.region.candidate_files import read_candidates, renew_candidates, renewed_file, write_candidates

TILE = TileAddress(19, 386690, 220241)
SHAPE = shapely.box(85.5, 27.6, 85.501, 27.601)


def test_candidates_come_back_as_they_were(tmp_path: Path) -> None:
    told = [
        Candidate("add", SHAPE, None, None, TILE, 0.75, {"area_m2": 120.5, "counterfactual": "measured"}),
        Candidate("modify", SHAPE, "way", -3, TILE, 0.5, {"more_m2": 1 / 3}, "way/-3", shapely.box(0, 0, 1e-9, 1)),
        Candidate("remove", shapely.MultiPolygon([SHAPE]), None, None, TILE, 0.1, {}, "shape/é"),
    ]

    write_candidates(tmp_path / "candidates.jsonl", told)

    assert list(read_candidates(tmp_path / "candidates.jsonl")) == told


@pytest.mark.parametrize("line", ["", "no json", "[1]", '{"kind": "add"}', '{"geometry": {"wkb": "00"}}', '{"x": 1}'])
def test_a_damaged_file_is_refused_with_the_remedy(tmp_path: Path, line: str) -> None:
    (tmp_path / "candidates.jsonl").write_text(line + "\n", encoding="utf-8")

    with pytest.raises(InvalidInputError, match="scan the region again"):
        list(read_candidates(tmp_path / "candidates.jsonl"))


def test_a_missing_file_is_refused_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="scan the region again"):
        list(read_candidates(tmp_path / "candidates.jsonl"))


def on(tile: TileAddress, confidence: float) -> Candidate:
    return Candidate("add", SHAPE, None, None, tile, confidence)


EAST, FAR = TileAddress(19, 386691, 220241), TileAddress(19, 386692, 220241)


def test_renewed_tiles_take_the_place_of_what_the_list_says_of_them_and_the_order_holds(tmp_path: Path) -> None:
    path = tmp_path / "candidates.jsonl"
    write_candidates(path, [on(TILE, 0.9), on(EAST, 0.8), on(FAR, 0.5), on(TILE, 0.2)])
    before = path.read_bytes()

    renew_candidates(path, [TILE, EAST], [on(TILE, 0.6)])
    renew_candidates(path, [EAST], [on(EAST, 0.7), on(EAST, 0.3)])

    assert list(read_candidates(path)) == [on(EAST, 0.7), on(TILE, 0.6), on(FAR, 0.5), on(EAST, 0.3)]
    assert path.read_bytes() == before, "a few tiles cost no more than themselves"


def test_a_renewal_that_a_crash_cut_short_counts_for_nothing_and_the_next_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "candidates.jsonl"
    write_candidates(path, [on(TILE, 0.9)])
    renew_candidates(path, [TILE], [on(TILE, 0.6)])
    whole = renewed_file(path).read_bytes()
    renewed_file(path).write_bytes(whole + whole[: len(whole) // 2])

    assert list(read_candidates(path)) == [on(TILE, 0.6)]
    renew_candidates(path, [TILE], [on(TILE, 0.4)])
    assert list(read_candidates(path)) == [on(TILE, 0.4)]


def test_many_renewals_are_written_into_the_list_and_a_new_list_knows_none(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(candidate_files, "LEAST_RENEWED", 1000)
    path = tmp_path / "candidates.jsonl"
    write_candidates(path, [on(TILE, 0.9), on(FAR, 0.5)])

    for number in range(20):
        renew_candidates(path, [TILE], [on(TILE, number / 100)])
        assert list(read_candidates(path)) == [on(FAR, 0.5), on(TILE, number / 100)]
        assert not renewed_file(path).exists() or renewed_file(path).stat().st_size <= 1000

    write_candidates(path, [on(TILE, 0.9)])
    assert list(read_candidates(path)) == [on(TILE, 0.9)]
