"""How often a map is edited to teach verdicts."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlcore.changes.diff import region_shifts
from mlcore.evidence.picture import EvidenceReader
from mlcore.maps.index import MapIndex
from mlcore.region.calibrate import MOST_ROUNDS, make_editions
from tests.mlcore.changes.made_place import houses, tiles_of, write_perfect_evidence


@pytest.mark.parametrize(
    ("least_edits", "rounds"), [(0, 2), (5, 2), (10, 4), (1000, 2 * MOST_ROUNDS)], ids=["none", "met", "more", "most"]
)
def test_a_small_map_is_edited_more_often(tmp_path: Path, least_edits: int, rounds: int) -> None:
    features, tiles = houses(2, 2), tiles_of(2, 2)
    evidence = EvidenceReader(write_perfect_evidence(tmp_path / "e.tif", features, 2, 2), 19)
    index = MapIndex(features)

    editions = make_editions(
        index, evidence, tiles, region_shifts(evidence, index, tiles), lambda _, some: dict.fromkeys(some, 0.0),
        rounds=2, share=3 / len(features), seed=1, least_edits=least_edits,
    )  # fmt: skip

    assert len(editions) == rounds
    assert sum(any(edition.changed.values()) for edition in editions) == rounds
