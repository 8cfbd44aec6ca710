"""Pictures of a matching protocol: how many pairs lie within an error, and the AUC by rotation and by scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from mlcore.evaluation.matching import Trial, curve

TURNS, SCALES = (0, 15, 30, 60, 90, 108.1), (0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.31)
FARTHEST_PX = 20.0
DPI = 110


def plot_matching(path: Path, title: str, trials: Mapping[str, Sequence[Trial]]) -> None:
    """Three pictures side by side, a line for each matcher.

    Args:
        trials: by the matcher's name.
    """
    figure = Figure(figsize=(12, 3.8), layout="constrained")
    figure.suptitle(title, fontsize=10)
    within, by_turn, by_scale = figure.subplots(1, 3)
    for name, several in trials.items():
        errors = np.sort([trial.error_px for trial in several])
        near = errors[errors <= FARTHEST_PX]
        share = np.arange(1, len(near) + 1) / len(errors)
        end = share[-1] if len(share) else 0.0
        within.step(np.r_[0, near, FARTHEST_PX], np.r_[0, share, end], where="post", label=name)
        for axes, by, edges in ((by_turn, "turned_deg", TURNS), (by_scale, "scale", SCALES)):
            rows = curve(several, by, edges)
            middles = [(row["from"] + row["to"]) / 2 for row in rows]
            axes.plot(middles, [row["auc"] for row in rows], marker="o", label=name)
    for axes, x, y in (
        (within, "corner error, px", "share of pairs within it"),
        (by_turn, "turned by, degrees", "AUC at 10 px, %"),
        (by_scale, "scale", "AUC at 10 px, %"),
    ):
        axes.set_xlabel(x)
        axes.set_ylabel(y)
        axes.set_ylim(0, 1.02 if axes is within else 102)
        axes.grid(color="0.92")
    within.legend(fontsize=7, loc="best")
    figure.savefig(path, dpi=DPI)
