"""An evaluation's results as a page to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlcore.evaluation.queue import EXPLANATION, FIRST, KINDS
from mlcore.evaluation.readings import READ_ENDING
from mlcore.synthetic.truth import CHANGED_SHARE, WHOLE_BUILDING_M2

SETS = {
    "protocol": (
        f"Changes by the protocol: a tile is changed where buildings differ on at least {100 * CHANGED_SHARE:.0f} % of "
        f"its area, or a whole building of at least {WHOLE_BUILDING_M2:.0f} m² is missing or too many. Tiles touched "
        "by less are left out, except from the table by size."
    ),
    "single": (
        f"One changed building: exactly one building of at least {WHOLE_BUILDING_M2:.0f} m² per changed tile was "
        f"deleted from the map, invented, reshaped or shifted, so that the map is wrong on {WHOLE_BUILDING_M2:.0f} m² "
        "or more. Reshapings of less are left out, except from the tables by size and kind."
    ),
    "other-map": "The easy case: a changed tile shows the map of another tile of the same place.",
    "real": "Real changes between two dates, from the data set's own change masks (2 % of the tile or more).",
}
READ = (
    "The same, on tiles alone whose map as it stands was read against the image by eye, without sight of any model's "
    f"output, and on which no reading is sure of an error of {WHOLE_BUILDING_M2:.0f} m² or more."
)
CLEAN = (
    f"On {{clean}} of the {{read}} tiles whose map was read by eye, no reading is sure of an error of "
    f"{WHOLE_BUILDING_M2:.0f} m² or more in the map as it stands."
)
TRUTH = (
    "A judge who knew every simulated edit, and every error that a reading is sure of, would reach an AUROC of "
    "{truth_auroc:.2f} here: a tile that was wrong before any edit counts as untouched, and doubting it as a mistake."
)
PAPER = (
    "For comparison, on other data with real changes (MSTcons-WHU / -Inria), the authors of U-CSA give AUROC 0.785 / "
    "0.694 for U-CSA, 0.723 / 0.647 without anchors, 0.765 / 0.678 without prototypes, and 0.711 / 0.645 for SAM-MCD."
)
START = {
    "own": "each variant starts from its own weights, learnt in this run on the task's other places",
    "scratch": "nothing is learnt before the target's own tiles",
    "shipped": (
        "all variants start from the weights that ship with the library: these were learnt with anchors, so the "
        "ablations are not fair, and perhaps on the very place"
    ),
}


def markdown(results: Mapping[str, Any], pictures: Mapping[str, Sequence[str]]) -> str:
    """The page of `results.json`'s content, with the pictures by task."""
    real = any("real" in task["sets"] for task in results["tasks"].values())
    lines = [
        f"# Consistency of image and map: {results['suite']}", "", results["headline"], "",
        f"**{results['note'][0].upper()}{results['note'][1:]}.**"
        + (" The set `real` alone holds real changes." if real else ""), "",
        f"- Seeds {', '.join(map(str, results['seeds']))}; preset `{results['preset']}`; {START[results['start']]}.",
        "- Every method is scored on the same pairs; their digest is `" + results["pairs_sha256"] + "`.",
        "- The map is taken to be true, though it is a little out of date: untouched tiles that were wrong before "
        "count against every method alike, except in the sets of tiles whose map was read by eye. In the column `same "
        "tile` they cancel out: it is the probability that a tile is doubted more with the change than without.",
        "- Figures are means over seeds ± their standard deviation; intervals are 95 % by bootstrap over geographic "
        "blocks; thresholds and calibrations are chosen on other blocks than those they are used on.",
        f"- {PAPER}", "",
        "| method | what it is |", "|---|---|",
    ]  # fmt: skip
    lines += [f"| `{name}` | {told.replace('|', chr(92) + '|')} |" for name, told in results["methods"].items()]
    for name, task in results["tasks"].items():
        lines += ["", f"## {name}", "", f"{task['tiles']} tiles; other places learnt from: {_list(task['training'])}."]
        if "tiles_read" in task:
            lines.append(CLEAN.format(clean=task["tiles_clean"], read=task["tiles_read"]))
        for set_name, figures in task["sets"].items():
            lines += _set(set_name, figures)
        if task["queue"]:
            lines += _queue(task["queue"])
        if task["footprints"]:
            lines += _footprints(task["footprints"])
        lines += ["", *(f"![{picture}]({picture})" for picture in pictures.get(name, ()))]
    return "\n".join(lines) + "\n"


