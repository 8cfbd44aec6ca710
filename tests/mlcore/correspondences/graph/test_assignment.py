"""Tables of matches: what their rows and columns add up to, padding, mutual nearest ones; labels and losses."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from mlcore.correspondences.graph.assignment import Assigner, log_dual_softmax, log_transport, mutual_nearest
from mlcore.correspondences.graph.config import Assignment
from mlcore.correspondences.graph.detector import NONE
from mlcore.correspondences.graph.labels import IGNORED, Truth, brought, moved, placed, repeated_corners, truth_of
from mlcore.correspondences.graph.losses import assignment_loss, contrast_loss, detector_loss, exit_loss, found_share
from mlcore.errors import InvalidInputError
from tests.mlcore.correspondences.graph.made import as_batch, points, squares

torch.set_num_threads(1)
ALL0, ALL1 = torch.ones(2, 5, dtype=torch.bool), torch.ones(2, 7, dtype=torch.bool)


def similarity(seed: int = 0) -> Tensor:
    return 2 * torch.randn(2, 5, 7, generator=torch.Generator().manual_seed(seed))


def test_transport_gives_every_keypoint_1_and_the_dustbins_the_rest() -> None:
    mass = log_transport(similarity(), torch.tensor(0.5), ALL0, ALL1, 100).exp()

    assert torch.allclose(mass[:, :-1].sum(dim=2), torch.ones(2, 5), atol=1e-3)
    assert torch.allclose(mass[:, :, :-1].sum(dim=1), torch.ones(2, 7), atol=1e-4)
    assert torch.allclose(mass[:, -1].sum(dim=1), torch.full((2,), 7.0), atol=1e-2)
    assert torch.allclose(mass[:, :, -1].sum(dim=1), torch.full((2,), 5.0), atol=1e-3)


def test_padding_brings_no_mass_and_changes_nobody_else_s() -> None:
    known0, known1 = ALL0.clone(), ALL1.clone()
    known0[:, 3:], known1[:, 4:] = False, False

    mass = log_transport(similarity(), torch.tensor(0.5), known0, known1, 60).exp()
    bare = log_transport(similarity()[:, :3, :4], torch.tensor(0.5), ALL0[:, :3], ALL1[:, :4], 60).exp()

    assert mass[:, 3:-1].sum() == 0 and mass[:, :, 4:-1].sum() == 0
    kept = mass[:, [0, 1, 2, 5]][:, :, [0, 1, 2, 3, 7]]
    assert torch.allclose(kept, bare, atol=1e-5)


def test_a_higher_dustbin_takes_more_mass() -> None:
    low, high = (log_transport(similarity(), torch.tensor(score), ALL0, ALL1, 60).exp() for score in (-2.0, 4.0))
    assert (high[:, :-1, -1] > low[:, :-1, -1]).all()


def test_dual_softmax_is_the_product_of_both_and_of_the_odds() -> None:
    scores, odds0, odds1 = similarity(), torch.randn(2, 5), torch.randn(2, 7)

    table = log_dual_softmax(scores, odds0, odds1, ALL0, ALL1).exp()

    product = scores.softmax(dim=2) * scores.softmax(dim=1) * odds0.sigmoid()[:, :, None] * odds1.sigmoid()[:, None]
    assert torch.allclose(table[:, :-1, :-1], product, atol=1e-6)
    assert torch.allclose(table[:, :-1, -1], 1 - odds0.sigmoid(), atol=1e-6)
    assert (table[:, :-1].sum(dim=2) <= 1 + 1e-5).all() and (table[:, :, :-1].sum(dim=1) <= 1 + 1e-5).all()


@pytest.mark.parametrize("way", ["dual_softmax", "transport"])
def test_a_table_is_finite_and_teaches_whatever_is_known(way: Assignment) -> None:
    torch.manual_seed(0)
    assign = Assigner(8, way, 20)
    known0, known1 = ALL0.clone(), ALL1.clone()
    known0[0], known1[1, 2:] = False, False
    tokens0, tokens1 = torch.randn(2, 5, 8, requires_grad=True), torch.randn(2, 7, 8, requires_grad=True)

    table = assign(tokens0, tokens1, known0, known1)
    (table[:, :, :2].clamp(min=-50).sum()).backward()

    assert table.shape == (2, 6, 8) and table.isfinite().all()
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in assign.parameters())
    assert tokens0.grad is not None and tokens0.grad.isfinite().all() and (tokens0.grad[0] == 0).all()
    assert tokens0.grad[1].abs().sum() > 0


def test_a_swap_of_the_pictures_transposes_the_transport() -> None:
    there = log_transport(similarity(), torch.tensor(0.3), ALL0, ALL1, 200)
    back = log_transport(similarity().transpose(1, 2), torch.tensor(0.3), ALL1, ALL0, 200)
    assert torch.allclose(there.exp(), back.exp().transpose(1, 2), atol=1e-4)


def test_only_mutual_nearest_and_sure_ones_are_matches() -> None:
    chances = torch.tensor([[0.9, 0.8, 0.0, 0.1], [0.1, 0.7, 0.0, 0.2], [0.0, 0.0, 0.05, 0.9], [0.1, 0.1, 0.9, 0.0]])

    (found,) = mutual_nearest(chances.log()[None].clamp(min=-1e9), 0.1)

    assert found.first.tolist() == [0] and found.second.tolist() == [0]
    assert found.confidence.tolist() == pytest.approx([0.9])
    with pytest.raises(InvalidInputError, match="table of matches"):
        mutual_nearest(torch.zeros(1, 1, 4), 0.1)


def truth() -> Truth:
    """Two keypoints against three: the first of both are one place; the second has none, nor has the third."""
    matched = torch.tensor([[[1, 0, 0], [0, 0, 0]]], dtype=torch.bool)
    near = torch.tensor([[[1, 1, 0], [0, 0, 0]]], dtype=torch.bool)
    return Truth(matched, near, torch.tensor([[False, True]]), torch.tensor([[False, False, True]]))


def test_the_assignment_s_loss_is_the_log_likelihood_of_matches_and_dustbins() -> None:
    table = torch.randn(1, 3, 4, generator=torch.Generator().manual_seed(0))

    expected = -(table[0, 0, 0] + 0.5 * (table[0, 1, 3] + table[0, 2, 2]))
    assert assignment_loss(table, truth()).item() == pytest.approx(expected.item(), rel=1e-5)


def test_true_matches_are_nearest_both_ways_within_reach_and_those_between_are_left_out() -> None:
    here = points(
        torch.tensor([[[10.0, 10], [30, 10], [50, 10], [70, 10], [0, 0]]]), torch.tensor([[True] * 4 + [False]])
    )
    there = points(torch.tensor([[[20.5, 20], [21.5, 20], [44.0, 20], [90.0, 90]]]))
    shift = torch.tensor([[[1.0, 0, 10], [0, 1, 10], [0, 0, 1]]])

    found = truth_of(here, there, shift, 3.0, 5.0)

    assert found.matched[0].nonzero().tolist() == [[0, 0]]
    assert found.near[0].nonzero().tolist() == [[0, 0], [0, 1], [1, 2]]  # 4 px off: no match, but not alone
    assert found.alone0[0].tolist() == [False, False, True, True, False]
    assert found.alone1[0].tolist() == [False, False, False, True]


def test_the_same_places_in_the_other_picture_are_known_where_it_shows_them() -> None:
    valid = torch.ones(1, 1, 64, 64)
    valid[..., 50:] = 0
    here = points(torch.tensor([[[10.0, 10], [30, 10], [60, 10], [5, 5]]]), torch.tensor([[True, True, True, False]]))
    shift = torch.tensor([[[1.0, 0, 12], [0, 1, 20], [0, 0, 1]]])

    there = placed(here, shift, valid)

    assert there.xy[0, :2].tolist() == [[22, 30], [42, 30]]
    assert there.known[0].tolist() == [True, True, False, False]
    assert truth_of(here, there, shift, 3.0, 5.0).matched[0].nonzero().tolist() == [[0, 0], [1, 1]]


def test_points_and_fields_are_moved_by_one_matrix() -> None:
    picture = as_batch(squares())
    matrix = torch.tensor([[[0.0, -1, 128], [1, 0, 0], [0, 0, 1]]])  # a quarter turn about the middle

    back = brought(picture, matrix)

    assert torch.allclose(back, torch.rot90(picture, 1, (2, 3)), atol=1e-4)
    assert torch.allclose(moved(torch.tensor([[[10.0, 20.0]]]), matrix), torch.tensor([[[108.0, 10.0]]]))


def test_labels_are_corners_that_both_pictures_have() -> None:
    size, everywhere = 128, torch.ones(1, 1, 128, 128)
    one = as_batch(squares())
    other = 1 - one.roll((0, 8), (2, 3))  # its negative, 8 px to the right
    other[:, :, 70:, :] = 0.5  # and without the second rectangle
    shift = torch.tensor([[[1.0, 0, 8], [0, 1, 0], [0, 0, 1]]])

    labels = repeated_corners(one, everywhere, other, everywhere, shift)

    rows, columns = ((labels[0] != NONE) & (labels[0] != IGNORED)).nonzero().T
    pixel = labels[0][rows, columns]
    xy = torch.stack([columns * 8 + pixel % 8, rows * 8 + pixel // 8], dim=1).float()
    corners = torch.tensor([[24.0, 30], [69, 30], [24, 59], [69, 59]])
    assert len(xy) == 4 and torch.cdist(corners, xy).min(dim=1).values.max() < 4
    assert (labels[0, :, -1] == IGNORED).all() and (labels[0, 0] == IGNORED).all()
    assert labels.shape == (1, size // 8, size // 8)


def test_the_detector_s_loss_is_low_where_it_is_right_and_leaves_the_ignored_out() -> None:
    labels = torch.tensor([[[3, NONE], [IGNORED, 60]]])
    cells = torch.zeros(1, NONE + 1, 2, 2, requires_grad=True)

    assert detector_loss(cells, labels).item() == pytest.approx(math.log(65), abs=1e-4)
    detector_loss(cells, labels).backward()
    assert cells.grad is not None and (cells.grad[..., 1, 0] == 0).all()
    assert detector_loss(cells, torch.full_like(labels, IGNORED)).item() == 0


def test_contrast_pulls_the_right_words_together_and_spares_those_beside() -> None:
    here = torch.eye(3)[None, :2].requires_grad_(True)
    there = torch.eye(3)[None].requires_grad_(True)
    known0, known1 = torch.ones(1, 2, dtype=torch.bool), torch.ones(1, 3, dtype=torch.bool)

    low = contrast_loss(here, there, known0, known1, truth(), 0.1)
    high = contrast_loss(here, there.flip(1), known0, known1, truth(), 0.1)
    low.backward()

    assert low < 0.01 < 1 < high
    assert there.grad is not None and (there.grad[0, 1] == 0).all() and there.grad[0, 2].abs().sum() > 0


def test_the_exit_s_loss_is_low_where_it_says_which_matches_stay() -> None:
    last = torch.tensor([[[5.0, 0, 0, 0], [0, 5, 0, 0], [0, 0, 5, 0]]])
    early = torch.tensor([[[5.0, 0, 0, 0], [0, 0, 5, 0], [0, 5, 0, 0]]])
    right0, right1 = torch.tensor([[9.0, -9]]), torch.tensor([[9.0, -9, -9]])
    known0, known1 = torch.ones(1, 2, dtype=torch.bool), torch.ones(1, 3, dtype=torch.bool)

    good = exit_loss([early, last], [right0], [right1], known0, known1)
    bad = exit_loss([early, last], [-right0], [-right1], known0, known1)

    assert good < 0.01 < 5 < bad
    assert exit_loss([last], [], [], known0, known1).item() == 0


def test_the_share_found_counts_mutual_best_ones() -> None:
    table = torch.full((1, 3, 4), -9.0)
    table[0, 0, 0] = 0
    assert found_share(table, truth()).item() == 1
    table[0, 1, 0] = 1
    assert found_share(table, truth()).item() == 0
