"""How often, and how much, a map is edited to teach on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlcore.changes.registration import region_shifts
from mlcore.evidence.picture import EvidenceReader
from mlcore.maps.index import MapIndex
from mlcore.region.calibrate import MOST_ROUNDS, Edition, drawn_on, edition_counts, make_editions
from tests.mlcore.changes.made_place import houses, tiles_of, write_perfect_evidence


@pytest.mark.parametrize(
    ("least_edits", "rounds"), [(0, 2), (5, 2), (10, 4), (1000, 2 * MOST_ROUNDS)], ids=["none", "met", "more", "most"]
)
def test_a_small_map_is_edited_more_often(tmp_path: Path, least_edits: int, rounds: int) -> None:
    features, tiles = houses(2, 2), tiles_of(2, 2)
    evidence = EvidenceReader(write_perfect_evidence(tmp_path / "e.tif", features, 2, 2), 19)
    index = MapIndex(features)

    editions = make_editions(
        index, evidence, tiles, region_shifts(evidence, index, tiles), rounds=2, share=3 / len(features), seed=1,
        least_edits=least_edits,
    )  # fmt: skip

    assert len(editions) == rounds
    assert sum(_labelled(edition) > 0 for edition in editions) == rounds


def test_the_rate_of_edits_is_counted_on_the_tiles_that_are_edited(tmp_path: Path) -> None:
    """Four far corners: between them lies more of the map than on them."""
    side, share = 6, 0.03
    features, everything = houses(side, side), tiles_of(side, side)
    corners = [everything[0], everything[side - 1], everything[-side], everything[-1]]
    evidence = EvidenceReader(write_perfect_evidence(tmp_path / "e.tif", features, side, side), 19)
    index = MapIndex(features)

    editions = make_editions(
        index, evidence, corners, region_shifts(evidence, index, corners), rounds=2, share=share, seed=1,
    )  # fmt: skip

    count = drawn_on(index, corners)
    assert 30 < count < len(features) / 4
    for edition, most in zip(editions, edition_counts(count, share=share, rounds=2, least_edits=0), strict=True):
        assert 0 < _labelled(edition) <= most.remove + most.reshape + most.shift
        assert _labelled(edition) <= 1.5 * share * 2 * count + 2


def _labelled(edition: Edition) -> int:
    """Invented and wrongly drawn footprints that were measured."""
    return sum(label > 0 for label in edition.footprint_labels)


def test_a_map_without_room_gets_as_many_edits_as_fit(tmp_path: Path) -> None:
    features, tiles = houses(1, 1)[:3], tiles_of(1, 1)
    evidence = EvidenceReader(write_perfect_evidence(tmp_path / "e.tif", features, 1, 1), 19)
    index = MapIndex(features)

    def editions(drawn: MapIndex) -> list[Edition]:
        return make_editions(
            drawn, evidence, tiles, region_shifts(evidence, drawn, tiles),
            rounds=2, share=0.2, seed=1, least_edits=100,
        )  # fmt: skip

    assert editions(index)
    assert editions(MapIndex()) == []
