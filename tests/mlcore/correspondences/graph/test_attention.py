"""The dual graph: what neither order, place, angle nor padding of keypoints changes, and what does count."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from mlcore.correspondences.graph.attention import EDGE_FEATURES, Graph, LocalAttention, Round, graph_of
from mlcore.correspondences.graph.context import Context
from mlcore.errors import InvalidInputError
from tests.mlcore.correspondences.graph.made import as_if_taught

torch.set_num_threads(1)
CHANNELS, HEADS, NEIGHBOURS = 16, 2, 4


def made(count: int, seed: int, batch: int = 1) -> tuple[Tensor, Tensor, Tensor]:
    """Tokens, places and directions."""
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.randn(batch, count, CHANNELS, generator=generator)
    xy = torch.rand(batch, count, 2, generator=generator) * 100
    return tokens, xy, torch.rand(batch, count, 2, generator=generator) - 0.5


def graph(xy: Tensor, turn: Tensor, known: Tensor | None = None) -> Graph:
    return graph_of(xy, turn, torch.ones(xy.shape[:2], dtype=torch.bool) if known is None else known, NEIGHBOURS)


def a_round(seed: int = 0) -> Round:
    torch.manual_seed(seed)
    return as_if_taught(Round(CHANNELS, HEADS))


def turned(vectors: Tensor, angle: float) -> Tensor:
    matrix = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    return vectors @ matrix.T


def test_each_keypoint_is_tied_to_its_nearest_ones_but_not_to_itself() -> None:
    _, xy, turn = made(12, 0)

    found = graph(xy, turn)

    apart = torch.cdist(xy, xy)[0] + 1e6 * torch.eye(12)
    assert torch.equal(found.neighbours[0].sort(dim=1).values, apart.topk(4, largest=False).indices.sort(dim=1).values)
    assert found.edges.shape == (1, 12, 4, EDGE_FEATURES) and found.edge_known.all()


def test_few_keypoints_have_as_many_edges_as_there_are_others() -> None:
    _, xy, turn = made(3, 0)
    assert graph(xy, turn).neighbours.shape == (1, 3, 2)


def test_permuted_keypoints_give_the_same_tokens_permuted() -> None:
    (tokens0, xy0, turn0), (tokens1, xy1, turn1) = made(20, 1), made(15, 2)
    order0, order1 = torch.randperm(20), torch.randperm(15)
    step = a_round()

    straight = step(tokens0, tokens1, graph(xy0, turn0), graph(xy1, turn1))
    permuted = step(
        tokens0[:, order0], tokens1[:, order1], graph(xy0[:, order0], turn0[:, order0]),
        graph(xy1[:, order1], turn1[:, order1]),
    )  # fmt: skip

    assert torch.allclose(straight[0][:, order0], permuted[0], atol=1e-5)
    assert torch.allclose(straight[1][:, order1], permuted[1], atol=1e-5)


@pytest.mark.parametrize("angle", [0.3, 1.7, math.pi])
def test_a_picture_turned_moved_and_scaled_gives_the_same_tokens(angle: float) -> None:
    (tokens0, xy0, turn0), (tokens1, xy1, turn1) = made(20, 1), made(15, 2)
    step = a_round()
    other = graph(xy1, turn1)

    straight = step(tokens0, tokens1, graph(xy0, turn0), other)
    moved = step(tokens0, tokens1, graph(1.4 * turned(xy0, angle) + 7, turned(turn0, 2 * angle)), other)

    assert torch.allclose(straight[0], moved[0], atol=1e-4) and torch.allclose(straight[1], moved[1], atol=1e-4)


def test_a_mirrored_picture_and_other_directions_do_not_give_the_same_tokens() -> None:
    (tokens0, xy0, turn0), (tokens1, xy1, turn1) = made(20, 1), made(15, 2)
    step, mirror = a_round(), torch.tensor([-1.0, 1.0])
    other = graph(xy1, turn1)
    straight = step(tokens0, tokens1, graph(xy0, turn0), other)[0]

    mirrored = step(tokens0, tokens1, graph(xy0 * mirror, turn0 * mirror.flip(0)), other)[0]
    twisted = step(tokens0, tokens1, graph(xy0, turned(turn0, 1.0)), other)[0]
    stretched = step(tokens0, tokens1, graph(xy0 * torch.tensor([3.0, 1.0]), turn0), other)[0]

    assert min((one - straight).abs().max().item() for one in (mirrored, twisted, stretched)) > 1e-3


def test_padding_changes_nothing() -> None:
    (tokens0, xy0, turn0), (tokens1, xy1, turn1) = made(20, 1), made(15, 2)
    known = torch.arange(20)[None] < 13
    step = a_round()

    padded = step(tokens0, tokens1, graph(xy0, turn0, known), graph(xy1, turn1))
    bare = step(tokens0[:, :13], tokens1, graph(xy0[:, :13], turn0[:, :13]), graph(xy1, turn1))

    assert torch.allclose(padded[0][:, :13], bare[0], atol=1e-5) and torch.allclose(padded[1], bare[1], atol=1e-5)


def test_it_does_not_matter_which_picture_comes_first() -> None:
    (tokens0, xy0, turn0), (tokens1, xy1, turn1) = made(20, 1), made(15, 2)
    step = a_round()

    there = step(tokens0, tokens1, graph(xy0, turn0), graph(xy1, turn1))
    back = step(tokens1, tokens0, graph(xy1, turn1), graph(xy0, turn0))

    assert torch.equal(there[0], back[1]) and torch.equal(there[1], back[0])


def test_in_the_local_graph_only_neighbours_are_heard() -> None:
    torch.manual_seed(0)
    tokens, xy, turn = made(20, 3)
    tied, attend = graph(xy, turn), as_if_taught(LocalAttention(CHANNELS, HEADS))
    other = tokens.clone()
    other[0, 5] += 1.0

    changed = ((attend(other, tied) - attend(tokens, tied)).abs().amax(dim=2) > 1e-6)[0]

    expected = (tied.neighbours[0] == 5).any(dim=1)
    expected[5] = True
    assert torch.equal(changed, expected)


def test_pictures_without_a_known_keypoint_leave_finite_tokens_and_gradients() -> None:
    tokens, xy, turn = made(6, 0)
    tokens.requires_grad_(True)
    nothing = graph(xy, turn, torch.zeros(1, 6, dtype=torch.bool))

    out = torch.stack(a_round()(tokens, tokens, nothing, nothing))
    out.sum().backward()

    assert out.isfinite().all() and tokens.grad is not None and tokens.grad.isfinite().all()


def test_every_weight_of_a_round_learns() -> None:
    (tokens0, xy0, turn0), (tokens1, xy1, turn1) = made(20, 1), made(15, 2)
    step = a_round()

    one, other = step(tokens0, tokens1, graph(xy0, turn0), graph(xy1, turn1))
    (one.square().sum() + other.square().sum()).backward()

    silent = [
        name for name, weight in step.named_parameters() if weight.grad is None or not weight.grad.abs().sum() > 0
    ]
    assert all(
        name.endswith("key.bias") or name == "local.weight.bias" for name in silent
    )  # a softmax drops what all share


def test_context_tells_keypoints_of_one_look_apart_and_wants_the_evidence_it_was_made_for() -> None:
    torch.manual_seed(0)
    words, score = torch.ones(1, 2, 16) / 4, torch.zeros(1, 2)
    deep = torch.stack([torch.zeros(12), torch.ones(12)])[None]
    plain, informed = as_if_taught(Context(16, 12)), as_if_taught(Context(16, 12, classes=2))

    one, other = plain(words, deep, score)[0]
    assert not torch.allclose(one, other, atol=1e-2)
    houses = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])
    one, other = informed(words, deep[:, :1].expand(1, 2, 12), score, houses)[0]
    assert not torch.allclose(one, other, atol=1e-2)
    for context, evidence in ((plain, houses), (informed, None), (informed, houses[..., :1])):
        with pytest.raises(InvalidInputError, match="classes of evidence"):
            context(words, deep, score, evidence)


def test_before_it_is_taught_a_round_leaves_tokens_as_they_come_and_a_token_is_its_descriptor() -> None:
    (tokens0, xy0, turn0), (tokens1, xy1, turn1) = made(20, 1), made(15, 2)
    heard = Round(CHANNELS, HEADS)(tokens0, tokens1, graph(xy0, turn0), graph(xy1, turn1))
    assert torch.equal(heard[0], tokens0) and torch.equal(heard[1], tokens1)
    words = torch.randn(1, 5, CHANNELS)
    tokens = Context(CHANNELS, 12)(words, torch.randn(1, 5, 12), torch.rand(1, 5))
    assert torch.allclose(tokens, words * CHANNELS**0.5)
