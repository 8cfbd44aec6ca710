"""What a run of leave-one-place-out says in all: figures by place, their mean over places and the worst."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mlcore.evaluation.roofs import recalls

TOLD = ("f1", "f1_prior", "f1_place", "auroc_single", "auroc_same_tile")
VERDICTS = ("ece", "first40", "add_recall", "remove_recall", "modify_recall")
TILES = ("tile", "without_consistency", "with_consistency", "consistency")


def summary(records: Sequence[Mapping[str, Any]], verdicts: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """Figures by place (mean over seeds and trainings), their mean over places and the worst.

    Args:
        verdicts: what was suggested, by seed.
    """
    by_place: dict[str, dict[str, dict[str, float]]] = {}
    for name in sorted({name for record in records for name in record["figures"]}):
        found = [record["figures"][name] for record in records if name in record["figures"]]
        by_place[name] = {which: _means([one[which] for one in found]) for which in found[0]}
        told = [one["figures"][name] for one in verdicts if name in one["figures"]]
        if told:
            by_place[name]["verdicts"] = _means(told)
    out: dict[str, Any] = {"places": by_place, "seeds": sorted({record["seed"] for record in records})}
    for which in ("new", "today"):
        told = [one[which] for one in by_place.values() if which in one]
        for key in TOLD:
            values = [one[key] for one in told if np.isfinite(one[key])]
            if values:
                out[f"{which}_{key}_mean"], out[f"{which}_{key}_min"] = float(np.mean(values)), float(min(values))
    roofs: dict[str, list[Mapping[str, Any]]] = {}
    for record in records:
        for name, tally in record.get("roofs", {}).items():
            roofs.setdefault(name, []).append(tally)
    out |= {f"recall_{name}": share for name, share in recalls(roofs).items()}
    suggested = [one["verdicts"] for one in by_place.values() if "verdicts" in one]
    for key in VERDICTS if suggested else ():
        out[f"{key}_mean"] = float(np.nanmean([one.get(key, np.nan) for one in suggested]))
    for key in (f"{name}_{end}" for name in TILES for end in ("auroc", "same_tile")):
        values = [one[key] for one in suggested if np.isfinite(one.get(key, np.nan))]
        if values:
            out[f"{key}_mean"], out[f"{key}_min"] = float(np.mean(values)), float(min(values))
    return out


def _means(figures: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {key: float(np.mean([one[key] for one in figures])) for key in figures[0]}
