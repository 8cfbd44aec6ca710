"""Keypoints: edges and corners without learning, suppression, the learned head, and what is read at a keypoint."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mlcore.correspondences.graph.detector import (
    NONE,
    Detector,
    cell_probability,
    detect,
    joined_score,
    sampled,
)
from mlcore.correspondences.graph.saliency import (
    MARGIN_PX,
    corner_strength,
    directions,
    edge_saliency,
    gradients,
    known_inside,
)
from mlcore.correspondences.graph.suppression import COVERED_CELLS, covering, spread
from mlcore.errors import InvalidInputError
from tests.mlcore.correspondences.graph.made import as_batch, squares, texture

torch.set_num_threads(1)
EVERYWHERE = torch.ones(1, 1, 128, 128)


def test_the_gradient_of_a_ramp_is_its_slope() -> None:
    ramp = torch.arange(16.0).expand(3, 16, 16)[None] * 0.01

    found = gradients(ramp)

    assert torch.allclose(found[0, 0, 1:-1, 1:-1], torch.full((14, 14), 0.01), atol=1e-6)
    assert torch.allclose(found[0, 1], torch.zeros(16, 16), atol=1e-6)


def test_edges_are_salient_flat_ground_and_the_rim_of_the_unknown_are_not() -> None:
    picture, valid = as_batch(squares()), EVERYWHERE.clone()
    valid[..., :20] = 0

    found = edge_saliency(picture, valid)[0, 0]

    assert found[45, 69:71].max() > 0.5 and found[45, 45] < 1e-6
    assert (found[:, : 20 + MARGIN_PX] == 0).all() and (found[:MARGIN_PX] == 0).all()
    assert ((found >= 0) & (found <= 1)).all()
    assert torch.allclose(found, edge_saliency(1 - picture, valid)[0, 0], atol=1e-5)
    assert (edge_saliency(picture, torch.zeros_like(valid)) == 0).all()
    assert (edge_saliency(torch.full_like(picture, 0.4), valid) < 1e-3).all()


def test_what_is_known_inside_ends_before_the_unknown_and_the_frame() -> None:
    valid = EVERYWHERE.clone()
    valid[..., 60, 60] = 0

    inside = known_inside(valid, 3)[0, 0]

    assert inside[60, 64] == 1 and inside[60, 63] == 0 and inside[2, 30] == 0 and inside[3, 30] == 1


def test_corners_are_strong_where_two_edges_meet() -> None:
    strength = corner_strength(as_batch(squares()), EVERYWHERE)[0, 0]

    assert min(strength[row, column] for row in (31, 58) for column in (26, 68)) > 0.6
    assert strength[45, 69] < 0.05 and strength[31, 45] < 0.05


@pytest.mark.parametrize("turned_deg", [30.0, 90.0, 200.0])
def test_directions_turn_twice_as_far_as_the_picture(turned_deg: float) -> None:
    upright, turned = (directions(as_batch(squares(turned_deg=angle)))[0] for angle in (0.0, turned_deg))
    at = np.array([70.0 - 64, 45.0 - 64])  # on a side of a rectangle, seen from the middle
    angle = np.deg2rad(-turned_deg)  # OpenCV's positive angles turn the other way
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    there = turn @ at + 64

    before = complex(*sampled(upright[None], torch.tensor([[[70.0, 45.0]]]), 1)[0, 0].tolist())
    after = complex(*sampled(turned[None], torch.tensor(there).float()[None, None], 1)[0, 0].tolist())

    assert abs(after - before * np.exp(2j * angle)) < 0.12 and abs(before) > 0.9


def test_suppression_keeps_the_strongest_and_spreads_the_rest() -> None:
    rng = np.random.default_rng(0)
    heap, rest = rng.uniform(0, 20, (400, 2)), rng.uniform(0, 256, (400, 2))
    xy = np.vstack([heap, rest])
    score = np.concatenate([rng.uniform(0.5, 1, 400), rng.uniform(0, 0.5, 400)])

    stay = spread(xy, score, 50)

    assert len(stay) == 50 and stay[0] == score.argmax() and (np.diff(score[stay]) <= 0).all()
    assert (stay >= 400).mean() > 0.8
    apart = np.abs(xy[stay][:, None] - xy[stay][None]).max(axis=2) + 1e9 * np.eye(50)
    assert apart.min() > 10


def test_points_that_are_all_alike_are_spread_as_well() -> None:
    rows, columns = np.mgrid[0:64, 0:64]
    xy = np.column_stack([columns.ravel(), rows.ravel()]).astype(float)

    stay = spread(xy, np.ones(len(xy)), 64)

    counts, _, _ = np.histogram2d(*xy[stay].T, bins=2, range=[[0, 64], [0, 64]])
    assert counts.min() >= 8


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 120), st.integers(1, 60), st.integers(0, 10**6))
def test_as_many_stay_as_are_wanted_and_none_twice(points: int, count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    xy, score = rng.uniform(0, 100, (points, 2)), rng.uniform(size=points)

    stay = spread(xy, score, count)

    assert len(stay) == len(set(stay.tolist())) == min(points, count)
    assert score.argmax() == stay[0]


def test_kept_points_lie_farther_apart_than_what_one_covers() -> None:
    xy = np.random.default_rng(2).uniform(0, 100, (300, 2))

    kept = xy[covering(xy, 3.0)]

    apart = np.abs(kept[:, None] - kept[None]).max(axis=2) + 1e9 * np.eye(len(kept))
    assert apart.min() > COVERED_CELLS * 3.0
    nearest = np.abs(xy[:, None] - kept[None]).max(axis=2).min(axis=1)
    assert nearest.max() < (COVERED_CELLS + 1) * 3.0


def test_points_and_scores_must_fit_each_other() -> None:
    with pytest.raises(InvalidInputError, match="points must be"):
        spread(np.zeros((3, 2)), np.zeros(2), 2)


def test_a_cell_s_channels_are_its_pixels_row_by_row_and_the_last_is_none() -> None:
    cells = torch.full((1, NONE + 1, 2, 3), -20.0)
    cells[0, 8 * 3 + 5, 1, 2] = 20.0
    cells[0, NONE, 0, 0] = 20.0

    found = cell_probability(cells)

    assert found.shape == (1, 1, 16, 24)
    assert found[0, 0, 8 + 3, 16 + 5] > 0.99 and found[0, 0, :8, :8].max() < 1e-6
    assert found[0, 0, :8, 8:16].sum() == pytest.approx(64 / 65, abs=1e-4)
    with pytest.raises(InvalidInputError, match="65"):
        cell_probability(cells[:, :64])


def test_a_sure_detector_alone_puts_keypoints_where_it_says() -> None:
    cells = torch.zeros(1, NONE + 1, 16, 16)
    cells[:, NONE] = 20.0
    cells[0, 8 * 4 + 2, 5, 6] = 40.0
    cells[0, 8 * 1 + 7, 9, 3] = 40.0
    flat = torch.full((1, 3, 128, 128), 0.5)

    found = detect(cells, flat, EVERYWHERE, 8, 0.3)

    places = {tuple(one) for one in found.xy[0, found.known[0]].tolist()}
    assert places == {(6 * 8 + 2.5, 5 * 8 + 4.5), (3 * 8 + 7.5, 9 * 8 + 1.5)}


def test_peaks_are_placed_between_pixels() -> None:
    flat, cells = torch.full((1, 3, 128, 128), 0.5), torch.full((1, NONE + 1, 16, 16), -9.0)
    cells[:, NONE] = 9.0
    cells[0, [8 * 4 + 3, 8 * 4 + 4, 8 * 4 + 5], 5, 6] = torch.tensor([7.5, 9.0, 8.5])

    found = detect(cells, flat, EVERYWHERE, 8, 0.0)

    x, y = found.xy[0, found.known[0]].tolist()[0]
    assert 6 * 8 + 4.5 < x < 6 * 8 + 5.0 and y == pytest.approx(5 * 8 + 4.5, abs=1e-3)


def test_detector_and_saliency_share_the_score() -> None:
    pictures, cells = as_batch(squares()), torch.randn(1, NONE + 1, 16, 16, generator=torch.Generator().manual_seed(0))

    learned, edges, both = (joined_score(cells, pictures, EVERYWHERE, share) for share in (0.0, 1.0, 0.25))

    assert torch.equal(edges, edge_saliency(pictures, EVERYWHERE))
    assert torch.allclose(both, 0.75 * learned + 0.25 * edges)


def test_keypoints_are_found_in_the_known_part_alone_and_again_the_same() -> None:
    torch.manual_seed(0)
    detector = Detector((8, 8, 12, 16), 16).eval()
    pictures, valid = as_batch(texture(0, 128), np.full((128, 128, 3), 90, np.uint8)), EVERYWHERE.repeat(2, 1, 1, 1)
    valid[0, :, :, 64:] = 0

    dense = detector(pictures)
    first, again = (detect(dense.cells, pictures, valid, 40, 0.3) for _ in range(2))

    assert first.xy.shape == (2, 40, 2) and dense.fine.shape == (2, 8, 64, 64) and dense.deep.shape == (2, 12, 16, 16)
    assert first.known[0].all() and first.xy[0, :, 0].max() < 64 - MARGIN_PX + 1
    assert torch.equal(first.xy, again.xy) and torch.equal(first.score, again.score)
    assert (first.turn.norm(dim=2) <= 1 + 1e-4).all()


def test_descriptors_are_of_length_one_and_teach_the_trunk() -> None:
    torch.manual_seed(0)
    detector = Detector((8, 8, 12, 16), 16)
    xy = torch.rand(2, 9, 2) * 64

    words = detector.described(detector(torch.rand(2, 3, 64, 64)), xy)
    words[..., 0].sum().backward()

    assert words.shape == (2, 9, 16) and torch.allclose(words.norm(dim=2), torch.ones(2, 9), atol=1e-5)
    assert detector.enc_half.first.weight.grad is not None and detector.enc_half.first.weight.grad.abs().sum() > 0
    assert detector.cell_head.weight.grad is None


def test_a_field_is_read_at_the_middle_of_its_cells_and_between_them() -> None:
    field = torch.arange(4.0).view(1, 1, 1, 4).expand(1, 1, 3, 4)

    read = sampled(field, torch.tensor([[[1.0, 3.0], [3.0, 3.0], [2.0, 3.0], [7.0, 1.0]]]), 2)

    assert torch.allclose(read[0, :, 0], torch.tensor([0.0, 1.0, 0.5, 3.0]))
