"""The same tile with and without a change: what its map had wrong before does not count."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore.errors import InvalidInputError
from mlcore.evaluation.metrics import auroc
from mlcore.evaluation.same_tile import same_tile_auroc

TILES, EDITIONS = 12, 6


def pairs(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """changed, doubt, tile, block: tiles differ in how much they are doubted untouched."""
    rng = np.random.default_rng(seed)
    tile = np.tile(np.arange(TILES), EDITIONS)
    changed = rng.random(TILES * EDITIONS) < 0.5
    changed[:TILES], changed[TILES : 2 * TILES] = True, False
    return changed, rng.normal(0, 1, TILES * EDITIONS) + 0.7 * changed, tile, tile // 3


@given(seed=st.integers(0, 1000))
def test_what_a_tile_is_doubted_anyway_cancels_out(seed: int) -> None:
    changed, doubt, tile, block = pairs(seed)
    noise = np.random.default_rng(seed + 1).normal(0, 50, TILES)[tile]

    plain = same_tile_auroc(changed, [doubt], tile, block, draws=20)

    assert same_tile_auroc(changed, [doubt + noise], tile, block, draws=20).value == pytest.approx(plain.value)
    assert plain.low <= plain.value + 1e-9 and plain.high >= plain.value - 0.3


def test_it_counts_pairs_of_one_tile_by_hand() -> None:
    changed = np.array([True, False, False, True, False])
    doubt, tile = np.array([2.0, 1.0, 2.0, 0.0, 1.0]), np.array([0, 0, 0, 1, 1])

    assert same_tile_auroc(changed, [doubt], tile, tile, draws=5).value == pytest.approx((1 + 0.5 + 0) / 3)


def test_with_all_pairs_on_one_tile_it_is_the_plain_auroc_and_seeds_are_averaged() -> None:
    changed, doubt, tile, _ = pairs(3)
    one = np.zeros_like(tile)

    found = same_tile_auroc(changed, [doubt, -doubt], one, one, draws=5)

    assert same_tile_auroc(changed, [doubt], one, one, draws=5).value == pytest.approx(auroc(changed, doubt))
    assert found.value == pytest.approx(0.5)


def test_tiles_seen_in_one_state_alone_say_nothing() -> None:
    tile = np.arange(4)
    with pytest.raises(InvalidInputError, match="more editions"):
        same_tile_auroc(tile > 1, [tile.astype(float)], tile, tile)
