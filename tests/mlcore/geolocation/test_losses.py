import math

import pytest
import torch

from mlcore.geolocation.assignment import Assignment, assign_cells
from mlcore.geolocation.coarse import dual_softmax
from mlcore.geolocation.losses import (
    coarse_loss,
    contrast_loss,
    descriptor_loss,
    expectation_loss,
    fine_loss,
    focal_loss,
    total_loss,
    window_loss,
)

TRUE = torch.eye(4, dtype=torch.bool)[None]


def same_place(batch: int = 1, cells: int = 2) -> Assignment:
    everywhere = torch.ones(batch, cells, cells, dtype=torch.bool)
    return assign_cells(torch.eye(3).repeat(batch, 1, 1), everywhere, everywhere, 64)


def test_focal_loss_is_nothing_for_what_is_sure_and_right():
    assert float(focal_loss(TRUE.float(), TRUE, 0.25, 2)) < 1e-4
    assert float(focal_loss(1 - TRUE.float(), TRUE, 0.25, 2)) > 1


def test_gamma_lets_what_is_nearly_right_count_less():
    nearly = torch.where(TRUE, 0.9, 0.03)
    assert focal_loss(nearly, TRUE, 0.25, 2) < 0.1 * focal_loss(nearly, TRUE, 0.25, 0)


def test_a_tokens_weight_multiplies_its_rows():
    probabilities = torch.full((1, 4, 4), 0.25)
    weights = torch.tensor([[2.0, 0, 0, 0]])
    alone = focal_loss(probabilities[:, :1], TRUE[:, :1], 0.25, 2)
    assert torch.allclose(focal_loss(probabilities, TRUE, 0.25, 2, weights), 2 * alone / 4)


def test_the_joint_loss_falls_as_the_table_becomes_right():
    truth, valid = same_place(), torch.ones(1, 4, dtype=torch.bool)
    losses = []
    for sharpness in (0.0, 2.0, 8.0):
        forth, back = dual_softmax(sharpness * torch.eye(4)[None], valid, valid)
        losses.append(float(coarse_loss(forth, back, truth, torch.ones(1, 4), 0.25, 2)))
        assert losses[-1] == pytest.approx(float(window_loss(forth, back, truth, 0.25, 2)))
    assert losses == sorted(losses, reverse=True)


def test_tokens_of_other_bases_are_counter_examples_and_neighbours_are_not():
    generator = torch.Generator().manual_seed(0)
    query = torch.nn.functional.normalize(torch.randn(2, 4, 8, generator=generator), dim=2)
    valid, truth = torch.ones(2, 4, dtype=torch.bool), same_place(2)
    right = contrast_loss(query, query, valid, valid, truth, torch.tensor(10.0), torch.tensor(5.0))
    confused = query.clone()
    confused[1] = query[0]  # another base that shows the very same
    assert contrast_loss(query, confused, valid, valid, truth, torch.tensor(10.0), torch.tensor(5.0)) > right
    alike = query[:1, :1].expand(-1, 4, -1)  # four cells all alike: only the one across the corner must be told apart
    loss = contrast_loss(alike, alike, valid[:1], valid[:1], same_place(), torch.tensor(40.0), None)
    assert float(loss) == pytest.approx(2 * math.log(2), rel=1e-4)


def test_a_descriptor_must_find_its_own_base():
    assert (
        float(descriptor_loss(torch.eye(4), torch.eye(4)))
        < 0.01
        < float(descriptor_loss(torch.eye(4), torch.eye(4).flip(0)))
    )


def test_unsure_places_count_less():
    found, truth = torch.tensor([[0.0, 0], [3.0, 0]]), torch.zeros(2, 2)
    assert expectation_loss(found, truth, torch.tensor([0.5, 3.0])) < expectation_loss(found, truth, torch.ones(2))
    assert float(expectation_loss(found[:0], truth[:0], torch.ones(0))) == 0


def test_the_losses_add_up():
    one, two, three = (torch.tensor(value) for value in (1.0, 2.0, 4.0))
    assert float(fine_loss(one, two)) == 3 and float(total_loss(one, two, three)) == 7
