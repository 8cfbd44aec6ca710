"""Turns scores into probabilities: logistic regression on one score (Platt) or several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from mlcore.errors import InvalidInputError

MIN_SAMPLES = 4


@dataclass(frozen=True)
class Calibration:
    """P(positive) = sigmoid(bias + weights . (features - mean) / deviation).

    Attributes:
        names: of the features, in their order.
        mean, deviation, weights: one number per feature.
    """

    names: tuple[str, ...]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    weights: tuple[float, ...]
    bias: float

    def logit(self, features: np.ndarray) -> np.ndarray:
        """(N, F), or (N,) for one feature -> (N,) log-odds."""
        features = _matrix(features, len(self.names))
        return self.bias + ((features - self.mean) / self.deviation) @ np.array(self.weights)

    def probability(self, features: np.ndarray) -> np.ndarray:
        """(N, F), or (N,) for one feature -> (N,) in 0..1."""
        return expit(self.logit(features))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for a model file's metadata."""
        return {
            "names": list(self.names), "mean": list(self.mean), "deviation": list(self.deviation),
            "weights": list(self.weights), "bias": self.bias,
        }  # fmt: skip

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Calibration:
        """What `to_dict` gave."""
        numbers = {name: tuple(float(x) for x in values[name]) for name in ("mean", "deviation", "weights")}
        return cls(names=tuple(values["names"]), bias=float(values["bias"]), **numbers)


def fit_calibration(
    positive: np.ndarray,
    features: np.ndarray,
    *,
    names: Sequence[str] = ("score",),
    strength: float = 1.0,
    rising: bool = True,
) -> Calibration:
    """Fit by regularised logistic loss, the targets smoothed as by Platt so that few samples don't give certainty.

    Args:
        positive: (N,) bool, both classes present, N >= 4.
        features: (N, F), or (N,) for one feature.
        names: one per feature.
        strength: of the quadratic penalty on the weights of the standardised features.
        rising: no weight may fall below 0: a higher feature never makes a positive less likely.

    Raises:
        InvalidInputError: too few samples, one class alone, or a value that is not finite.
    """
    positive = np.asarray(positive, bool)
    features = _matrix(features, len(names))
    if len(positive) != len(features) or len(positive) < MIN_SAMPLES or positive.all() or not positive.any():
        raise InvalidInputError(f"calibration needs {MIN_SAMPLES} samples or more of both classes: map more tiles")
    mean, deviation = features.mean(axis=0), features.std(axis=0)
    deviation = np.where(deviation > 1e-9, deviation, 1.0)
    z = (features - mean) / deviation
    count = int(positive.sum())
    target = np.where(positive, (count + 1) / (count + 2), 1 / (len(positive) - count + 2))

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        weights, bias = parameters[:-1], parameters[-1]
        logits = z @ weights + bias
        value = np.sum(np.logaddexp(0, logits) - target * logits) + 0.5 * strength * weights @ weights
        error = expit(logits) - target
        return float(value), np.append(error @ z + strength * weights, error.sum())

    bounds = [(0.0 if rising else None, None)] * len(names) + [(None, None)]
    found = minimize(loss, np.zeros(len(names) + 1), jac=True, method="L-BFGS-B", bounds=bounds)
    *weights, bias = (float(value) for value in found.x)
    return Calibration(tuple(names), tuple(mean.tolist()), tuple(deviation.tolist()), tuple(weights), bias)


def _matrix(features: np.ndarray, count: int) -> np.ndarray:
    features = np.asarray(features, float)
    features = features[:, None] if features.ndim == 1 else features
    if features.ndim != 2 or features.shape[1] != count:
        raise InvalidInputError(f"need (N, {count}) features, not {features.shape}")
    if not np.isfinite(features).all():
        raise InvalidInputError("features must be finite: leave out what could not be scored")
    return features