def _set(name: str, figures: Mapping[str, Any]) -> list[str]:
    lines = [
        "", f"### {name}", "", READ if name.endswith(READ_ENDING) else SETS[name], "",
        f"{figures['pairs']:.0f} pairs, {figures['changed']:.0f} of them changed (prevalence "
        f"{figures['prevalence']:.3f}); calling everything changed has F1 {figures['all_positive_f1']:.3f}; "
        f"{figures['changed_2_percent']:.0f} changes of at least 2 % of the tile; {figures['blocks']:.0f} blocks.", "",
        *([TRUTH.format(**figures), ""] if "truth_auroc" in figures else []),
        "| method | AUROC | 95 % interval | AUROC, changes ≥ 2 % | same tile | average precision | F1 | "
        "calibration error |",
        "|---|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for method, one in figures["methods"].items():
        cells = [_pm(one, "auroc"), _interval(one, "auroc"), _pm(one, "auroc_2_percent"), _pm(one, "same_tile_auroc")]
        cells += [_pm(one, key) for key in ("average_precision", "f1", "calibration_error")]
        lines.append(f"| `{method}` | " + " | ".join(cells) + " |")
    return lines + _breakdown(figures["methods"])


def _breakdown(methods: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """AUROC by size of change and by how the map was made wrong, each against all untouched tiles."""
    first = next(iter(methods.values()))
    sizes = [(i, entry) for i, entry in enumerate(first["by_size"]) if entry["pairs"]]
    heads = [f"{100 * e['from']:.0f}-{100 * e['to']:.0f} % (n = {e['pairs']})" for _, e in sizes]
    heads += [f"{kind} (n = {entry['pairs']})" for kind, entry in first["by_kind"].items()]
    lines = ["", "AUROC by size of change and by kind:", "", "| method | " + " | ".join(heads) + " |"]
    lines.append("|---" * (len(heads) + 1) + "|")
    for method, one in methods.items():
        cells = [_pm(one["by_size"][i], "auroc") for i, _ in sizes]
        cells += [_pm(entry, "auroc") for entry in one["by_kind"].values()]
        lines.append(f"| `{method}` | " + " | ".join(cells) + " |")
    return lines


def _queue(figures: Mapping[str, float]) -> list[str]:
    lines = [
        "", "### The queue of candidates", "", EXPLANATION, "",
        "Means over seeds and editions ± their standard deviation. "
        f"Per edition {figures['edits']:.0f} edits and {figures['candidates']:.0f} candidates, "
        f"{figures['candidates_also_on_the_unedited_map']:.0f} of which the model also makes on the unedited map.", "",
        "| | strict | known |", "|---|---|---|",
    ]  # fmt: skip
    for told, key in [
        (f"precision of the first {FIRST}", f"precision_first{FIRST}"),
        ("precision of all", "precision"),
        *((f"precision of {kind} at confidence 0.5", f"precision_{kind}") for kind in KINDS),
    ]:
        lines.append(f"| {told} | {_pm(figures, f'strict_{key}')} | {_pm(figures, f'known_{key}')} |")
    if f"read_precision_first{FIRST}" in figures:
        lines += [
            "",
            f"With the readings: precision of the first {FIRST} {_pm(figures, f'read_precision_first{FIRST}')}. On the "
            f"unedited map, readers are sure of {_pm(figures, 'real_confirmed_first40')} of the first 40 candidates, "
            f"and of the {figures['real_missing']:.0f} buildings of 40 m² or more that they are sure the map lacks, "
            f"{_pm(figures, 'real_missing_found')} are among the candidates.",
        ]
    lines += ["", "| recall at IoU 0.5 | confidence ≥ 0.5 | all candidates |", "|---|---|---|"]
    for kind in KINDS:
        cells = f"{_pm(figures, f'recall_{kind}')} | {_pm(figures, f'recall_{kind}_any_confidence')}"
        lines.append(f"| {kind} ({figures[f'edits_{kind}']:.0f} edits) | {cells} |")
    return lines


def _footprints(figures: Mapping[str, float]) -> list[str]:
    names = ("f1", "iou", "precision", "recall")
    told = ", ".join(f"{name} {_pm(figures, f'building_{name}')}" for name in names if f"building_{name}" in figures)
    return ["", f"Building evidence against mapped footprints of tiles its network did not see, by pixel: {told}."]


def _pm(figures: Mapping[str, Any], name: str) -> str:
    value, sd = figures.get(name), figures.get(f"{name}_sd")
    if value is None:
        return "–"
    return f"{value:.3f}" if sd is None else f"{value:.3f} ± {sd:.3f}"


def _interval(figures: Mapping[str, Any], name: str) -> str:
    low, high = figures.get(f"{name}_low"), figures.get(f"{name}_high")
    return "–" if low is None or high is None else f"{low:.3f} to {high:.3f}"


def _list(names: Sequence[str]) -> str:
    return ", ".join(names) if names else "none"
