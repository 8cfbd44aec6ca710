"""Leave-one-place-out: building evidence learnt on all other places, measured on one, beside the shipped model.

Nothing of a place that is measured trains what is measured on it; the shipped model's figures carry no such promise for
the places that it learnt from (`mlcore/weights/README.md`). Finished pairs of place and seed are kept in the folder.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mlcore.changes.boxes import box_px, largest_box
from mlcore.consistency.pretraining import Place
from mlcore.errors import InvalidInputError
from mlcore.evaluation.footprints import footprint_figures
from mlcore.evaluation.metrics import auroc
from mlcore.evaluation.pair_files import content_digest
from mlcore.evaluation.pairs import CHANGED, UNDECIDED, PairSet, single_set
from mlcore.evidence.config import EvidenceConfig
from mlcore.evidence.ensemble import EvidenceEnsemble
from mlcore.evidence.many_places import PlaceSamples, balanced, place_samples
from mlcore.evidence.picture import EvidenceReader
from mlcore.evidence.prior import prior_shift
from mlcore.evidence.training import train_on_places
from mlcore.evidence.writing import write_evidence
from mlcore.files import whole_file
from mlcore.geometry.webmercator import TileAddress
from mlcore.maps.index import MapIndex
from mlcore.progress import Progress, SilentProgress, SpanProgress, stop_if_asked
from mlcore.region.model import RegionModel
from mlcore.suites.places import read_place

PLACES = ("banepa", "zanzibar", "nairobi", "dhaka", "nacala", "austin", "massachusetts", "bakerlake")
LEAST_VALID = 0.1
MOST_TILES = 96
PAIRS_SEED = 7301
TRAINED = 0.8


@dataclass(frozen=True)
class LeaveOut:
    """What is asked of a run.

    Attributes:
        held_out: groups of places that are left out of a training together, mostly one each.
        rounds: editions of a place's map with one changed building in half of its tiles.
    """

    places: tuple[str, ...]
    held_out: tuple[tuple[str, ...], ...]
    seeds: tuple[int, ...]
    config: EvidenceConfig
    rounds: int = 4
    device: str = "cpu"


def run_leave_out(
    plan: LeaveOut, data: Path, out: Path, today: RegionModel | None, progress: Progress | None = None
) -> dict[str, Any]:
    """Train and measure what `out` does not hold yet, and return the report of all that was asked for.

    Args:
        today: a general model to measure on the same tiles and pairs.

    Raises:
        InvalidInputError: an unknown place, or results of other settings in `out`.
        StoppedError: asked to stop; the same call goes on.
    """
    progress = progress or SilentProgress()
    unknown = {name for group in plan.held_out for name in group} - set(plan.places)
    if unknown or not plan.held_out:
        raise InvalidInputError(f"no place {', '.join(sorted(unknown)) or '(none given)'} in {', '.join(plan.places)}")
    places = {name: read_place(data / name, None, work=out / "clean", least_valid=LEAST_VALID) for name in plan.places}
    learnt: dict[str, PlaceSamples] = {}
    work = [(seed, group) for seed in plan.seeds for group in plan.held_out]
    records: list[dict[str, Any]] = []
    for number, (seed, group) in enumerate(work):
        span = SpanProgress(progress, number / len(work), (number + 1) / len(work))
        path = out / "results" / f"without-{'+'.join(group)}-seed{seed}.json"
        record = _kept(path, _mark(plan, group))
        if record is None:
            record = _one(plan, places, learnt, group, seed, out, today, span)
            path.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(path) as scratch:
                scratch.write_text(json.dumps(record, indent=1), encoding="utf-8")
        records.append(record)
    return summary(records)


def _one(
    plan: LeaveOut,
    places: Mapping[str, Place],
    learnt: dict[str, PlaceSamples],
    group: tuple[str, ...],
    seed: int,
    out: Path,
    today: RegionModel | None,
    progress: Progress,
) -> dict[str, Any]:
    for name, place in places.items():
        if name not in group and name not in learnt:
            learnt[name] = balanced(place_samples(name, place.source, place.tiles))
    training = [learnt[name] for name in places if name not in group]
    network = train_on_places(
        training, plan.config, run_dir=out / "models" / f"seed-{seed}" / f"without-{'+'.join(group)}", seed=seed,
        device=plan.device, progress=SpanProgress(progress, 0, TRAINED),
    )  # fmt: skip
    figures = {}
    for number, name in enumerate(group):
        stop_if_asked(progress)
        place, folder = places[name], out / "evidence"
        folder.mkdir(parents=True, exist_ok=True)
        tiles = some_tiles(place.tiles, MOST_TILES)
        pairs = single_set(place.source.index, tiles, plan.rounds, PAIRS_SEED)
        figures[name] = {"new": measured(EvidenceEnsemble([network]), 1, place, tiles, pairs, folder / f"{name}.tif")}
        if today is not None:
            voice = today.folds[0].evidence
            figures[name]["today"] = measured(
                voice, today.config.flips, place, tiles, pairs, folder / f"{name}-today.tif"
            )
        progress.report(TRAINED + (1 - TRAINED) * (number + 1) / len(group), f"{name}: measured")
    return {"fingerprint": _mark(plan, group), "seed": seed, "held_out": list(group), "figures": figures}


def some_tiles(tiles: Sequence[TileAddress], most: int) -> list[TileAddress]:
    """At most so many tiles, spread evenly in their order."""
    step = max(1, -(-len(tiles) // most))
    return sorted(tiles)[::step]


def measured(
    ensemble: EvidenceEnsemble,
    flips: int,
    place: Place,
    tiles: Sequence[TileAddress],
    pairs: PairSet,
    path: Path,
) -> dict[str, float]:
    """Evidence against the place's map, as it is and with the map's prior, and how it tells single changes apart."""
    write_evidence(path, place.source.reader, tiles, lambda _: ensemble, flips=flips)
    plain = footprint_figures(place.source, EvidenceReader(path, tiles[0].z), tiles)
    fitted = ensemble.shifted(prior_shift(ensemble, place.source, tiles))
    write_evidence(path, place.source.reader, tiles, lambda _: fitted, flips=flips)
    evidence = EvidenceReader(path, tiles[0].z)
    prior = footprint_figures(place.source, evidence, tiles)
    return {
        "f1": plain["building_f1"], "f1_prior": prior["building_f1"], "precision": prior["building_precision"],
        "recall": prior["building_recall"], "auroc_single": _told_apart(place, evidence, tiles, pairs),
        "tiles": float(len(tiles)),
    }  # fmt: skip


def _told_apart(place: Place, evidence: EvidenceReader, tiles: Sequence[TileAddress], pairs: PairSet) -> float:
    """AUROC for one changed building of 40 m2, by the largest box of |evidence - map|: no classifier is needed."""
    windows = {tile: evidence.window(tile, margin_px=0) for tile in tiles}
    scores: list[float] = []
    for edition in pairs.editions:
        source = place.source.with_index(MapIndex(edition.edited.features))
        for tile in pairs.tiles:
            window = windows[tile]
            drawn = source.building_mask(tile, window.building.shape[0]) / 255
            scores.append(largest_box(window.building, drawn, window.valid, box_px(tile.resolution_m())))
    decided = pairs.state != UNDECIDED
    changed = pairs.state[decided] == CHANGED
    return auroc(changed, np.array(scores)[decided]) if 0 < changed.sum() < len(changed) else float("nan")


def summary(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Figures by place (mean over seeds), their mean over places and the worst."""
    by_place: dict[str, dict[str, dict[str, float]]] = {}
    for name in sorted({name for record in records for name in record["figures"]}):
        found = [record["figures"][name] for record in records if name in record["figures"]]
        by_place[name] = {
            which: {key: float(np.mean([one[which][key] for one in found])) for key in found[0][which]}
            for which in found[0]
        }
    out: dict[str, Any] = {"places": by_place, "seeds": sorted({record["seed"] for record in records})}
    for which in ("new", "today"):
        told = [one[which] for one in by_place.values() if which in one]
        for key in ("f1", "f1_prior", "auroc_single"):
            values = [one[key] for one in told if np.isfinite(one[key])]
            if values:
                out[f"{which}_{key}_mean"], out[f"{which}_{key}_min"] = float(np.mean(values)), float(min(values))
    return out


def _mark(plan: LeaveOut, group: Sequence[str]) -> str:
    content = [plan.config.to_dict() | {"encoder_weights": ""}, list(plan.places), list(group), plan.rounds]
    return content_digest({"leave_out": json.loads(json.dumps(content, default=str))})


def _kept(path: Path, mark: str) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        found = record["fingerprint"]
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInputError(
            f"{path} is damaged ({error}): delete it, and the same command makes it anew"
        ) from error
    if found != mark:
        raise InvalidInputError(f"{path} comes from other settings: choose another --out")
    return record
