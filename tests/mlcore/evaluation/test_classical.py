"""Scores without learning: edges, and the largest box of a difference."""

import numpy as np
import pytest

from mlcore.changes.boxes import largest_box
from mlcore.errors import InvalidInputError
from mlcore.evaluation.classical import edge_ncc
from tests.mlcore.consistency.samples import draw, random_boxes

VALID = np.ones((256, 256), bool)


def picture(seed, dx=0, dy=0):
    boxes = [tuple(4 * v for v in box) for box in random_boxes(np.random.default_rng(seed), 5)]
    return draw([(x + dx, y + dy, w, h) for x, y, w, h in boxes], 256)


def test_a_map_correlates_with_its_own_image_more_than_with_another():
    image, map_ = picture(0)[:2]
    other = picture(7)[1]
    assert edge_ncc(image, map_, VALID) > edge_ncc(image, other, VALID) + 0.1


def test_a_small_shift_costs_little():
    image, shifted = picture(0)[0], picture(0, 5, -4)[1]
    assert edge_ncc(image, shifted, VALID) > edge_ncc(image, shifted, VALID, shift_px=1) + 0.05


def test_an_empty_map_or_image_scores_nothing():
    image, map_ = picture(0)[:2]
    flat = np.full_like(map_, 200)
    assert edge_ncc(image, flat, VALID) == edge_ncc(flat, map_, VALID) == 0.0
    assert edge_ncc(image, map_, np.zeros_like(VALID)) == 0.0


def test_the_largest_box_finds_the_one_difference():
    evidence, mask = np.zeros((256, 256), np.float32), np.zeros((256, 256), np.float32)
    assert largest_box(evidence, mask, VALID) == 0
    evidence[100:121, 50:71] = 0.8
    assert largest_box(evidence, mask, VALID) == pytest.approx(0.8)
    assert largest_box(mask, evidence, VALID) == pytest.approx(0.8)
    assert largest_box(evidence, evidence, VALID) == 0


def test_what_the_image_does_not_show_does_not_differ():
    evidence = np.zeros((256, 256), np.float32)
    evidence[:30, :30] = 1
    hidden = VALID.copy()
    hidden[:30, :30] = False
    assert largest_box(evidence, np.zeros_like(evidence), hidden) == 0


def test_wrong_sizes_are_refused():
    image, map_ = picture(0)[:2]
    with pytest.raises(InvalidInputError, match="one size"):
        edge_ncc(image, map_[:100], VALID)
    with pytest.raises(InvalidInputError, match="one size"):
        largest_box(np.zeros((256, 256)), np.zeros((256, 255)), VALID)
