"""One offset is said of a region where most of its tiles share it, and none where they don't."""

import numpy as np
import pytest

from mlcore.correspondences.dense.region_offset import region_offset
from mlcore.correspondences.dense.shift import NO_SHIFT, Shift


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
