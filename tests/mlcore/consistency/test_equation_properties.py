"""Properties of U-CSA's equations 1-10 that hold for any numbers, and the paper's two faults as such properties."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from mlcore.consistency.losses import (
    discriminator_loss,
    prototype_loss,
    prototype_similarity,
    similarity,
    symmetric_contrast,
    total_loss,
)
from mlcore.consistency.score import Standardisation, discriminator_score, final_score

seeds = st.integers(0, 10_000)
sizes = st.integers(2, 9)
temperatures = st.floats(0.01, 1.0)
quick = settings(max_examples=40, deadline=None)


def draw(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def unit(seed: int, count: int, dimension: int = 8) -> torch.Tensor:
    return F.normalize(draw(seed, count, dimension), dim=1)


def auroc(matched: np.ndarray, unmatched: np.ndarray) -> float:
    return float((matched[:, None] > unmatched[None]).mean())


@quick
@given(seeds, sizes, temperatures)
def test_equation_1_lies_within_1_over_tau_and_is_its_limit_for_equal_vectors(seed, count, tau):
    vectors = unit(seed, count)
    table = similarity(vectors, vectors, tau)
    assert table.abs().max() <= (1 + 1e-5) / tau
    assert torch.allclose(table.diagonal() * tau, torch.ones(count), atol=1e-5)
    assert torch.allclose(similarity(vectors, vectors, tau / 2), 2 * table, rtol=1e-4, atol=1e-4)


@quick
@given(seeds, sizes)
def test_equations_2_and_3_do_not_depend_on_the_order_of_the_batch_nor_on_a_common_shift(seed, count):
    table = draw(seed, count, count).double()
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    loss = symmetric_contrast(table)
    assert symmetric_contrast(table[order][:, order]).item() == pytest.approx(loss.item(), abs=1e-9)
    assert symmetric_contrast(table + 3.7).item() == pytest.approx(loss.item(), abs=1e-9)
    assert loss.item() >= 0


@quick
@given(seeds, sizes, st.floats(0.1, 5))
def test_equations_2_and_3_fall_as_matches_come_closer(seed, count, step):
    table = draw(seed, count, count).double()
    assert symmetric_contrast(table + step * torch.eye(count)) < symmetric_contrast(table)


@quick
@given(seeds, sizes)
def test_equations_2_and_3_pull_matches_together_and_push_the_rest_apart(seed, count):
    table = draw(seed, count, count).double().requires_grad_()
    symmetric_contrast(table).backward()
    off = ~torch.eye(count, dtype=torch.bool)
    assert (table.grad.diagonal() < 0).all() and (table.grad[off] > 0).all()
    assert table.grad.sum().item() == pytest.approx(0.0, abs=1e-9)


@quick
@given(seeds, sizes)
def test_a_masked_negative_has_no_gradient_and_never_raises_the_loss(seed, count):
    table = draw(seed, count, count).double().requires_grad_()
    ignore = draw(seed + 1, count, count) > 0
    loss = symmetric_contrast(table, ignore)
    loss.backward()
    assert loss <= symmetric_contrast(table.detach()) + 1e-9
    assert (table.grad[ignore & ~torch.eye(count, dtype=torch.bool)] == 0).all()


@quick
@given(seeds, sizes)
def test_equations_4_and_9_are_a_cosine_whatever_the_order_and_only_rise_with_more_prototypes(seed, count):
    fused, prototypes = draw(seed, 5, 8), draw(seed + 1, count, 8)
    best = prototype_similarity(fused, prototypes)
    assert (best.abs() <= 1 + 1e-5).all()
    assert torch.allclose(prototype_similarity(fused, prototypes.flip(0)), best, atol=1e-6)
    assert (prototype_similarity(fused, torch.cat([prototypes, draw(seed + 2, 1, 8)])) >= best - 1e-6).all()
    assert torch.allclose(prototype_similarity(prototypes, prototypes), torch.ones(count), atol=1e-5)


@quick
@given(seeds, sizes)
def test_equation_5_pushes_matches_up_and_mismatches_down_until_the_margin(seed, count):
    matched = (2 * draw(seed, count).double()).requires_grad_()
    unmatched = (2 * draw(seed + 1, count).double()).requires_grad_()
    discriminator_loss(matched, unmatched).backward()
    assert torch.equal(matched.grad < 0, matched < 1) and torch.equal(unmatched.grad > 0, unmatched > -1)


@quick
@given(seeds, sizes)
def test_equation_6_lies_in_0_to_2_and_teaches_the_nearest_prototype_alone(seed, count):
    fused, prototypes = draw(seed, 1, 8), draw(seed + 1, count, 8).requires_grad_()
    loss = prototype_loss(prototype_similarity(fused, prototypes))
    loss.backward()
    nearest = F.cosine_similarity(fused, prototypes, dim=1).argmax()
    assert 0 <= loss.item() <= 2
    assert prototypes.grad.abs().sum(dim=1).nonzero().flatten().tolist() in ([int(nearest)], [])
    assert prototype_loss(prototype_similarity(3 * prototypes, prototypes)).item() == pytest.approx(0.0, abs=1e-5)


@quick
@given(st.floats(0, 4), st.floats(0, 2), st.floats(0, 1))
def test_equation_7_is_linear_in_lambda_and_0_leaves_the_prototypes_out(disc, proto, weight):
    parts = torch.tensor(disc).double(), torch.tensor(proto).double()
    assert total_loss(*parts, 0.0) == parts[0]
    assert total_loss(*parts, weight).item() == pytest.approx(disc + weight * proto, abs=1e-5)


@quick
@given(seeds, st.integers(4, 20))
def test_equation_8_keeps_the_order_that_equation_5_trains_and_the_printed_minus_reverses_it(seed, count):
    """The first fault: wherever Eq. 5 has done its work, -D ranks every mismatch above every match."""
    scores = torch.cat([1 + draw(seed, count).abs(), -1 - draw(seed + 1, count).abs()])
    assert discriminator_loss(scores[:count], scores[count:]).item() == 0.0
    ours, printed = discriminator_score(scores).numpy(), (-scores).numpy()
    assert auroc(ours[:count], ours[count:]) == 1.0
    assert auroc(printed[:count], printed[count:]) == 0.0


@quick
@given(seeds, st.floats(0.01, 1000), st.floats(-50, 50), st.floats(0.05, 0.95))
def test_equation_10_does_not_depend_on_the_unit_of_the_discriminator(seed, unit_of_d, offset, alpha):
    """The second fault: the printed sum follows whatever scale D happens to have; the standardised one doesn't."""
    random = np.random.default_rng(seed)
    disc, proto = random.normal(0, 1, 60), random.uniform(-1, 1, 60)
    plain = final_score(disc, proto, alpha, Standardisation.fit(disc[:30], proto[:30]))
    other = unit_of_d * disc + offset
    again = final_score(other, proto, alpha, Standardisation.fit(other[:30], proto[:30]))
    assert np.allclose(plain, again, atol=1e-3)


@quick
@given(seeds)
def test_the_printed_equation_10_loses_the_prototypes_once_d_is_large(seed):
    random = np.random.default_rng(seed)
    matched = np.arange(200) < 100
    proto = np.where(matched, 0.8, 0.2) + random.normal(0, 0.05, 200)
    disc = random.normal(0, 500, 200)
    ours = final_score(disc, proto, 0.7, Standardisation.fit(disc[matched], proto[matched]))
    printed = 0.7 * disc + 0.3 * proto
    assert auroc(ours[matched], ours[~matched]) > 0.95
    assert abs(auroc(printed[matched], printed[~matched]) - auroc(disc[matched], disc[~matched])) < 0.01


@quick
@given(seeds, st.floats(0, 1))
def test_equation_10_never_falls_as_either_score_rises(seed, alpha):
    random = np.random.default_rng(seed)
    disc, proto = random.normal(0, 2, 40), random.uniform(-1, 1, 40)
    standard = Standardisation.fit(disc, proto)
    scores = final_score(disc, proto, alpha, standard)
    assert (final_score(disc + 0.5, proto, alpha, standard) >= scores - 1e-6).all()
    assert (final_score(disc, proto + 0.1, alpha, standard) >= scores - 1e-6).all()
