"""U-CSA's equations 1-10 against their definitions, and the paper's two faults."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from mlcore.consistency.losses import (
    cell_contrast,
    discriminator_loss,
    identical_anchors,
    prototype_loss,
    prototype_similarity,
    similarity,
    symmetric_contrast,
    total_loss,
)
from mlcore.consistency.score import Standardisation, discriminator_score, final_score, tile_score
from mlcore.errors import InvalidInputError

seeds = st.integers(0, 10_000)
quick = settings(max_examples=40, deadline=None)


def unit(seed, count=6, dimension=8):
    return F.normalize(torch.randn(count, dimension, generator=torch.Generator().manual_seed(seed)), dim=1)


@quick
@given(seeds)
def test_equation_1_is_the_cosine_over_tau(seed):
    features, texts = unit(seed), unit(seed + 1, 4)
    table = similarity(features, texts, 0.07)
    assert table[2, 3].item() == pytest.approx(float(features[2] @ texts[3]) / 0.07, rel=1e-5)


@quick
@given(seeds)
def test_equations_2_and_3_are_both_cross_entropies_halved(seed):
    table = similarity(unit(seed), unit(seed + 1), 0.5).double()
    direct = 0.0
    for i in range(6):
        direct += math.log(table[i, i].exp() / table[i].exp().sum()) + math.log(
            table[i, i].exp() / table[:, i].exp().sum()
        )
    assert symmetric_contrast(table).item() == pytest.approx(-direct / 12, rel=1e-6)
    assert symmetric_contrast(table).item() == pytest.approx(symmetric_contrast(table.T).item(), rel=1e-6)


def test_a_contrast_that_knows_nothing_is_log_n_and_a_perfect_one_is_nothing():
    assert symmetric_contrast(torch.zeros(8, 8)).item() == pytest.approx(math.log(8), rel=1e-5)
    assert symmetric_contrast(100 * torch.eye(8)).item() < 1e-6


def test_tiles_that_share_an_anchor_are_no_negatives_of_each_other():
    texts = unit(0)
    texts[1] = texts[0]
    ignore = identical_anchors(texts)
    assert ignore[0, 1] and ignore[1, 0] and not ignore[0, 2]
    table = similarity(texts, texts, 0.01)
    assert symmetric_contrast(table).item() > 0.2
    assert symmetric_contrast(table, ignore).item() < 0.01


def test_in_half_precision_anchors_that_are_nearly_alike_are_still_told_apart():
    texts = F.normalize(unit(0) + 40.0, dim=1)
    assert (texts @ texts.T).min() > 0.998
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(identical_anchors(texts), torch.eye(6, dtype=torch.bool))
        exact = (texts.double() @ texts.double().T / 0.07).float()
        assert torch.allclose(similarity(texts, texts, 0.07), exact, atol=1e-4)


@quick
@given(seeds)
def test_equation_4_is_the_best_cosine_whatever_the_lengths(seed):
    fused, prototypes = unit(seed) * 3.0, unit(seed + 1, 5)
    best = max(float(F.cosine_similarity(fused[0], p, dim=0)) for p in prototypes)
    assert prototype_similarity(fused, prototypes)[0].item() == pytest.approx(best, abs=1e-5)
    assert torch.allclose(
        prototype_similarity(fused, prototypes), prototype_similarity(fused, 7 * prototypes), atol=1e-5
    )


@quick
@given(st.lists(st.floats(-5, 5), min_size=1, max_size=9), st.lists(st.floats(-5, 5), min_size=1, max_size=9))
def test_equation_5_is_the_hinge_and_vanishes_beyond_the_margins(matched, unmatched):
    expected = np.mean([max(0, 1 - x) for x in matched]) + np.mean([max(0, 1 + x) for x in unmatched])
    assert discriminator_loss(torch.tensor(matched), torch.tensor(unmatched)).item() == pytest.approx(
        expected, abs=1e-5
    )
    apart = discriminator_loss(torch.tensor(matched).abs() + 1, -torch.tensor(unmatched).abs() - 1)
    assert apart.item() == 0.0


def test_equations_6_and_7_weigh_the_distance_to_the_prototypes():
    proto = prototype_loss(torch.tensor([1.0, 0.5]))
    assert proto.item() == pytest.approx(0.25)
    assert total_loss(torch.tensor(2.0), proto, 0.5).item() == pytest.approx(2.125)


def test_a_discriminator_trained_by_equation_5_is_high_on_matches_so_equation_8_must_not_negate_it():
    torch.manual_seed(0)
    matched, unmatched = torch.randn(200, 4) + 1, torch.randn(200, 4) - 1
    head = torch.nn.Linear(4, 1)
    optimiser = torch.optim.Adam(head.parameters(), 0.05)
    for _ in range(100):
        optimiser.zero_grad()
        discriminator_loss(head(matched), head(unmatched)).backward()
        optimiser.step()
    ours = discriminator_score(head(matched)).mean() - discriminator_score(head(unmatched)).mean()
    as_printed = -head(matched).mean() + head(unmatched).mean()
    assert ours > 1.5 and as_printed < -1.5


def test_without_standardising_the_unbounded_score_drowns_the_cosine_in_equation_10():
    random = np.random.default_rng(0)
    matched = np.arange(400) < 200
    disc = random.normal(0, 40, 400).astype(np.float32)
    proto = (0.9 + 0.02 * matched + random.normal(0, 0.005, 400)).astype(np.float32)
    standard = Standardisation.fit(disc[matched], proto[matched])

    def gap(scores):
        return (scores[matched].mean() - scores[~matched].mean()) / scores.std()

    assert gap(final_score(disc, proto, 0.7, standard)) > 1.0
    assert abs(gap(0.7 * disc + 0.3 * proto)) < 0.3


@quick
@given(seeds, st.floats(0, 1))
def test_equation_10_is_nothing_on_average_over_the_matches_it_was_standardised_on(seed, alpha):
    random = np.random.default_rng(seed)
    disc, proto = random.normal(5, 3, 50), random.uniform(-1, 1, 50)
    scores = final_score(disc, proto, alpha, Standardisation.fit(disc, proto))
    assert scores.mean() == pytest.approx(0.0, abs=1e-5)
    raised = final_score(disc + 1, proto, alpha, Standardisation.fit(disc, proto))
    assert (raised >= scores - 1e-6).all()


def test_a_tile_is_judged_by_its_lowest_cells_that_have_an_image():
    cells = torch.ones(2, 10, 10)
    cells[0, 3, 3], cells[1, 0, :2] = -1.0, -5.0
    assert tile_score(cells, 0.02).tolist() == [0.0, -5.0]
    valid = torch.ones(2, 10, 10, dtype=torch.bool)
    valid[1, 0] = False
    assert tile_score(cells, 0.02, valid).tolist() == [0.0, 1.0]
    assert tile_score(cells, 0.02, torch.zeros_like(valid)).isfinite().all()


def test_cells_are_contrasted_only_where_they_have_a_target():
    texts = unit(0, 4)
    cells = texts[torch.tensor([[0, 1], [2, 3]])].permute(2, 0, 1)[None] * 5
    right = torch.tensor([[[0, 1], [2, 3]]])
    assert cell_contrast(cells, texts, right, 0.05) < cell_contrast(cells, texts, right.flip(1), 0.05)
    assert cell_contrast(cells, texts, torch.full((1, 2, 2), -1), 0.05).item() == 0.0


def test_wrong_shapes_are_refused():
    for call in (
        lambda: similarity(torch.zeros(2, 3), torch.zeros(2, 4), 1.0),
        lambda: symmetric_contrast(torch.zeros(2, 3)),
        lambda: prototype_similarity(torch.zeros(2, 3), torch.zeros(2, 4)),
        lambda: Standardisation.fit(np.zeros(0), np.zeros(0)),
        lambda: final_score(np.zeros(2), np.zeros(3), 0.5, Standardisation()),
    ):
        with pytest.raises(InvalidInputError):
            call()
