"""Metrics of binary decisions: matched against unmatched pairs, true against false candidates.

Throughout, `positive` is a (N,) bool array and `scores` a (N,) float array that is higher where a positive is likelier.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata
from sklearn.metrics import average_precision_score, f1_score, precision_recall_curve

from mlcore.errors import InvalidInputError

TINY = 1e-12
Metric = Callable[[np.ndarray, np.ndarray], float]


@dataclass(frozen=True)
class Interval:
    """A figure with the interval that holds it, by resampling."""

    value: float
    low: float
    high: float


def auroc(positive: np.ndarray, scores: np.ndarray) -> float:
    """Chance that a random positive scores above a random negative; a tie counts half.

    By ranks: intervals draw it thousands of times, and scikit-learn's checks take twenty times as long as the figure.

    Raises:
        InvalidInputError: only one class is present, or a score is not finite.
    """
    positive, scores = _checked(positive, scores, both=True)
    count = int(positive.sum())
    wins = rankdata(scores)[positive].sum() - count * (count + 1) / 2
    return float(wins / (count * (len(positive) - count)))


def average_precision(positive: np.ndarray, scores: np.ndarray) -> float:
    """Area under the precision-recall steps; equal scores enter together."""
    return float(average_precision_score(*_checked(positive, scores, both=True)))


def best_f1(positive: np.ndarray, scores: np.ndarray) -> tuple[float, float]:
    """The best F1 and the threshold that gives it, the highest of several: call positive what scores at or above it.

    Choose the threshold on validation data and apply it with `f1_at`; a best F1 on test data flatters.
    """
    precision, recall, thresholds = precision_recall_curve(*_checked(positive, scores, both=True))
    f1 = 2 * precision[:-1] * recall[:-1] / np.maximum(precision[:-1] + recall[:-1], TINY)
    best = int(np.flatnonzero(f1 >= f1.max() - TINY)[-1])
    return float(f1[best]), float(thresholds[best])


def f1_at(positive: np.ndarray, scores: np.ndarray, threshold: float) -> float:
    """F1 when everything that scores at or above `threshold` is called positive; 0 where nothing is right."""
    positive, scores = _checked(positive, scores)
    return float(f1_score(positive, scores >= threshold, zero_division=0.0))


def prevalence(positive: np.ndarray) -> float:
    """Share of positives."""
    if len(positive) == 0:
        raise InvalidInputError("no samples to measure: give at least one")
    return float(np.mean(np.asarray(positive, bool)))


def all_positive_f1(positive: np.ndarray) -> float:
    """F1 of calling everything positive: what an F1 must beat to mean anything."""
    share = prevalence(positive)
    return 2 * share / (1 + share)


def calibration_error(positive: np.ndarray, probabilities: np.ndarray, *, bins: int = 10) -> float:
    """Expected calibration error: mean gap of probability and frequency over equally wide bins, weighted by size.

    Raises:
        InvalidInputError: a probability outside 0..1.
    """
    positive, probabilities = _checked(positive, probabilities)
    if probabilities.min() < 0 or probabilities.max() > 1:
        raise InvalidInputError("probabilities must lie in 0..1: calibrate the scores first")
    which = np.minimum((probabilities * bins).astype(int), bins - 1)
    sizes = np.bincount(which, minlength=bins)
    gaps = np.bincount(which, positive.astype(float) - probabilities, minlength=bins)
    return float(np.abs(gaps).sum() / sizes.sum())


def block_interval(
    metric: Metric,
    positive: np.ndarray,
    scores: np.ndarray,
    blocks: Sequence[int] | np.ndarray,
    *,
    draws: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """A metric with its bootstrap interval over geographic blocks.

    Neighbouring tiles are alike, so whole blocks are drawn with replacement, never single tiles. Draws on which the
    metric has no value (one class alone) are left out.

    Args:
        metric: (positive, scores) -> figure, such as `auroc`.
        blocks: (N,) block of each sample; at least two different ones.
    """
    positive, scores = _checked(positive, scores)
    blocks = np.asarray(blocks)
    names = np.unique(blocks)
    if len(blocks) != len(scores) or len(names) < 2:
        raise InvalidInputError("an interval needs one block per sample and at least two blocks")
    members = [np.flatnonzero(blocks == name) for name in names]
    random = np.random.default_rng(seed)
    figures = []
    for _ in range(draws):
        drawn = np.concatenate([members[which] for which in random.integers(len(names), size=len(names))])
        try:
            figures.append(metric(positive[drawn], scores[drawn]))
        except InvalidInputError:
            continue
    if not figures:
        raise InvalidInputError("no draw of blocks held both classes: use more or larger blocks")
    low, high = np.quantile(figures, [(1 - level) / 2, (1 + level) / 2])
    return Interval(metric(positive, scores), float(low), float(high))


def _checked(positive: np.ndarray, scores: np.ndarray, *, both: bool = False) -> tuple[np.ndarray, np.ndarray]:
    positive, scores = np.asarray(positive, bool), np.asarray(scores, float)
    if positive.ndim != 1 or positive.shape != scores.shape or not len(scores):
        raise InvalidInputError(f"need two arrays of one length, at least 1: got {positive.shape} and {scores.shape}")
    if not np.isfinite(scores).all():
        raise InvalidInputError("scores must be finite: leave out what could not be scored")
    if both and (positive.all() or not positive.any()):
        raise InvalidInputError("only one class is present: the metric needs positives and negatives")
    return positive, scores
