"""Hard negatives are exact in what they change, and the batches label them so."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mlcore.consistency.batches import PairBatches, changed_cells
from mlcore.consistency.config import ConsistencyConfig
from mlcore.consistency.negatives import DrawnMap, cut_buildings, edit_map
from mlcore.errors import ConfigError
from tests.mlcore.consistency.samples import PAPER, draw, make_pairs

METRES = 1.0
BOXES = [(4, 4, 10, 9), (30, 8, 12, 12), (20, 40, 9, 10)]


def drawn(boxes=BOXES):
    _, rgb, mask = draw(boxes)
    return DrawnMap(rgb, mask)


def test_buildings_are_cut_whole_and_small_or_cut_off_ones_are_left():
    tile = drawn([*BOXES, (50, 50, 5, 5), (0, 30, 10, 10)])
    stamps = cut_buildings(tile, METRES)
    assert len(stamps) == 3
    assert sorted(int((stamp.mask > 0).sum()) for stamp in stamps) == [90, 90, 144]


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10_000))
def test_an_edit_changes_the_map_exactly_where_the_mask_changes(seed):
    tile = drawn()
    before = tile.rgb.copy()
    stamps = cut_buildings(tile, METRES)
    edited = edit_map(tile, stamps, stamps, METRES, np.random.default_rng(seed))
    assert np.array_equal(tile.rgb, before)
    if edited is None:
        return
    changed = (edited.rgb != tile.rgb).any(axis=2)
    moved = edited.mask != tile.mask
    assert moved.any() and changed.any()
    assert not (edited.rgb[edited.mask == 0] != PAPER).any(axis=-1).any(), "ground without a building is paper"
    assert (edited.rgb[edited.mask == 255] != PAPER).any(axis=-1).all(), "buildings are drawn"


def test_the_same_chance_gives_the_same_edit():
    tile, stamps = drawn(), cut_buildings(drawn(), METRES)
    first, second = (edit_map(tile, stamps, stamps, METRES, np.random.default_rng(7)) for _ in range(2))
    assert np.array_equal(first.rgb, second.rgb)


def test_a_map_without_buildings_or_donors_can_not_be_edited():
    assert edit_map(drawn([]), [], [], METRES, np.random.default_rng(0)) is None


def test_cells_agree_differ_or_stay_undecided():
    masks = torch.zeros(1, 8, 8)
    other = masks.clone()
    other[0, :4, :4] = 1.0
    other[0, 4:, 4:6] = 0.2
    valid = torch.ones(1, 8, 8)
    valid[0, 0, 7] = 0
    assert changed_cells(masks, other, valid, 4).tolist() == [[[-1.0, 0.0], [1.0, 0.0]]]


def test_both_sides_of_a_pair_are_turned_alike():
    config = ConsistencyConfig.preset("tiny")
    batches = PairBatches(make_pairs(6), config)
    for batch in batches.epoch(torch.Generator().manual_seed(0), edited=True):
        roofs = batch.images[:, 0] - batch.images[:, 1]
        for which in range(len(batch.index)):
            on, off = batch.masks[which] > 0.9, batch.masks[which] < 0.1
            if on.any() and off.any():
                assert roofs[which][on].mean() > roofs[which][off].mean()
                assert batch.maps[which, 2][on].mean() < batch.maps[which, 2][off].mean()


def test_batches_come_from_the_generator_alone():
    batches = PairBatches(make_pairs(5), ConsistencyConfig.preset("tiny"))
    first, second = (list(batches.epoch(torch.Generator().manual_seed(3), edited=True)) for _ in range(2))
    assert len(first) == 2
    assert all(
        torch.equal(a.edited, b.edited) and torch.equal(a.images, b.images) for a, b in zip(first, second, strict=True)
    )


@pytest.mark.parametrize(
    "change", [{"input_px": 100}, {"alpha": 2.0}, {"batch": 1}, {"temperature": 0}, {"nonsense": 1}]
)
def test_settings_out_of_range_or_unknown_are_refused(change):
    with pytest.raises(ConfigError):
        ConsistencyConfig.preset("compact", **change)
