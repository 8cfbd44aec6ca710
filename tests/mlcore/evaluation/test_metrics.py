"""Metrics against their definitions, written out naively."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import roc_auc_score

from mlcore.errors import InvalidInputError
from mlcore.evaluation.metrics import (
    all_positive_f1,
    auroc,
    average_precision,
    best_f1,
    block_interval,
    calibration_error,
    f1_at,
    prevalence,
)


@st.composite
def labelled_scores(draw):
    count = draw(st.integers(2, 40))
    positive = draw(arrays(bool, count))
    positive[0], positive[-1] = True, False
    scores = draw(arrays(float, count, elements=st.integers(-4, 4).map(float)))
    return positive, scores


@given(labelled_scores())
def test_auroc_is_the_share_of_won_pairs_with_ties_half(sample):
    positive, scores = sample
    pairs = [(p > n) + 0.5 * (p == n) for p in scores[positive] for n in scores[~positive]]
    assert auroc(positive, scores) == pytest.approx(np.mean(pairs))
    assert auroc(positive, scores) == pytest.approx(roc_auc_score(positive, scores), abs=1e-12)


@given(labelled_scores())
def test_auroc_turns_round_with_the_scores(sample):
    positive, scores = sample
    assert auroc(positive, scores) + auroc(positive, -scores) == pytest.approx(1.0)


@given(labelled_scores())
def test_average_precision_sums_precision_over_the_steps_of_recall(sample):
    positive, scores = sample
    total, recall = 0.0, 0.0
    for threshold in sorted(set(scores), reverse=True):
        called = scores >= threshold
        reached = (called & positive).sum() / positive.sum()
        total += (reached - recall) * (called & positive).sum() / called.sum()
        recall = reached
    assert average_precision(positive, scores) == pytest.approx(total)


@given(labelled_scores())
def test_no_threshold_beats_the_best_f1_and_its_threshold_gives_it(sample):
    positive, scores = sample
    best, threshold = best_f1(positive, scores)
    assert best == pytest.approx(max(f1_at(positive, scores, each) for each in set(scores)))
    assert f1_at(positive, scores, threshold) == pytest.approx(best)
    assert best >= all_positive_f1(positive) - 1e-12


@given(labelled_scores())
def test_all_positive_f1_is_f1_below_the_lowest_score(sample):
    positive, scores = sample
    assert all_positive_f1(positive) == pytest.approx(f1_at(positive, scores, scores.min()))
    assert prevalence(positive) == pytest.approx(positive.mean())


def test_calibration_error_is_nothing_for_true_frequencies_and_the_gap_otherwise():
    positive = np.array([True, False, False, False] * 25)
    assert calibration_error(positive, np.full(100, 0.25)) == pytest.approx(0.0)
    assert calibration_error(positive, np.full(100, 0.95)) == pytest.approx(0.70)


def test_a_block_interval_holds_the_figure_and_widens_with_fewer_blocks():
    random = np.random.default_rng(0)
    positive = random.random(400) < 0.5
    scores = positive + random.normal(0, 1.5, 400) + np.repeat(random.normal(0, 1.0, 4), 100)
    few = block_interval(auroc, positive, scores, np.repeat(np.arange(4), 100), draws=300)
    many = block_interval(auroc, positive, scores, np.arange(400), draws=300)
    assert few.low <= few.value <= few.high
    assert many.low < many.value < many.high
    assert few.value == many.value == auroc(positive, scores)


@pytest.mark.parametrize(
    ("positive", "scores"),
    [([True, True], [0.1, 0.2]), ([True, False], [0.1, np.nan]), ([True], [0.1, 0.2]), ([], [])],
)
def test_what_has_no_auroc_is_refused(positive, scores):
    with pytest.raises(InvalidInputError):
        auroc(np.array(positive, bool), np.array(scores, float))


def test_probabilities_outside_the_unit_interval_are_refused():
    with pytest.raises(InvalidInputError, match="calibrate"):
        calibration_error(np.array([True, False]), np.array([0.5, 1.5]))
