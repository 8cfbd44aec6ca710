"""From scores to results: figures of every method on the same pairs, a report to read, and pictures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mlcore.evaluation.pair_files import NOTE
from mlcore.evaluation.plots import Curve, plot_by_size, plot_precision_recall, plot_reliability, plot_roc, plot_tiles
from mlcore.evaluation.readings import READ_ENDING
from mlcore.evaluation.report import markdown
from mlcore.evaluation.summary import DRAWS, Rows, base_figures, probabilities_elsewhere, summary, truth_figures
from mlcore.maps.index import MapIndex
from mlcore.progress import Progress, SilentProgress
from mlcore.suites.methods import DESCRIPTIONS, METHODS
from mlcore.suites.region_methods import RegionFamily
from mlcore.suites.run import Scores, scored_sets
from mlcore.suites.task import Task

LEAST_CLEAN = 8  # a figure on fewer tiles says nothing
SHOWN = 4  # best and worst tiles of each sort in a picture


def results_of(scores: Scores, draws: int = DRAWS) -> dict[str, Any]:
    """Plain values of everything measured, for results.json; `draws` of the bootstrap.

    Where a place's map was read by eye, its sets are measured on the clean tiles alone as well, if there are some.
    """
    plan = scores.plan
    tasks: dict[str, Any] = {}
    for task in plan.suite.tasks:
        sets: dict[str, Any] = {}
        readings = plan.readings_of(task)
        for name in scored_sets(scores.pairs, task):
            pairs = scores.pairs.pairs[task.target.name][name]
            rows = Rows.of(pairs)
            agreement = {method: scores.agreement[task.name, name, method] for method in plan.methods}
            sets[name] = _set_figures(rows, agreement, draws)
            if readings is None:
                continue
            kept = np.tile([tile in readings.clean for tile in pairs.tiles], len(pairs.editions))
            wrong = np.tile([tile in readings.read - readings.clean for tile in pairs.tiles], len(pairs.editions))
            sets[name] |= {key: value for key, value in truth_figures(rows, wrong).items() if value is not None}
            if len(readings.clean & set(pairs.tiles)) >= LEAST_CLEAN:
                on_clean = {method: values[:, kept] for method, values in agreement.items()}
                sets[name + READ_ENDING] = _set_figures(rows.take(kept), on_clean, draws)
        tasks[task.name] = {
            "tiles": len(task.target.tiles),
            **({"tiles_read": len(readings.read), "tiles_clean": len(readings.clean)} if readings is not None else {}),
            "training": [place.name for place in task.training],
            "sets": sets,
            "queue": mean_and_sd(scores.queue[task.name]),
            "footprints": mean_and_sd(scores.footprints[task.name]),
        }
    return {
        "suite": plan.suite.name,
        "headline": plan.suite.headline,
        "note": NOTE,
        "seeds": list(plan.seeds),
        "preset": plan.preset,
        "start": plan.start,
        "device": plan.device,
        "pairs_sha256": scores.pairs.sha256,
        "methods": {name: DESCRIPTIONS[name] for name in plan.methods},
        "tasks": tasks,
    }


def _set_figures(rows: Rows, agreement: Mapping[str, np.ndarray], draws: int) -> dict[str, Any]:
    methods = {
        method: summary(rows, values, probability=is_probability(method), draws=draws)
        for method, values in agreement.items()
    }
    return base_figures(rows) | {"methods": methods}


def write_results(scores: Scores, out: Path, progress: Progress | None = None, *, draws: int = DRAWS) -> dict[str, Any]:
    """Write results.json, results.md and the pictures; returns the results."""
    progress = progress or SilentProgress()
    results = results_of(scores, draws)
    progress.report(0.5, "figures")
    pictures: dict[str, list[str]] = {}
    for task in scores.plan.suite.tasks:
        pictures[task.name] = _pictures(scores, results["tasks"][task.name], task, out)
    (out / "results.json").write_text(json.dumps(results, indent=1, allow_nan=False), encoding="utf-8")
    (out / "results.md").write_text(markdown(results, pictures), encoding="utf-8")
    progress.report(1.0, "report written")
    return results


def mean_and_sd(records: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Mean of every figure over seeds (and editions), and its standard deviation as `name_sd`; nan is left out."""
    found: dict[str, float] = {}
    for name in records[0] if records else ():
        values = [record[name] for record in records if np.isfinite(record[name])]
        if values:
            found[name] = float(np.mean(values))
        if len(values) > 1:
            found[f"{name}_sd"] = float(np.std(values, ddof=1))
    return found


