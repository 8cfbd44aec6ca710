import torch
import torch.nn.functional as F

from mlcore.geolocation.attention import SelfAttention, linear_attention, rotary_angles, rotated


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_linear_attention_is_its_quadratic_form():
    queries, keys, values = (drawn(2, 2, 12, 8, seed=seed) for seed in range(3))
    angles, valid = rotary_angles(3, 4, 8), torch.ones(2, 12, dtype=torch.bool)
    valid[:, -2:] = False
    mapped, offered = F.elu(queries) + 1, (F.elu(keys) + 1) * valid[:, None, :, None]
    weights = rotated(mapped, angles) @ rotated(offered, angles).transpose(2, 3)
    total = (mapped @ offered.transpose(2, 3)).sum(dim=3, keepdim=True)
    assert torch.allclose(linear_attention(queries, keys, values, angles, valid), weights @ values / total, atol=1e-5)


def test_what_has_no_data_is_not_attended_to():
    queries, keys, values = (drawn(1, 1, 4, 4, seed=seed) for seed in range(3))
    angles, valid = rotary_angles(2, 2, 4), torch.tensor([[True, True, False, True]])
    before = linear_attention(queries, keys, values, angles, valid)
    keys[:, :, 2], values[:, :, 2] = 9.0, -9.0
    assert torch.allclose(before, linear_attention(queries, keys, values, angles, valid))


def test_rotary_positions_tell_only_how_far_apart_two_cells_are():
    angles = rotary_angles(5, 6, 16)
    one, other = drawn(16, seed=1), drawn(16, seed=2)

    def product(row0: int, column0: int, row1: int, column1: int) -> float:
        first, second = angles[row0 * 6 + column0], angles[row1 * 6 + column1]
        return float(rotated(one[None], first[None]) @ rotated(other[None], second[None]).T)

    assert abs(product(0, 1, 2, 2) - product(2, 4, 4, 5)) < 1e-4
    assert abs(product(0, 1, 2, 2) - product(0, 1, 2, 3)) > 1e-3


def test_a_turn_keeps_lengths():
    features = drawn(1, 12, 8)
    assert torch.allclose(rotated(features, rotary_angles(3, 4, 8)).norm(dim=2), features.norm(dim=2), atol=1e-5)


def test_the_layer_takes_grids_of_any_shape():
    layer = SelfAttention(16, 2)
    for shape in ((1, 1), (3, 5), (7, 2)):
        count = shape[0] * shape[1]
        assert layer(drawn(2, count, 16), torch.ones(2, count, dtype=torch.bool), shape).shape == (2, count, 16)
