"""Figures over seeds: nothing is chosen where it is used, intervals resample whole blocks, and nothing hides."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlcore.errors import InvalidInputError
from mlcore.evaluation.metrics import auroc
from mlcore.evaluation.summary import (
    PARTS,
    Rows,
    base_figures,
    blocks_of,
    called_elsewhere,
    f1_elsewhere,
    probabilities_elsewhere,
)
from mlcore.evaluation.summary import (
    summary as full_summary,
)
from tests.mlcore.changes.made_place import tiles_of


def summary(rows, agreement):
    return full_summary(rows, agreement, draws=60)


def rows_of(count, seed=0, blocks=8):
    rng = np.random.default_rng(seed)
    block = np.arange(count) % blocks
    state = rng.integers(0, 2, count)
    share = np.where(state == 1, rng.uniform(0.005, 0.2, count), 0.0)
    kind = np.where(state == 1, np.where(rng.random(count) < 0.5, "deleted", "invented"), "").astype(object)
    return Rows(state, share, kind, block, block % PARTS, np.arange(count) % 20)


def test_perfect_agreement_scores_give_one_and_constant_ones_a_half():
    rows = rows_of(80)
    best = summary(rows, np.where(rows.state == 1, 0.0, 1.0))
    assert best["auroc"] == best["average_precision"] == best["f1"] == best["auroc_2_percent"] == 1.0
    assert (best["auroc_low"], best["auroc_high"]) == (1.0, 1.0)
    assert summary(rows, np.zeros(80))["auroc"] == 0.5


def test_low_agreement_means_changed():
    rows = rows_of(80)
    assert summary(rows, rows.state.astype(float))["auroc"] == 0.0


def test_mean_and_deviation_are_over_seeds():
    rows, rng = rows_of(80), np.random.default_rng(1)
    scores = rng.random((3, 80)) - 0.5 * rows.state
    figures = summary(rows, scores)
    each = [auroc(rows.state == 1, -one) for one in scores]
    assert figures["auroc_seeds"] == each
    assert figures["auroc"] == pytest.approx(np.mean(each))
    assert figures["auroc_sd"] == pytest.approx(np.std(each, ddof=1))
    assert figures["auroc_low"] < figures["auroc"] < figures["auroc_high"]
    assert summary(rows, scores[:1])["auroc_sd"] is None


def test_undecided_pairs_count_by_size_alone():
    rows = rows_of(80)
    state, share = rows.state.copy(), rows.share.copy()
    state[:10], share[:10] = -1, 0.01
    some = Rows(state, share, rows.kind, rows.block, rows.part, rows.tile)
    scores = np.random.default_rng(0).random(80)
    other = scores.copy()
    other[:10] = 99.0
    assert summary(some, scores)["auroc"] == summary(some, other)["auroc"]
    assert summary(some, scores)["by_size"][0]["pairs"] >= 10
    assert summary(some, scores)["by_size"][0]["auroc"] != summary(some, other)["by_size"][0]["auroc"]
    assert base_figures(some)["undecided"] == 10


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), which=st.integers(0, PARTS - 1))
def test_what_is_called_in_a_part_does_not_depend_on_that_parts_truth(seed, which):
    rows, rng = rows_of(60, seed), np.random.default_rng(seed + 1)
    changed, doubt = rows.state == 1, rng.random(60)
    here = rows.part == which
    twisted = np.where(here, ~changed, changed)
    assert (
        called_elsewhere(changed, doubt, rows.part)[here] == called_elsewhere(twisted, doubt, rows.part)[here]
    ).all()
    first, second = (probabilities_elsewhere(truth, doubt, rows.part) for truth in (changed, twisted))
    assert np.allclose(first[here], second[here])


def test_an_f1_of_noise_does_not_beat_what_a_threshold_on_the_same_pairs_would_claim():
    rng = np.random.default_rng(5)
    changed, doubt, part = rng.random(40) < 0.2, rng.random(40), np.arange(40) % 4
    thresholds = np.unique(doubt)
    best = max(2 * (changed & (doubt >= t)).sum() / (changed.sum() + (doubt >= t).sum()) for t in thresholds)
    assert f1_elsewhere(changed, doubt, part) < best


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_interval_does_not_depend_on_the_order_of_pairs(seed):
    rows, rng = rows_of(48, seed), np.random.default_rng(seed)
    scores = rng.random(48) - 0.3 * rows.state
    order = np.concatenate([np.flatnonzero(rows.block == block) for block in range(8)])
    one, two = summary(rows, scores), summary(rows.take(order), scores[order])
    for name in ("auroc", "auroc_low", "auroc_high", "f1"):
        assert one[name] == pytest.approx(two[name])


def test_pairs_that_stand_and_fall_together_widen_the_interval():
    """The same pairs in eight blocks or in forty: scores that differ by block alone are worth eight, not forty."""
    rng = np.random.default_rng(3)
    block = np.repeat(np.arange(10), 8)
    state = np.tile([0, 1], 40)
    scores = rng.normal(size=10)[block] * 2 - 0.5 * state + rng.normal(size=80) * 0.1
    share, kind = np.where(state == 1, 0.1, 0.0), np.where(state == 1, "deleted", "").astype(object)
    by_block = summary(Rows(state, share, kind, block, block % 4, block), scores)
    by_pair = summary(Rows(state, share, kind, np.arange(80) // 2, block % 4, block), scores)
    assert by_block["auroc"] == by_pair["auroc"]
    assert by_block["auroc_high"] - by_block["auroc_low"] != by_pair["auroc_high"] - by_pair["auroc_low"]


def test_one_block_has_no_interval_and_one_class_no_figures():
    rows = rows_of(20)
    alone = Rows(rows.state, rows.share, rows.kind, np.zeros(20, int), np.zeros(20, int), rows.tile)
    figures = summary(alone, np.random.default_rng(0).random(20))
    assert figures["auroc"] is not None
    assert (figures["auroc_low"], figures["f1"], figures["calibration_error"]) == (None, None, None)
    same = Rows(np.zeros(20, int), np.zeros(20), rows.kind, rows.block, rows.part, rows.tile)
    assert summary(same, np.zeros(20))["auroc"] is None


def test_a_missing_or_infinite_score_is_refused():
    rows = rows_of(20)
    with pytest.raises(InvalidInputError, match="every pair"):
        summary(rows, np.zeros(19))
    with pytest.raises(InvalidInputError, match="finite"):
        summary(rows, np.full(20, np.nan))


def test_prevalence_and_the_all_positive_f1_stand_beside():
    rows = rows_of(80)
    figures, share = base_figures(rows), (rows.state == 1).mean()
    assert figures["prevalence"] == pytest.approx(share)
    assert figures["all_positive_f1"] == pytest.approx(2 * share / (1 + share))


def test_a_block_lies_wholly_in_one_part():
    tiles = tiles_of(8, 6)
    blocks, parts = blocks_of(tiles)
    assert len(set(blocks.tolist())) == 12
    assert len(set(parts.tolist())) == PARTS
    for block in set(blocks.tolist()):
        assert len(set(parts[blocks == block].tolist())) == 1
