"""The shift between map and evidence is found to a fraction of a pixel, and not invented where nothing shows it."""

import numpy as np
import pytest
import scipy.ndimage

from mlcore.changes.region_offset import region_offset
from mlcore.changes.registration import NO_SHIFT, Shift, correlation, estimate_shift, median_shift, smooth_shifts
from mlcore.geometry.webmercator import TileAddress


def scene(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    mask = np.zeros((256, 256), bool)
    for _ in range(25):
        x, y = rng.integers(20, 220, 2)
        mask[y : y + rng.integers(8, 30), x : x + rng.integers(8, 30)] = True
    return mask


@pytest.mark.parametrize(("dx", "dy"), [(0, 0), (7, -4), (2.5, 3.25), (-11, 6), (15.1, 0.4)])
def test_a_shifted_map_is_brought_back(dx: float, dy: float) -> None:
    mask = scene()
    evidence = np.clip(scipy.ndimage.shift(mask.astype(np.float32), (dy, dx), order=1), 0, 1)

    found = estimate_shift(evidence, mask, np.ones_like(mask), 0.26)

    assert abs(found.dx_px - dx) < 0.25
    assert abs(found.dy_px - dy) < 0.25
    assert found.confidence > 0.8


def test_without_footprints_there_is_no_shift_and_no_confidence() -> None:
    empty = np.zeros((256, 256), bool)

    assert estimate_shift(scene().astype(np.float32), empty, ~empty, 0.26) == NO_SHIFT


def test_without_image_there_is_no_shift() -> None:
    mask = scene()

    assert estimate_shift(mask.astype(np.float32), mask, np.zeros_like(mask), 0.26).confidence == 0


def test_a_map_of_another_place_has_little_confidence() -> None:
    assert estimate_shift(scene(1).astype(np.float32), scene(2), np.ones((256, 256), bool), 0.26).confidence < 0.5


def test_one_wrong_tile_follows_its_neighbours() -> None:
    tiles = [TileAddress(19, 100 + x, 200 + y) for x in range(3) for y in range(3)]
    shifts = {tile: Shift(4.0, -2.0, 0.8) for tile in tiles}
    shifts[tiles[4]] = Shift(-15.0, 15.0, 0.35)

    smoothed = smooth_shifts(shifts)

    assert smoothed[tiles[4]].dx_px == pytest.approx(4.0)
    assert smoothed[tiles[4]].dy_px == pytest.approx(-2.0)


def test_no_confident_tile_means_no_shift() -> None:
    assert median_shift([]) == NO_SHIFT
    tile = TileAddress(19, 5, 5)
    assert smooth_shifts({tile: Shift(9.0, 9.0, 0.05)})[tile] == NO_SHIFT


def test_missing_image_does_not_pull_the_shift() -> None:
    mask = scene(3)
    evidence = scipy.ndimage.shift(mask.astype(np.float32), (5, -9), order=1)
    valid = np.ones_like(mask)
    valid[:, 150:] = False

    found = estimate_shift(np.where(valid, evidence, 0), mask, valid, 0.26)

    assert (found.dx_px, found.dy_px) == (pytest.approx(-9, abs=0.25), pytest.approx(5, abs=0.25))


def test_the_correlation_is_that_of_the_shared_pixels() -> None:
    rng = np.random.default_rng(4)
    evidence, mask = rng.random((40, 40)).astype(np.float32), rng.random((40, 40)) > 0.6
    valid = rng.random((40, 40)) > 0.2

    found = correlation(np.where(valid, evidence, 0), mask, valid, 5)

    for dy, dx in ((0, 0), (3, -2), (-5, 5)):
        image = np.s_[max(dy, 0) : 40 + min(dy, 0), max(dx, 0) : 40 + min(dx, 0)]
        drawn = np.s_[max(-dy, 0) : 40 + min(-dy, 0), max(-dx, 0) : 40 + min(-dx, 0)]
        seen = valid[image]
        plain = np.corrcoef(evidence[image][seen], mask[drawn][seen])[0, 1]
        assert found[5 + dy, 5 + dx] == pytest.approx(plain, abs=1e-3)


def test_a_tile_without_a_shift_of_its_own_says_where_it_took_one_from() -> None:
    tiles = {TileAddress(19, 100 + x, 200): Shift(6.0, 3.0, 0.9) for x in range(4)}
    beside, far = TileAddress(19, 105, 200), TileAddress(19, 140, 200)

    smoothed = smooth_shifts(tiles | {beside: NO_SHIFT, far: NO_SHIFT})

    assert smoothed[TileAddress(19, 101, 200)].origin == "measured"
    assert (smoothed[beside].dx_px, smoothed[beside].origin) == (6.0, "neighbours")
    assert (smoothed[far].dx_px, smoothed[far].origin) == (6.0, "region")
    assert smoothed[far].confidence < smoothed[beside].confidence


def test_tiles_that_disagree_lend_no_shift_to_far_ones() -> None:
    places = [(9.0, 0.0), (-9.0, 2.0), (0.0, 12.0), (4.0, -11.0), (14.0, 9.0)]
    tiles = {TileAddress(19, 100 + 9 * i, 200): Shift(*place, 0.6) for i, place in enumerate(places)}
    far = TileAddress(19, 400, 200)

    assert smooth_shifts(tiles | {far: NO_SHIFT})[far] == NO_SHIFT


def test_one_offset_stands_for_the_whole_region() -> None:
    rng = np.random.default_rng(6)
    agreeing = [Shift(8 + rng.normal(0, 0.4), -6 + rng.normal(0, 0.4), 0.8) for _ in range(40)]
    astray = [Shift(*rng.uniform(-20, 20, 2), 0.4) for _ in range(5)]

    found = region_offset([*agreeing, *astray, NO_SHIFT, NO_SHIFT], 0.25)

    assert found.notable
    assert (found.east_m, found.north_m) == (pytest.approx(2, abs=0.1), pytest.approx(1.5, abs=0.1))
    assert found.metres == pytest.approx(2.5, abs=0.1)
    assert found.tiles >= 39
    assert found.of == 47
    assert found.confidence > 0.85


@pytest.mark.parametrize(
    "shifts",
    [
        [],
        [NO_SHIFT] * 9,
        [Shift(8.0, 8.0, 0.9)],
        [Shift(0.5, -0.5, 0.9)] * 30,
        [Shift(8.0 * x, 8.0 * y, 0.9) for x in (-1, 0, 1) for y in (-1, 0, 1)],
    ],
)
def test_nothing_single_small_or_scattered_is_called_an_offset(shifts: list[Shift]) -> None:
    assert not region_offset(shifts, 0.25).notable
