"""Offsets that are put into a map: drawn as told, measured against what was there before, and what they cause."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
import shapely.affinity

from mlcore.changes.candidate import Candidate
from mlcore.correspondences.dense.shift import Shift
from mlcore.evaluation.offsets import (
    Suggested,
    drawn_off,
    errors_m,
    fewer,
    offset_per_tile,
    one_offset,
    share_within,
    smooth_offset,
)
from mlcore.geometry.webmercator import tile_at
from mlcore.maps.features import MapFeature
from mlcore.maps.index import MapIndex

LON, LAT = 85.52, 27.63
TILE = tile_at(LON, LAT, 19)
HOUSE = MapFeature("building", shapely.box(LON, LAT, LON + 1e-4, LAT + 1e-4), {"building": "yes"}, "way", 1, 1)


def metres(offset, place=(LON, LAT)) -> float:
    return math.hypot(*offset(*place))


def test_offsets_are_as_long_as_asked_for_and_the_same_for_a_seed() -> None:
    lengths = [metres(offset_per_tile(1, 8, 19, 3), (LON + step / 1000, LAT)) for step in range(40)]
    smooth = [metres(smooth_offset(1, 8, 3), (LON + step / 1000, LAT)) for step in range(40)]

    assert metres(one_offset(4.0, 1)) == pytest.approx(4.0)
    assert one_offset(4.0, 1)(LON, LAT) == one_offset(4.0, 1)(0, 0) != one_offset(4.0, 2)(0, 0)
    assert 1 <= min(lengths) < 3 < 6 < max(lengths) <= 8
    assert 1 <= min(smooth) < max(smooth) <= 8
    assert np.abs(np.diff(smooth)).max() < 4.0


def test_a_shift_that_brings_the_map_back_has_no_error() -> None:
    offset, resolution_m = one_offset(4.0, 1), TILE.resolution_m()
    east, north = offset(LON, LAT)
    before = {TILE: Shift(2.0, 1.0, 0.9)}
    back = Shift(2.0 - east / resolution_m, 1.0 + north / resolution_m, 0.9)

    index = MapIndex([HOUSE])
    assert errors_m(index, before, {TILE: back}, offset)[TILE] == pytest.approx(0, abs=1e-6)
    assert errors_m(index, before, before, offset)[TILE] == pytest.approx(4.0, abs=1e-6)


def test_only_what_the_offset_causes_counts_as_its_own() -> None:
    offset = one_offset(6.0, 2)
    new = shapely.affinity.translate(HOUSE.geometry, 3e-4, 0)
    off = next(iter(drawn_off(MapIndex([MapFeature("building", new, {}, "way", 9, 1)]), offset))).geometry
    before = Suggested([Candidate("modify", HOUSE.geometry, "way", 1, TILE, 0.9, {}, "way/1"), add(new)])
    after = Suggested(
        [
            Candidate("shifted", HOUSE.geometry, "way", 1, TILE, 0.8, {}, "way/1"),
            Candidate("remove", HOUSE.geometry, "way", 1, TILE, 0.8, {}, "way/1"),
            add(off),
            add(shapely.affinity.translate(off, 0, 5e-4)),
        ],
        offset,
    )

    assert [one.kind for one in after.beyond(before)] == ["remove", "add"]


def add(shape: shapely.Polygon) -> Candidate:
    return Candidate("add", shape, None, None, TILE, 0.7, {})


def test_shares_have_intervals_over_blocks() -> None:
    share = share_within([0.1, 0.2, 0.9, 0.3], [0, 0, 1, 1], 0.5)
    assert (share.value, share.low, share.high) == (0.75, 0.5, 1.0)
    spared = fewer([0, 1], [0, 0, 0, 1, 1, 2, 2, 2], 3)
    assert spared.value == 0.75
    assert spared.low <= 0.75 <= spared.high
