"""Statistics of people's answers: shares with intervals, and agreement between people beyond chance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import krippendorff
from scipy.stats import binomtest

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Share:
    """A share with its 95 % interval."""

    hits: int
    of: int
    share: float | None
    low: float | None
    high: float | None


def wilson(hits: int, of: int) -> Share:
    """The share `hits / of` with Wilson's score interval (Wilson 1927), which holds for small samples and near 0 and 1.

    Raises:
        ValueError: more hits than trials.
    """
    if of == 0 and hits == 0:
        return Share(0, 0, None, None, None)
    interval = binomtest(hits, of).proportion_ci(confidence_level=CONFIDENCE, method="wilson")
    return Share(hits, of, hits / of, float(interval.low), float(interval.high))


def cohen_kappa(pairs: Sequence[tuple[Hashable, Hashable]]) -> float | None:
    """Agreement of two answers beyond chance (Cohen 1960): (p_o - p_e) / (1 - p_e); None where it is not defined.

    Args:
        pairs: the two answers on each subject. First and second person may change from subject to subject, so both
            margins are used as they are.
    """
    if not pairs:
        return None
    total = len(pairs)
    observed = sum(first == second for first, second in pairs) / total
    firsts, seconds = Counter(first for first, _ in pairs), Counter(second for _, second in pairs)
    expected = sum(firsts[answer] * seconds[answer] for answer in firsts) / total**2
    return None if expected == 1 else (observed - expected) / (1 - expected)


def krippendorff_alpha(units: Sequence[Sequence[Hashable]]) -> float | None:
    """Agreement of any number of answers per subject beyond chance (Krippendorff 2011), on nominal answers.

    Args:
        units: per subject its answers; subjects with fewer than two count for nothing.

    Returns:
        alpha, at most 1; None where fewer than two subjects have two answers, or all answers are the same.
    """
    paired = [unit for unit in units if len(unit) > 1]
    domain = sorted({str(answer) for unit in paired for answer in unit})
    if len(paired) < 2 or len(domain) < 2:
        return None
    place = {answer: index for index, answer in enumerate(domain)}
    counts = [[0] * len(domain) for _ in paired]
    for row, unit in zip(counts, paired, strict=True):
        for answer in unit:
            row[place[str(answer)]] += 1
    return float(krippendorff.alpha(value_counts=counts, level_of_measurement="nominal"))
