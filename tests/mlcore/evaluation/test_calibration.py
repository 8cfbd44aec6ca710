"""Calibration recovers known odds and stays modest on little data."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import expit

from mlcore.errors import InvalidInputError
from mlcore.evaluation.calibration import fit_calibration
from mlcore.evaluation.metrics import calibration_error


def test_known_odds_are_recovered():
    random = np.random.default_rng(0)
    scores = random.normal(3.0, 2.0, 20_000)
    truth = expit(1.5 * (scores - 3.0) - 0.5)
    positive = random.random(20_000) < truth
    fitted = fit_calibration(positive, scores)
    assert np.abs(fitted.probability(scores) - truth).max() < 0.03
    assert calibration_error(positive, fitted.probability(scores)) < 0.02


@st.composite
def samples(draw):
    count = draw(st.integers(4, 60))
    positive = draw(arrays(bool, count))
    positive[0], positive[-1] = True, False
    return positive, draw(arrays(float, count, elements=st.floats(-50, 50)))


@given(samples())
def test_no_other_slope_or_bias_explains_smoothed_labels_better(sample):
    positive, scores = sample
    fitted, count = fit_calibration(positive, scores), positive.sum()
    z = (scores - fitted.mean) / fitted.deviation
    target = np.where(positive, (count + 1) / (count + 2), 1 / (len(positive) - count + 2))

    def loss(slope, bias):
        logits = slope * z + bias
        return np.sum(np.logaddexp(0, logits) - target * logits) + 0.5 * slope**2

    best = loss(fitted.slope, fitted.bias)
    for step in (1e-2, 1e-3):
        for slope, bias in ((step, 0), (-step, 0), (0, step), (0, -step)):
            if fitted.slope + slope >= 0:
                assert loss(fitted.slope + slope, fitted.bias + bias) >= best - 1e-9


def test_a_score_that_falls_with_truth_says_nothing():
    random = np.random.default_rng(2)
    positive = random.random(500) < 0.5
    scores = random.normal(0, 1, 500) - positive
    fitted = fit_calibration(positive, scores)
    assert fitted.slope == 0.0
    assert fitted.probability(scores) == pytest.approx(positive.mean(), abs=0.01)


def test_perfect_separation_of_few_samples_gives_no_certainty():
    fitted = fit_calibration(np.array([False, False, True, True]), np.array([0.0, 0.1, 0.9, 1.0]))
    assert 0.05 < fitted.probability(np.array([0.0]))[0] < 0.5 < fitted.probability(np.array([1.0]))[0] < 0.95


def test_a_constant_feature_is_harmless():
    fitted = fit_calibration(np.array([False, True, False, True]), np.ones(4))
    assert fitted.probability(np.ones(1))[0] == pytest.approx(0.5, abs=1e-6)


@pytest.mark.parametrize(
    ("positive", "features"),
    [([True] * 5, [0.0] * 5), ([True, False], [0.0, 1.0]), ([True, False] * 3, [0.0, np.inf] * 3)],
)
def test_what_can_not_be_calibrated_is_refused(positive, features):
    with pytest.raises(InvalidInputError):
        fit_calibration(np.array(positive), np.array(features))
