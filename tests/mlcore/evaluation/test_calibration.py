"""Calibration recovers known odds and stays modest on little data."""

import json

import numpy as np
import pytest
from scipy.special import expit

from mlcore.errors import InvalidInputError
from mlcore.evaluation.calibration import Calibration, fit_calibration
from mlcore.evaluation.metrics import auroc, calibration_error


def test_known_odds_are_recovered():
    random = np.random.default_rng(0)
    scores = random.normal(3.0, 2.0, 20_000)
    truth = expit(1.5 * (scores - 3.0) - 0.5)
    positive = random.random(20_000) < truth
    fitted = fit_calibration(positive, scores)
    assert np.abs(fitted.probability(scores) - truth).max() < 0.03
    assert calibration_error(positive, fitted.probability(scores)) < 0.02


def test_two_features_together_beat_each_alone():
    random = np.random.default_rng(1)
    positive = random.random(2_000) < 0.5
    features = positive[:, None] + random.normal(0, 1.2, (2_000, 2))
    fitted = fit_calibration(positive, features, names=("consistency", "evidence"))
    together = auroc(positive, fitted.probability(features))
    assert together > max(auroc(positive, features[:, 0]), auroc(positive, features[:, 1])) + 0.02


def test_a_feature_that_falls_with_truth_gets_no_weight_unless_allowed():
    random = np.random.default_rng(2)
    positive = random.random(500) < 0.5
    scores = random.normal(0, 1, 500) - positive
    assert fit_calibration(positive, scores).weights == (0.0,)
    assert fit_calibration(positive, scores, rising=False).weights[0] < -0.5


def test_perfect_separation_of_few_samples_gives_no_certainty():
    fitted = fit_calibration(np.array([False, False, True, True]), np.array([0.0, 0.1, 0.9, 1.0]))
    assert 0.05 < fitted.probability(np.array([0.0]))[0] < 0.5 < fitted.probability(np.array([1.0]))[0] < 0.95


def test_a_constant_feature_is_harmless():
    fitted = fit_calibration(np.array([False, True, False, True]), np.ones(4))
    assert fitted.probability(np.ones(1))[0] == pytest.approx(0.5, abs=1e-6)


def test_a_calibration_survives_json():
    fitted = fit_calibration(np.array([False, True, False, True]), np.array([0.0, 1.0, 0.2, 0.7]))
    again = Calibration.from_dict(json.loads(json.dumps(fitted.to_dict())))
    assert again == fitted


@pytest.mark.parametrize(
    ("positive", "features"),
    [([True] * 5, [0.0] * 5), ([True, False], [0.0, 1.0]), ([True, False] * 3, [0.0, np.inf] * 3)],
)
def test_what_can_not_be_calibrated_is_refused(positive, features):
    with pytest.raises(InvalidInputError):
        fit_calibration(np.array(positive), np.array(features))
