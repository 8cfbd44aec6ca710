"""The contrast: which pairs count, what it rewards, and what is missing."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from mlcore.errors import InvalidInputError
from mlcore.landmarks.losses import contrast, pairs_of, symmetric_infonce

SCALE = torch.tensor(10.0)


def vectors(rows: int, seed: int) -> torch.Tensor:
    return F.normalize(torch.from_numpy(np.random.default_rng(seed).normal(size=(rows, 6))), dim=1)


@settings(max_examples=25)
@given(st.integers(2, 8), st.integers(0, 10**6))
def test_contrast_is_symmetric_and_blind_to_the_order_of_samples(rows, seed):
    first, second = vectors(rows, seed), vectors(rows, seed + 1)
    loss = symmetric_infonce(first, second, SCALE)
    order = torch.randperm(rows, generator=torch.Generator().manual_seed(seed))
    assert torch.allclose(loss, symmetric_infonce(second, first, SCALE))
    assert torch.allclose(loss, symmetric_infonce(first[order], second[order], SCALE))


def test_it_equals_cross_entropy_both_ways():
    first, second = vectors(5, 0), vectors(5, 1)
    logits, truth = SCALE * first @ second.T, torch.arange(5)
    wanted = 0.5 * (F.cross_entropy(logits, truth) + F.cross_entropy(logits.T, truth))
    assert torch.allclose(symmetric_infonce(first, second, SCALE), wanted)


def test_of_one_group_to_be_alike_costs_nothing_more():
    first = vectors(4, 3)
    same = torch.zeros(4, dtype=torch.long)
    alike = first[:1].expand(4, 6)
    assert symmetric_infonce(alike, alike, SCALE, same) == pytest.approx(float(torch.log(torch.tensor(4.0))))


def test_gradients_are_right():
    first, second = vectors(4, 1).requires_grad_(), vectors(4, 2).requires_grad_()
    groups = torch.tensor([0, 1, 1, 2])
    assert torch.autograd.gradcheck(lambda a, b: symmetric_infonce(a, b, SCALE.double(), groups), (first, second))


def test_vectors_of_different_shapes_are_refused():
    with pytest.raises(InvalidInputError, match=r"\(N, D\)"):
        symmetric_infonce(vectors(3, 0), vectors(4, 0), SCALE)


def test_imagebind_contrasts_pairs_with_an_image_alone():
    assert len(pairs_of("all")) == 6
    assert ("text", "gps") not in pairs_of("imagebind") and len(pairs_of("imagebind")) == 5


def test_only_samples_that_have_both_modalities_are_contrasted():
    groups = torch.arange(6)
    aerial = torch.tensor([0, 1, 2, 4]), vectors(4, 0)
    text = torch.tensor([1, 2, 3, 5]), vectors(4, 1)
    gps = torch.tensor([5]), vectors(1, 2)
    losses = contrast({"aerial": aerial, "text": text, "gps": gps}, SCALE, groups)
    assert set(losses) == {"aerial-text"}
    wanted = symmetric_infonce(aerial[1][1:3], text[1][:2], SCALE, groups[1:3])
    assert torch.allclose(losses["aerial-text"], wanted)
