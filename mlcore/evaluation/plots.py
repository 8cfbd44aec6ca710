"""Pictures of an evaluation: ROC, precision-recall, reliability, AUROC by size of change, best and worst tiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mlcore.evaluation.metrics import prevalence

GRID = np.linspace(0, 1, 201)
BINS = 10
DPI = 110
Strip = tuple[str, np.ndarray, np.ndarray, np.ndarray]
"""What is said of a tile, its image, its map and its edited map, each (S, S, 3) uint8."""


@dataclass(frozen=True)
class Curve:
    """Scores of one method.

    Attributes:
        doubt: (S, N) of S seeds, higher = more likely changed.
        chances: per seed (N,) probabilities of a change, calibrated on other blocks; none where that can't be done.
    """

    name: str
    doubt: np.ndarray
    chances: Sequence[np.ndarray]


def plot_roc(path: Path, title: str, changed: np.ndarray, curves: Sequence[Curve]) -> None:
    """True against false positive rate, the mean over seeds."""
    figure, axes = _axes(title, "false positive rate", "true positive rate")
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    for curve in curves:
        axes.plot(GRID, np.mean([_roc(changed, one) for one in curve.doubt], axis=0), label=curve.name)
    _save(path, figure, axes)


def plot_precision_recall(path: Path, title: str, changed: np.ndarray, curves: Sequence[Curve]) -> None:
    """Precision at every recall, the mean over seeds; the grey line is what calling everything changed reaches."""
    figure, axes = _axes(title, "recall", "precision")
    axes.axhline(prevalence(changed), color="0.7", linewidth=1)
    for curve in curves:
        axes.plot(GRID[1:], np.mean([_precision(changed, one) for one in curve.doubt], axis=0), label=curve.name)
    axes.set_ylim(0, 1.02)
    _save(path, figure, axes)


def plot_reliability(path: Path, title: str, changed: np.ndarray, curves: Sequence[Curve]) -> None:
    """How often a tile was changed against the probability given for it (calibrated on other blocks), all seeds."""
    figure, axes = _axes(title, "probability of a change", "share that was changed")
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    for curve in curves:
        if not curve.chances:
            continue
        chances, truth = np.concatenate(list(curve.chances)), np.tile(changed, len(curve.chances))
        which = np.minimum((chances * BINS).astype(int), BINS - 1)
        full = [bin_ for bin_ in range(BINS) if (which == bin_).any()]
        axes.plot(
            [chances[which == bin_].mean() for bin_ in full], [truth[which == bin_].mean() for bin_ in full],
            marker="o", markersize=3, label=curve.name,
        )  # fmt: skip
    _save(path, figure, axes)


def plot_by_size(path: Path, title: str, methods: Mapping[str, Mapping[str, Any]]) -> None:
    """AUROC by the share of the tile that changed."""
    figure, axes = _axes(title, "changed share of the tile", "AUROC against untouched tiles")
    bins = next(iter(methods.values()))["by_size"]
    for name, figures in methods.items():
        values = [entry["auroc"] for entry in figures["by_size"]]
        known = [i for i, value in enumerate(values) if value is not None]
        axes.plot(known, [values[i] for i in known], marker="o", markersize=3, label=name)
    axes.axhline(0.5, color="0.7", linewidth=1)
    axes.set_xlim(-0.3, len(bins) - 0.7)
    axes.set_xticks(range(len(bins)), [f"{100 * b['from']:.0f}-{100 * b['to']:.0f} %\nn = {b['pairs']}" for b in bins])
    axes.set_ylim(0.3, 1.02)
    _save(path, figure, axes)


def plot_tiles(path: Path, title: str, strips: Sequence[Strip]) -> None:
    """One row per pair: image, map, edited map."""
    rows = max(1, len(strips))
    figure = Figure(figsize=(8.4, 2.5 * rows + 0.6), layout="constrained")
    figure.suptitle(f"{title} (simulated map edits)", fontsize=10)
    grid = figure.subplots(rows, 3, squeeze=False)
    for row in grid:
        for axes in row:
            axes.set_axis_off()
    for row, (told, *pictures) in zip(grid, strips, strict=False):
        for axes, picture, name in zip(row, pictures, ("image", "map", "edited map"), strict=True):
            axes.imshow(picture)
            axes.set_title(f"{told}\n{name}" if name == "image" else name, fontsize=7)
    figure.savefig(path, dpi=90)


def _axes(title: str, x: str, y: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(6.4, 5.2), layout="constrained")
    axes = figure.subplots()
    axes.set_title(title, fontsize=10)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.set_xlim(0, 1)
    return figure, axes


def _save(path: Path, figure: Figure, axes: Axes) -> None:
    axes.legend(fontsize=7, loc="best")
    axes.grid(color="0.92")
    figure.savefig(path, dpi=DPI)


def _roc(changed: np.ndarray, doubt: np.ndarray) -> np.ndarray:
    """True positive rate on GRID of false positive rates."""
    order = np.argsort(-doubt, kind="stable")
    last = np.append(np.flatnonzero(np.diff(doubt[order])), len(doubt) - 1)  # equal scores enter together
    hits = np.append(0, np.cumsum(changed[order])[last]) / changed.sum()
    false = np.append(0, np.cumsum(~changed[order])[last]) / (~changed).sum()
    return np.interp(GRID, false, hits)


def _precision(changed: np.ndarray, doubt: np.ndarray) -> np.ndarray:
    """Best precision at each recall of GRID or more."""
    order = np.argsort(-doubt, kind="stable")
    last = np.append(np.flatnonzero(np.diff(doubt[order])), len(doubt) - 1)
    hits = np.cumsum(changed[order])[last]
    precision, recall = hits / (last + 1), hits / changed.sum()
    return np.array([precision[recall >= level - 1e-9].max() for level in GRID[1:]])
