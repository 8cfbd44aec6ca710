"""Statistics of people's answers: shares with intervals, and agreement between people beyond chance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

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
    from scipy.stats import binomtest  # takes most of a second, which every process of the web server would pay

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
    """Agreement of any number of answers per subject beyond chance (Krippendorff 2011), nominal: 1 - D_o / D_e.

    From counts alone: reference code tables all answers by all answers, which whole answers, hardly two of them alike,
    would make larger than the memory.

    Args:
        units: per subject its answers; subjects with fewer than two count for nothing.

    Returns:
        alpha, at most 1; None where fewer than two subjects have two answers, or all answers are the same.
    """
    paired = [Counter(unit) for unit in units if len(unit) > 1]
    counts = Counter(answer for unit in paired for answer in unit.elements())
    if len(paired) < 2 or len(counts) < 2:
        return None
    observed = sum(_different(unit) / (unit.total() - 1) for unit in paired)
    return 1 - observed / (_different(counts) / (counts.total() - 1))


def _different(counts: Counter[Hashable]) -> int:
    """Ordered pairs of different answers among so many of each."""
    return counts.total() ** 2 - sum(count**2 for count in counts.values())
