"""How many matches agree on a transform by chance: the a-contrario gate.

Moisan and Stival 2004; Moulon, Monasse and Marlet 2012 ("Adaptive structure from motion with a contrario model
estimation", Eq. 1): of N pairs that mean nothing, the expected number of transforms on which k or more of them agree
within a threshold is NFA = (N - m) C(N, k) C(k, m) p^(k - m), where m pairs determine a transform and p is the chance
that a pair which is nowhere in particular lies within the threshold.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import gammaln

from mlcore.errors import InvalidInputError

GATE = 1e-3
"""Fits of chance that are let through, per picture: one in a thousand."""


def log10_nfa(pairs: int, inliers: int, needed: int, threshold_px: float, reach_px2: float) -> float:
    """log10 of the expected number of fits by chance as good as this one; infinite where nothing is left to agree.

    Args:
        pairs, inliers: N and k.
        needed: m, pairs that determine the transform.
        threshold_px: how near a pair's point must come.
        reach_px2: the area in which each pair was looked for.
    """
    if not (threshold_px > 0 and reach_px2 > 0 and 0 <= inliers <= pairs and needed > 0):
        raise InvalidInputError("a number of inliers needs pairs, a threshold and an area to be judged by")
    if inliers <= needed:
        return math.inf
    chance = _near_by_chance(threshold_px, reach_px2)
    trials = math.log(max(1, pairs - needed)) + _log_choose(pairs, inliers) + _log_choose(inliers, needed)
    return (trials + (inliers - needed) * math.log(chance)) / math.log(10)


def chance_inliers(pairs: int, needed: int, threshold_px: float, reach_px2: float, gate: float = GATE) -> int:
    """The fewest inliers that chance does not explain; more than `pairs` where no number would do."""
    counts = np.arange(needed + 1, pairs + 1)
    for count in counts.tolist():
        if log10_nfa(pairs, count, needed, threshold_px, reach_px2) <= math.log10(gate):
            return int(count)
    return pairs + 1


def agree_by_chance(pairs: int, inliers: int, threshold_px: float, reach_px2: float) -> float:
    """The chance that so many of these pairs, or more, agree with a transform that was found without them."""
    from scipy.stats import binom  # takes most of a second, which every command would pay

    return float(binom.sf(inliers - 1, pairs, _near_by_chance(threshold_px, reach_px2)))


def _near_by_chance(threshold_px: float, reach_px2: float) -> float:
    """That a pair which is nowhere in particular lies within the threshold of where it should."""
    return min(1.0, math.pi * threshold_px**2 / reach_px2)


def _log_choose(total: int, chosen: int) -> float:
    return float(gammaln(total + 1) - gammaln(chosen + 1) - gammaln(total - chosen + 1))
