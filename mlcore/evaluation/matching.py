"""What trials of a matcher come to: AUC of the corner error, angles, failures, false matches, seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

THRESHOLDS_PX = (1, 3, 5, 10, 20)
FAILED_PX = 20.0
"""A corner error beyond this is a failure."""


@dataclass(frozen=True)
class Trial:
    """One pair under one warp.

    Attributes:
        error_px: corner error of the protocol's estimate; infinite where there was none.
        homography_error_px: of the published protocol's, whatever this one's is.
        middle_px: error of the picture's middle alone, where the map's own offset shows.
        angle_deg: error of the rotation; 180 where there was none.
        seconds: of matching alone.
        accepted: the gate let a registration through (`mlcore.correspondences.robust.register`).
        accepted_error_px: its corner error; infinite where none was let through.
        turned_deg, scale: of the warp.
        points: that were matched; needed: of these, as many as chance does not explain; log10_nfa: of fits by chance as
            good as the best one.
        ground: what was looked at: trials of one ground are not independent.
    """

    error_px: float
    homography_error_px: float
    middle_px: float
    angle_deg: float
    seconds: float
    accepted: bool
    accepted_error_px: float
    turned_deg: float
    scale: float
    points: int
    needed: int
    log10_nfa: float
    ground: str


def auc(errors_px: Sequence[float], threshold_px: float) -> float:
    """Area under the share of pairs within an error, from 0 to the threshold, as a share of the whole, 0..1."""
    errors = np.sort(np.asarray(errors_px, np.float64))
    if not len(errors):
        return float("nan")
    gains = np.clip(threshold_px - errors, 0, None)
    return float(gains.sum() / (threshold_px * len(errors)))


def summary(trials: Sequence[Trial]) -> dict[str, float]:
    """The figures of a table's row; AUC in per cent, as the literature prints them."""
    errors = [trial.error_px for trial in trials]
    let = [trial.accepted_error_px for trial in trials]
    plain = [trial.homography_error_px for trial in trials]
    figures = {f"auc{threshold}": 100 * auc(errors, threshold) for threshold in THRESHOLDS_PX}
    return figures | {
        "gated_auc10": 100 * auc(let, 10),
        "homography_auc3": 100 * auc(plain, 3),
        "homography_auc10": 100 * auc(plain, 10),
        "median_px": float(np.median(errors)),
        "median_middle_px": float(np.median([trial.middle_px for trial in trials])),
        "median_deg": float(np.median([trial.angle_deg for trial in trials])),
        "failed": float(np.mean([error > FAILED_PX for error in errors])),
        "accepted": float(np.mean([trial.accepted for trial in trials])),
        "accepted_wrong": float(np.mean([trial.accepted and trial.accepted_error_px > FAILED_PX for trial in trials])),
        "s_per_pair": float(np.median([trial.seconds for trial in trials])),
        "points": float(np.median([trial.points for trial in trials])),
        "needed_by_chance": float(np.median([trial.needed for trial in trials])),
        "log10_nfa_best": float(min(trial.log10_nfa for trial in trials)),
        "pairs": float(len(trials)),
    }


def bootstrap(trials: Sequence[Trial], threshold_px: float, draws: int = 1000, seed: int = 0) -> tuple[float, float]:
    """95 % interval of the AUC in per cent, over grounds."""
    rng = np.random.default_rng(seed)
    grounds: dict[str, list[float]] = {}
    for trial in trials:
        grounds.setdefault(trial.ground, []).append(trial.error_px)
    several = list(grounds.values())
    values = []
    for _ in range(draws):
        drawn = rng.integers(len(several), size=len(several)).tolist()
        values.append(100 * auc([error for number in drawn for error in several[number]], threshold_px))
    low, high = np.quantile(values, [0.025, 0.975]).tolist()
    return float(low), float(high)


def curve(trials: Sequence[Trial], by: str, edges: Sequence[float], threshold_px: float = 10) -> list[dict[str, float]]:
    """AUC in per cent of the trials between each two edges.

    Args:
        by: "turned_deg", taken without its sign, or "scale".
    """
    values = np.abs([getattr(trial, by) for trial in trials])
    rows = []
    for low, high in pairwise(edges):
        errors = [trial.error_px for trial, value in zip(trials, values, strict=True) if low <= value < high]
        if errors:
            rows.append({"from": low, "to": high, "auc": 100 * auc(errors, threshold_px), "pairs": float(len(errors))})
    return rows
