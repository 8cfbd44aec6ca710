"""Candidates come back from their file as they were, and a damaged file says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
import shapely

from mlcore.changes.candidate import Candidate
from mlcore.errors import InvalidInputError
from mlcore.geometry.webmercator import TileAddress
from mlcore.region.candidate_files import read_candidates, write_candidates

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
