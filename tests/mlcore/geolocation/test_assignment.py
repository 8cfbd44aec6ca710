import math

import torch

from mlcore.geolocation.assignment import assign_cells, moved


def similarity(angle: float, scale: float = 1.0, shift: tuple[float, float] = (0.0, 0.0)) -> torch.Tensor:
    cos, sin = scale * math.cos(angle), scale * math.sin(angle)
    return torch.tensor([[[cos, -sin, shift[0]], [sin, cos, shift[1]], [0, 0, 1.0]]], dtype=torch.float64)


def everywhere(rows: int, columns: int) -> torch.Tensor:
    return torch.ones(1, rows, columns, dtype=torch.bool)


def test_a_picture_on_itself_has_every_cell_on_its_own():
    found = assign_cells(similarity(0), everywhere(3, 4), everywhere(3, 4), 64)
    assert torch.equal(found.forth[0], torch.eye(12, dtype=torch.bool)) and torch.equal(found.back, found.forth)


def test_the_labels_of_the_other_direction_are_those_of_the_inverse():
    matrix = similarity(0.7, 1.4, (90, -20))
    found = assign_cells(matrix, everywhere(4, 5), everywhere(6, 6), 64)
    inverse = assign_cells(torch.linalg.inv(matrix), everywhere(6, 6), everywhere(4, 5), 64)
    assert torch.equal(found.forth, inverse.back.transpose(1, 2))
    assert torch.equal(found.back, inverse.forth.transpose(1, 2))
    assert torch.equal(found.near, inverse.near.transpose(1, 2))


def test_several_cells_of_a_magnified_query_share_one_of_the_base():
    found = assign_cells(similarity(0, 0.5), everywhere(4, 4), everywhere(2, 2), 64)
    assert found.forth[0].sum(dim=0).tolist() == [4, 4, 4, 4] and found.back[0].sum() == 4


def test_cells_outside_or_without_data_have_no_label():
    valid = everywhere(2, 2)
    valid[0, 0, 0] = False
    found = assign_cells(similarity(0, 1.0, (64, 0)), everywhere(2, 2), valid, 64)
    assert found.forth[0].nonzero().tolist() == [[0, 1], [2, 3]]
    assert not assign_cells(similarity(0, 1.0, (900, 0)), everywhere(2, 2), everywhere(2, 2), 64).forth.any()


def test_under_a_turn_centres_share_more_ground_than_corners():
    """By corners a cell turned by half a circle gets the neighbour of its partner (TopicGeo, Section 3.3)."""
    half_turn = similarity(math.pi, 1.0, (260, 260))
    shared = {}
    for centres in (True, False):
        found = assign_cells(half_turn, everywhere(4, 4), everywhere(4, 4), 64, centres=centres).forth[0]
        rows, columns = found.nonzero(as_tuple=True)
        middles = torch.stack([rows % 4, rows // 4], dim=1).double() * 64 + 32
        there = moved(half_turn, middles)[0]
        partners = torch.stack([columns % 4, columns // 4], dim=1).double() * 64 + 32
        shared[centres] = float((64 - (there - partners).abs()).clamp(min=0).prod(dim=1).mean()) / 64**2
    assert shared[True] > 0.7 > shared[False]


def test_a_point_beyond_the_horizon_lies_nowhere():
    tilted = torch.eye(3, dtype=torch.float64)[None].clone()
    tilted[0, 2, 0] = -0.02
    assert (moved(tilted, torch.tensor([[10.0, 5], [100, 5]], dtype=torch.float64))[0, 1] < -1e5).all()
