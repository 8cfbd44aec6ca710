"""Many shifts in arrays are the shifts that were given, and are used like them."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest

from mlcore.correspondences.dense.neighbours import Known, shifts_in_use
from mlcore.correspondences.dense.shift import Shift, shift_by
from mlcore.correspondences.dense.table import KINDS, ShiftTable, key_of, tile_of
from mlcore.geometry.transform import Transform
from mlcore.geometry.webmercator import TileAddress

CORNER = TileAddress(19, 386690, 220241)
AS_IT_IS = Transform("similarity", np.array([1.0, 0, 0, 0]), np.zeros((4, 4)))


def tile(number: int, wide: int = 20) -> TileAddress:
    return TileAddress(19, CORNER.x + number % wide, CORNER.y + number // wide)


def shift(rng: np.random.Generator, kind: str) -> Shift:
    """A proposal of this kind, of which some are too unsure to count."""
    moved = (
        Transform("shift", np.zeros(2), np.zeros((2, 2))) if kind == "shift" else AS_IT_IS.as_kind(kind)  # type: ignore[arg-type]
    )
    count = len(moved.parameters)
    root = rng.normal(size=(count, count)) * 1e-2
    parameters = moved.parameters + rng.normal(size=count) * 1e-4
    return shift_by(Transform(moved.kind, parameters, root @ root.T), float(rng.uniform(0.1, 0.6)), "matched")


def proposals(count: int, kind: str = "") -> Iterator[tuple[TileAddress, Shift]]:
    rng = np.random.default_rng(3)
    for number in rng.permutation(count):
        yield tile(int(number)), shift(rng, kind or KINDS[number % len(KINDS)])


@pytest.mark.parametrize("zoom", [0, 14, 19, 22, 23])
def test_every_tile_has_a_key_of_its_own(zoom: int) -> None:
    last = TileAddress(zoom, 2**zoom - 1, 2**zoom - 1)
    assert tile_of(key_of(last)) == last and np.int64(key_of(last)) == key_of(last)
    assert key_of(TileAddress(zoom, 0, 0)) <= key_of(last) < key_of(TileAddress(zoom + 1, 0, 0))


def test_what_is_read_is_what_was_given() -> None:
    given = dict(proposals(200))
    table = ShiftTable(proposals(200))
    assert len(table) == 200 and set(table) == set(given) and list(table) == sorted(given)
    for one, told in table.items():
        mine = given[one]
        assert (told.dx_px, told.dy_px, told.confidence, told.origin) == (
            mine.dx_px, mine.dy_px, mine.confidence, mine.origin,
        )  # fmt: skip
        assert (told.transform is None) == (mine.transform is None)
        if told.transform is not None and mine.transform is not None:
            assert told.transform.kind == mine.transform.kind
            assert np.array_equal(told.transform.parameters, mine.transform.parameters)
            assert np.allclose(told.transform.covariance, mine.transform.covariance, rtol=1e-6, atol=1e-12)
    assert TileAddress(19, 0, 0) not in table and TileAddress(18, CORNER.x // 2, CORNER.y // 2) not in table
    assert len(ShiftTable()) == 0 and tile(0) not in ShiftTable()


def test_of_several_proposals_of_a_tile_the_surest_counts_and_of_these_the_first() -> None:
    told = [Shift(1.0, 0, 0.4), Shift(2.0, 0, 0.6), Shift(3.0, 0, 0.6), Shift(4.0, 0, 0.5)]
    table = ShiftTable([(tile(1), Shift(9.0, 0, 0.9)), *((tile(0), one) for one in told)])
    assert table == {tile(0): told[1], tile(1): Shift(9.0, 0, 0.9)}


def test_a_table_is_used_as_the_same_shifts_one_by_one_are() -> None:
    rng = np.random.default_rng(5)
    measured = {
        tile(n): Shift(float(rng.normal()), float(rng.normal()), float(rng.uniform())) for n in range(0, 200, 2)
    }
    verified = {tile(n): Shift(5.0, 5.0, 0.99, "verified") for n in (3, 4, 160)}
    given = {one: Shift(told.dx_px, told.dy_px, told.confidence, "matched") for one, told in proposals(200)}
    used = shifts_in_use(measured, Known(verified, given))
    assert used == shifts_in_use(measured, Known(verified, ShiftTable(given.items())))
    assert {one.origin for one in used.values()} >= {"verified", "matched", "measured", "neighbours"}
    far = {TileAddress(19, 0, 0): Shift(0.0, 0.0, 0.0)}
    (region,) = shifts_in_use(far, Known({}, ShiftTable(given.items()))).values()
    assert region.origin == "region" and abs(region.dx_px) < 0.1


@pytest.mark.parametrize(("kind", "most"), [("shift", 60), ("similarity", 150), ("affine", 200), ("homography", 280)])
def test_a_table_takes_few_bytes_a_tile_and_using_it_no_more(kind: str, most: int) -> None:
    count = 20_000
    shared = list(proposals(100, kind))
    told = ((tile(number), shared[number % 100][1]) for number in range(count))
    tracemalloc.start()
    table = ShiftTable(told)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    shifts_in_use({tile(1): Shift(0.0, 0.0, 0.0)}, Known({}, table))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < most * count and peak - held < 100 * count
