"""Turns scores into probabilities: logistic regression on one score (Platt 1999)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from mlcore.errors import InvalidInputError

MIN_SAMPLES = 4
TOLERANCE, STEPS = 1e-10, 1000


@dataclass(frozen=True)
class Calibration:
    """P(positive) = sigmoid(bias + slope (score - mean) / deviation)."""

    mean: float
    deviation: float
    slope: float
    bias: float

    def probability(self, scores: np.ndarray) -> np.ndarray:
        """(N,) -> (N,) in 0..1."""
        return np.asarray(expit(self.bias + self.slope * (_finite(scores) - self.mean) / self.deviation))


def fit_calibration(positive: np.ndarray, scores: np.ndarray, *, strength: float = 1.0) -> Calibration:
    """Fit by regularised logistic loss, the targets smoothed as by Platt so that few samples don't give certainty.

    A higher score never makes a positive less likely: where it seems to, every score gets the mean.

    Args:
        positive: (N,) bool, both classes present, N >= 4.
        scores: (N,).
        strength: of the quadratic penalty on the slope of the standardised score.

    Raises:
        InvalidInputError: too few samples, one class alone, or a score that is not finite.
    """
    positive, scores = np.asarray(positive, bool), _finite(scores)
    if len(positive) != len(scores) or len(positive) < MIN_SAMPLES or positive.all() or not positive.any():
        raise InvalidInputError(f"calibration needs {MIN_SAMPLES} samples or more of both classes: map more tiles")
    mean, deviation = float(scores.mean()), float(scores.std())
    deviation = deviation if deviation > 1e-9 else 1.0
    z = ((scores - mean) / deviation)[:, None]
    count, total = int(positive.sum()), len(positive)
    target = np.where(positive, (count + 1) / (count + 2), 1 / (total - count + 2))
    # a target between 0 and 1 is a sample of either class with that weight
    both, labels = np.concatenate([z, z]), np.repeat([True, False], total)
    fitted = LogisticRegression(C=1 / strength, tol=TOLERANCE, max_iter=STEPS)
    fitted.fit(both, labels, sample_weight=np.concatenate([target, 1 - target]))
    slope, bias = float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
    if slope < 0:
        slope, bias = 0.0, float(logit(target.mean()))
    return Calibration(mean, deviation, slope, bias)


def _finite(scores: np.ndarray) -> np.ndarray:
    scores = np.asarray(scores, float)
    if scores.ndim != 1:
        raise InvalidInputError(f"need one score per sample, not {scores.shape}")
    if not np.isfinite(scores).all():
        raise InvalidInputError("scores must be finite: leave out what could not be scored")
    return scores
