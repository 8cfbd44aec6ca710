"""The shift between map and evidence is found to a fraction of a pixel, and not invented where nothing shows it."""

import numpy as np
import pytest
import scipy.ndimage
from hypothesis import given
from hypothesis import strategies as st
from scipy import fft

from mlcore.correspondences.dense.estimate import around_zero, correlation, estimate_shift
from mlcore.correspondences.dense.shift import NO_SHIFT


def scene(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    mask = np.zeros((256, 256), bool)
    for _ in range(25):
        x, y = rng.integers(20, 220, 2)
        mask[y : y + rng.integers(8, 30), x : x + rng.integers(8, 30)] = True
    return mask


@pytest.mark.parametrize(("dx", "dy"), [(0, 0), (7, -4), (2.5, 3.25), (-11, 6), (15.1, 0.4), (-22, 21)])
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


def test_maps_of_other_places_have_little_confidence() -> None:
    whole = np.ones((256, 256), bool)

    said = [estimate_shift(scene(n).astype(np.float32), scene(n + 50), whole, 0.26).confidence for n in range(30)]

    assert np.mean(said) < 0.25
    assert max(said) < 0.8


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


@given(st.integers(0, 1000), st.integers(41, 90), st.integers(42, 97), st.integers(2, 20))
def test_shifts_that_are_asked_for_alone_are_those_of_the_whole_inverse(seed: int, high: int, wide: int, reach: int):
    shape = [fft.next_fast_len(side, real=True) for side in (high, wide)]
    values = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    spectrum = fft.rfft2(values)

    found = around_zero(spectrum, shape, reach)

    whole = np.roll(fft.irfft2(spectrum, shape), (reach, reach), (0, 1))[: 2 * reach + 1, : 2 * reach + 1]
    assert found.dtype == np.float32
    assert found == pytest.approx(whole, abs=1e-5)
