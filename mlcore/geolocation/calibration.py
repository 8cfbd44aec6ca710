"""From what is known of a placement to the probability that it is right."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from mlcore.errors import ConfigError, InvalidInputError

SUREST = 40.0
"""Evidence beyond 10^-40 tells nothing more: what is wrong then is wrong for other reasons than chance."""
LARGEST_LOGIT = 7.0
LEAST_EXAMPLES = 20


@dataclass(frozen=True)
class Evidence:
    """What is known of a placement.

    Attributes:
        log10_nfa: of fits by chance that are as good.
        margin: log of the base's coarse score over the best other base's; 0 where there is no other.
        covered: share of the query that the points which agree spread over, 0..1.
        digits: powers of ten by which local features exclude chance; 0 where they say nothing of it.
    """

    log10_nfa: float
    margin: float = 0.0
    covered: float = 1.0
    digits: float = 0.0

    @property
    def numbers(self) -> np.ndarray:
        """(4,) what the logistic regression sees."""
        sure, digits = (min(max(one, 0.0), SUREST) for one in (-self.log10_nfa, self.digits))
        return np.array([sure, np.clip(self.margin, -2.0, 2.0), self.covered, digits])


LADDER = tuple(Evidence(-3.0 * step, 0.0, 0.5) for step in range(1, 14))
"""Where the careful calibration is asked, as examples of its own beside what was measured."""


@dataclass(frozen=True)
class Calibration:
    """A logistic regression; the defaults are careful ones, for a model that was never calibrated.

    Attributes:
        start: logit of a placement without evidence.
        per_digit: for each power of ten by which chance is excluded; per_margin, per_covered and
            per_point_digit: see Evidence.
        threshold: a placement with less probability says that the picture lies nowhere here.
    """

    start: float = -5.0
    per_digit: float = 0.4
    per_margin: float = 1.0
    per_covered: float = 1.5
    per_point_digit: float = 0.15
    threshold: float = 0.5

    def __post_init__(self) -> None:
        values = np.array([getattr(self, one.name) for one in fields(self)], np.float64)
        if not np.isfinite(values).all() or not 0 < self.threshold < 1:
            raise ConfigError("a calibration has finite numbers, and its threshold lies between 0 and 1")

    @classmethod
    def fit(cls, evidence: Sequence[Evidence], right: Sequence[bool], threshold: float = 0.5) -> Calibration:
        """The regression that explains which of some placements were right.

        The careful calibration has a say, one example on each step of LADDER: where nothing was measured, as between
        what chance gives and the sure placements of easy queries, it is what remains.

        Raises:
            InvalidInputError: there are too few, or none of them was right.
        """
        from sklearn.linear_model import LogisticRegression

        if len(evidence) != len(right) or len(evidence) < LEAST_EXAMPLES:
            raise InvalidInputError(f"a calibration needs {LEAST_EXAMPLES} placements or more, each right or wrong")
        if not any(right):
            raise InvalidInputError("none of these placements is right: train the model before it is calibrated")
        careful = np.array([probability_of(cls().logit(one)) for one in LADDER])
        rows = np.stack([one.numbers for one in [*evidence, *LADDER, *LADDER]])
        labels = np.concatenate([np.asarray(right, bool), np.ones(len(LADDER), bool), np.zeros(len(LADDER), bool)])
        weights = np.concatenate([np.ones(len(evidence)), careful, 1 - careful])
        found = LogisticRegression(C=10.0, max_iter=1000).fit(rows, labels, sample_weight=weights)
        per_digit, per_margin, per_covered, per_point = (max(0.0, float(one)) for one in found.coef_[0])
        return cls(float(found.intercept_[0]), per_digit, per_margin, per_covered, per_point, threshold)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Calibration:
        """Read what `to_dict` gave; an unknown key raises ConfigError."""
        if unknown := set(values) - {one.name for one in fields(cls)}:
            raise ConfigError(f"unknown settings of a calibration {sorted(unknown)}; remove them")
        return cls(**values)

    def to_dict(self) -> dict[str, float]:
        return asdict(self)

    @property
    def _slopes(self) -> tuple[float, float, float, float]:
        return self.per_digit, self.per_margin, self.per_covered, self.per_point_digit

    def logit(self, evidence: Evidence) -> float:
        """Log-odds that a placement is right."""
        raw = self.start + float(evidence.numbers @ self._slopes)
        return min(max(raw, -LARGEST_LOGIT), LARGEST_LOGIT)


def probability_of(logit: float) -> float:
    """Log-odds as a probability."""
    return 1.0 / (1.0 + math.exp(-logit))


def logit_of(probability: float) -> float:
    """A probability as log-odds, no farther out than LARGEST_LOGIT."""
    inner = min(max(probability, 1e-9), 1 - 1e-9)
    return min(max(math.log(inner / (1 - inner)), -LARGEST_LOGIT), LARGEST_LOGIT)
