"""The shift between map and evidence is found to a fraction of a pixel, and not invented where nothing shows it."""

import numpy as np
import pytest
import scipy.ndimage

from mlcore.changes.registration import Shift, estimate_shift, median_shift, smooth_shifts
from mlcore.geometry.webmercator import TileAddress


def scene(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    mask = np.zeros((256, 256), bool)
    for _ in range(25):
        x, y = rng.integers(20, 220, 2)
        mask[y : y + rng.integers(8, 30), x : x + rng.integers(8, 30)] = True
    return mask


@pytest.mark.parametrize(("dx", "dy"), [(0, 0), (7, -4), (2.5, 3.25), (-11, 6)])
def test_a_shifted_map_is_brought_back(dx: float, dy: float) -> None:
    mask = scene()
    evidence = np.clip(scipy.ndimage.shift(mask.astype(np.float32), (dy, dx), order=1), 0, 1)

    found = estimate_shift(evidence, mask, np.ones_like(mask), 0.26)

    assert abs(found.dx_px - dx) < 0.4
    assert abs(found.dy_px - dy) < 0.4
    assert found.confidence > 0.8


def test_without_footprints_there_is_no_shift_and_no_confidence() -> None:
    empty = np.zeros((256, 256), bool)

    assert estimate_shift(scene().astype(np.float32), empty, ~empty, 0.26) == Shift(0.0, 0.0, 0.0)


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
    assert median_shift([]) == Shift(0.0, 0.0, 0.0)
    tile = TileAddress(19, 5, 5)
    assert smooth_shifts({tile: Shift(9.0, 9.0, 0.05)})[tile] == Shift(0.0, 0.0, 0.0)
