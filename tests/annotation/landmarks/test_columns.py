"""What a search is narrowed by, beside comparing one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.landmarks.engine import columns
from annotation.landmarks.engine.columns import Narrowed, RegionState


def rows_of(count: int, seed: int, first: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rows = np.full((columns.ROWS, count), np.nan)
    rows[columns.TILE] = first + rng.permutation(count)
    rows[columns.CAPTURED] = np.where(rng.random(count) < 0.8, rng.integers(0, 30, count), np.nan)
    rows[columns.SCORE] = np.where(rng.random(count) < 0.8, rng.random(count), np.nan)
    rows[columns.WEST], rows[columns.SOUTH] = rng.uniform(-1, 1, count), rng.uniform(-1, 1, count)
    rows[columns.EAST], rows[columns.NORTH] = rows[columns.WEST] + 0.1, rows[columns.SOUTH] + 0.1
    return rows


def fits(row: np.ndarray, narrowed: Narrowed) -> bool:
    if narrowed.bbox is not None:
        west, south, east, north = narrowed.bbox
        if row[columns.WEST] >= east or row[columns.EAST] <= west:
            return False
        if row[columns.SOUTH] >= north or row[columns.NORTH] <= south:
            return False
    if narrowed.score_min is not None and not row[columns.SCORE] >= narrowed.score_min:
        return False
    if narrowed.score_max is not None and not row[columns.SCORE] <= narrowed.score_max:
        return False
    return narrowed.days is None or narrowed.days[0] <= row[columns.CAPTURED] <= narrowed.days[1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("regions")
    for region in (1, 2, 3):
        columns.write_region(path, region, rows_of(60, region, 1000 * region), RegionState(region))
    return path


limits = st.none() | st.floats(0, 1)
boxes = st.none() | st.tuples(st.floats(-1, 0), st.floats(-1, 0), st.floats(0, 1), st.floats(0, 1))
spans = st.none() | st.tuples(st.integers(0, 15), st.integers(15, 30))


@given(boxes, limits, limits, spans, st.sets(st.sampled_from([1, 2, 3, 4])))
def test_just_those_tiles_are_left_that_fit(folder, bbox, low, high, days, regions):
    narrowed = Narrowed(bbox, low, high, days)
    expected = [
        int(row[columns.TILE])
        for region in regions
        for row in np.asarray(columns.read_region(folder, region)).T
        if fits(row, narrowed)
    ]
    assert columns.allowed_tiles(folder, sorted(regions), narrowed).tolist() == sorted(expected)


def test_a_file_that_was_replaced_is_read_anew(tmp_path):
    columns.write_region(tmp_path, 7, rows_of(5, 0), RegionState(1))
    assert len(columns.allowed_tiles(tmp_path, [7])) == 5
    columns.write_region(tmp_path, 7, rows_of(9, 1), RegionState(1, [1]))
    assert len(columns.allowed_tiles(tmp_path, [7])) == 9
    assert columns.read_state(tmp_path, 7) == RegionState(1, [1])
    columns.drop_region(tmp_path, 7)
    assert columns.read_state(tmp_path, 7) is None and not len(columns.allowed_tiles(tmp_path, [7]))


@given(st.floats(-1.5, 1.5), st.floats(-1.5, 1.5), st.integers(1, 80))
def test_the_nearest_are_the_nearest(folder, lon, lat, count):
    tiles, metres = columns.nearest_tiles(folder, [1, 2], Narrowed(), (lon, lat), count)
    every = np.concatenate([columns.distances_m(columns.read_region(folder, region), (lon, lat)) for region in (1, 2)])
    assert len(set(tiles.tolist())) == len(tiles) == min(count, 120)
    assert metres == pytest.approx(np.sort(every)[:count])
    _, near = columns.nearest_tiles(folder, [1, 2], Narrowed(), (lon, lat), count, 30_000.0)
    assert near == pytest.approx(metres[metres <= 30_000.0])


def test_across_the_antimeridian_it_is_not_far():
    rows = rows_of(1, 0)
    rows[[columns.WEST, columns.EAST, columns.SOUTH, columns.NORTH], 0] = 179.9, 180.0, -0.1, 0.1
    assert columns.distances_m(rows, (-179.9, 0.0))[0] == pytest.approx(0.1 * columns.METRES, rel=1e-6)
