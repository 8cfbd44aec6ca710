import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mlcore.geolocation.config import GeolocationConfig
from mlcore.geolocation.retrieval import coherence
from mlcore.geolocation.verification import (
    angle_compatibility,
    angle_difference,
    confidences,
    distance_compatibility,
    distance_spread,
)

CONFIG = GeolocationConfig.preset("tiny")


def points(seed: int, count: int = 10) -> torch.Tensor:
    return torch.rand(1, count, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 8


def turned(xy: torch.Tensor, angle: float, scale: float, mirror: float = 1.0) -> torch.Tensor:
    cos, sin = scale * math.cos(angle), scale * math.sin(angle)
    matrix = torch.tensor([[cos, -sin], [sin, cos]], dtype=xy.dtype) @ torch.diag(
        torch.tensor([mirror, 1.0], dtype=xy.dtype)
    )
    return xy @ matrix.T + torch.tensor([3.0, -5.0], dtype=xy.dtype)


def known(xy: torch.Tensor) -> torch.Tensor:
    return torch.ones(xy.shape[:2], dtype=torch.bool)


@given(st.integers(0, 200), st.floats(0, 6.28), st.floats(0.3, 3))
@settings(max_examples=30, deadline=None)
def test_a_similarity_is_perfectly_coherent(seed, angle, scale):
    xy = points(seed)
    there = turned(xy, angle, scale)
    assert distance_spread(xy, there, known(xy)).max() < 1e-9
    assert angle_difference(xy, there, known(xy), 5).max() < 1e-5
    assert torch.allclose(coherence(xy, there, known(xy), CONFIG), torch.tensor(9.0, dtype=xy.dtype))


@given(st.integers(0, 200), st.floats(0, 6.28), st.floats(0.5, 2))
@settings(max_examples=30, deadline=None)
def test_wrong_matches_are_weighed_alike_however_the_query_is_turned_and_scaled(seed, angle, scale):
    xy, there = points(seed), points(seed)
    there[0, :4] = points(seed + 1000)[0, :4]
    before = coherence(xy, there, known(xy), CONFIG)
    assert torch.allclose(before, coherence(turned(xy, angle, scale), there, known(xy), CONFIG), atol=1e-4)


def test_a_mirrored_picture_has_the_distances_but_not_the_angles():
    xy = points(3)
    there = turned(xy, 0.4, 1.0, mirror=-1.0)
    assert distance_spread(xy, there, known(xy)).max() < 1e-9
    assert angle_difference(xy, there, known(xy), 5).min() > 0.2


def test_right_matches_outweigh_a_wrong_one():
    xy = points(5)
    there = turned(xy, 1.0, 1.5)
    there[0, 0] += torch.tensor([9.0, -7.0], dtype=xy.dtype)
    weights = coherence(xy, there, known(xy), CONFIG)[0]
    assert weights[0] < weights[1:].min()


def test_what_is_not_known_changes_nothing():
    xy = points(7)
    there = turned(xy, 2.0, 0.7)
    wider = [torch.cat([each, points(8, 3)], dim=1) for each in (xy, there)]
    mask = torch.tensor([[True] * 10 + [False] * 3])
    assert torch.allclose(coherence(*wider, mask, CONFIG)[0, :10], coherence(xy, there, known(xy), CONFIG)[0])


def test_two_cells_on_one_are_no_place_at_all():
    xy = points(9)
    assert coherence(xy, torch.zeros_like(xy), known(xy), CONFIG).max() == 0


@pytest.mark.parametrize("spread, wanted", [(0.0, 9.0), (0.04, 9.0), (0.2, 5.0), (0.4, 0.0), (3.0, 0.0)])
def test_equation_9_is_flat_up_to_the_limit_and_zero_from_z_times_it(spread, wanted):
    assert float(distance_compatibility(torch.tensor(spread), 10.0, 0.2)) == pytest.approx(wanted, abs=1e-4)


def test_equation_10_falls_with_the_square_of_the_angle():
    found = angle_compatibility(torch.tensor([0.0, 0.1, 0.2, 0.4]), 10.0, 0.1)
    assert found.tolist() == pytest.approx([9.0, 9.0, 6.0, 0.0], abs=1e-4)


def test_equation_11_weighs_probabilities_by_both_kinds_of_coherence():
    values = [torch.tensor(value) for value in (2.0, 6.0, 0.75)]
    assert float(confidences(*values, angle_share=0.25)) == pytest.approx((0.25 * 6 + 0.75 * 2) * 0.75)