def is_probability(method: str) -> bool:
    return METHODS[method](RegionFamily()).probability


def _pictures(scores: Scores, figures: Mapping[str, Any], task: Task, out: Path) -> list[str]:
    """Curves of every set, and the best and worst tiles of every method on its first set; names of the files."""
    written = []
    for name in scored_sets(scores.pairs, task):
        rows = Rows.of(scores.pairs.pairs[task.target.name][name])
        decided = rows.state != -1
        changed, part = rows.state[decided] == 1, rows.part[decided]
        curves = []
        for method in scores.plan.methods:
            doubt = -scores.agreement[task.name, name, method][:, decided]
            chances = [probabilities_elsewhere(changed, one, part) for one in doubt]
            curves.append(Curve(method, doubt, [one for one in chances if one is not None]))
        title = f"{task.name}, {name}: simulated map edits"
        stem = f"{task.slug}-{name}"
        if changed.any() and not changed.all():
            plot_roc(out / f"{stem}-roc.png", title, changed, curves)
            plot_precision_recall(out / f"{stem}-pr.png", title, changed, curves)
            plot_reliability(out / f"{stem}-reliability.png", title, changed, curves)
            plot_by_size(out / f"{stem}-by-size.png", title, figures["sets"][name]["methods"])
            written += [f"{stem}-{kind}.png" for kind in ("roc", "pr", "reliability", "by-size")]
    first = next(iter(scored_sets(scores.pairs, task)))
    for method in scores.plan.methods:
        path = out / f"{task.slug}-{first}-tiles-{method}.png"
        _tile_picture(scores, task, first, method, path)
        written.append(path.name)
    return written


def _tile_picture(scores: Scores, task: Task, name: str, method: str, path: Path) -> None:
    """Image, map and edited map of the pairs that a method judged best and worst, by its mean over seeds."""
    pairs = scores.pairs.pairs[task.target.name][name]
    agreement, state = scores.agreement[task.name, name, method].mean(axis=0), pairs.state
    order = np.argsort(agreement, kind="stable")
    changed, untouched = order[state[order] == 1], order[state[order] == 0]
    groups = [
        ("found: changed, low agreement", changed[:SHOWN]),
        ("missed: changed, high agreement", changed[::-1][:SHOWN]),
        ("false alarm: untouched, low agreement", _one_per_tile(untouched, len(pairs.tiles))[:SHOWN]),
    ]
    source, strips = task.target.source, []
    for title, chosen in groups:
        for which in chosen.tolist():
            edition, place = divmod(which, len(pairs.tiles))
            tile = pairs.tiles[place]
            edited = source.with_index(MapIndex(pairs.editions[edition].edited.features))
            view = source.view(tile)
            told = f"{title}\n{pairs.kind[which] or 'no edit'}, {100 * pairs.share[which]:.1f} %, {tile.x}/{tile.y}"
            strips.append((told, view.image, view.map, edited.view(tile).map))
    plot_tiles(path, f"{method}: {task.name}, {name}", strips)


def _one_per_tile(chosen: np.ndarray, tiles: int) -> np.ndarray:
    """Each tile once: an untouched tile is the same pair in every edition."""
    _, first = np.unique(chosen % tiles, return_index=True)
    return chosen[np.sort(first)]
