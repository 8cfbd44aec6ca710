"""Leave-one-place-out: building evidence learnt on all other places, measured on one, beside the shipped model.

Nothing of a place that is measured trains what is measured on it (of suggestions see `leave_out_verdicts`); the shipped
model's figures carry no such promise for the places that it learnt from (`mlcore/weights/README.md`). Finished pairs of
place and seed are kept in the folder.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mlcore.changes.boxes import box_px, largest_box
from mlcore.consistency.pretraining import Place
from mlcore.errors import InvalidInputError
from mlcore.evaluation.footprints import footprint_figures
from mlcore.evaluation.pair_files import content_digest
from mlcore.evaluation.pairs import PairSet, single_set
from mlcore.evaluation.readings import Readings
from mlcore.evaluation.roofs import roofs_found
from mlcore.evidence.config import EvidenceConfig
from mlcore.evidence.ensemble import EvidenceEnsemble
from mlcore.evidence.many_places import PlaceSamples, balanced, place_samples
from mlcore.evidence.model import EvidenceNetwork
from mlcore.evidence.picture import EvidenceReader
from mlcore.evidence.place import fitted_place
from mlcore.evidence.prior import prior_shift
from mlcore.evidence.training import train_on_places
from mlcore.evidence.writing import write_evidence
from mlcore.files import whole_file
from mlcore.geometry.webmercator import TileAddress
from mlcore.maps.index import MapIndex
from mlcore.progress import Progress, SilentProgress, SpanProgress, stop_if_asked
from mlcore.region.config import RegionConfig
from mlcore.region.lessons import taught_by
from mlcore.region.model import RegionModel
from mlcore.suites.leave_out_summary import summary
from mlcore.suites.leave_out_tiles import Stranger, tile_figures, told_apart
from mlcore.suites.leave_out_verdicts import lesson_path, lessons_of, taught_tiles, verdict_figures
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
        region: settings by which suggestions are made and measured; None measures none.
        readings: of places whose map somebody read.
    """

    places: tuple[str, ...]
    held_out: tuple[tuple[str, ...], ...]
    seeds: tuple[int, ...]
    config: EvidenceConfig
    rounds: int = 4
    device: str = "cpu"
    region: RegionConfig | None = None
    readings: Mapping[str, Readings] = field(default_factory=dict)


def run_leave_out(
    plan: LeaveOut, data: Path, out: Path, today: RegionModel | None, progress: Progress | None = None
) -> dict[str, Any]:
    """Train and measure what `out` does not hold yet, and return the report of all that was asked for.

    Args:
        today: a general model to measure on the same tiles and pairs; its U-CSA stands beside all networks.

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
            _keep(path, record)
        records.append(record)
    if plan.region is None or today is None or len({name for group in plan.held_out for name in group}) < 2:
        return summary(records)
    return summary(records, [_verdicts(plan, places, learnt, seed, out, today, progress) for seed in plan.seeds])


def _verdicts(
    plan: LeaveOut,
    places: Mapping[str, Place],
    learnt: dict[str, PlaceSamples],
    seed: int,
    out: Path,
    today: RegionModel,
    progress: Progress,
) -> dict[str, Any]:
    """What is suggested on every place that is left out, by what all the others of them teach."""
    region = plan.region or RegionConfig()
    marked = ["tiles", "usual", *map(",".join, plan.held_out), *(one.sha256 for one in plan.readings.values())]
    path, mark = out / "results" / f"verdicts-seed{seed}.json", _mark(plan, marked)
    record = _kept(path, mark)
    if record is None:
        networks: dict[str, EvidenceNetwork] = {}
        for group in plan.held_out:
            for name in group:
                if name not in networks:
                    networks[name] = _trained(plan, places, learnt, group, seed, out, SilentProgress())
        consistency, folder = today.folds[0].consistency, out / "evidence" / f"seed-{seed}"
        lessons = lessons_of(places, networks, consistency, region, folder, seed, SpanProgress(progress, 0, TRAINED))
        figures = {}
        for number, (name, lesson) in enumerate(lessons.items()):
            stop_if_asked(progress)
            stranger = Stranger(
                name, networks[name], taught_by([one for other, one in lessons.items() if other != name], seed),
                consistency, region,
            )  # fmt: skip
            source, tiles = places[name].source, taught_tiles(places[name])
            pairs = single_set(source.index, tiles, plan.rounds, PAIRS_SEED)
            figures[name] = verdict_figures(lesson, stranger.classifier, plan.readings.get(name))
            figures[name] |= tile_figures(
                stranger, source, EvidenceReader(lesson_path(folder, name), tiles[0].z), pairs
            )
            progress.report(TRAINED + (1 - TRAINED) * (number + 1) / len(lessons), f"{name}: suggestions measured")
        record = {"fingerprint": mark, "seed": seed, "figures": figures}
        _keep(path, record)
    return record


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
    network = _trained(plan, places, learnt, group, seed, out, SpanProgress(progress, 0, TRAINED))
    figures, roofs = {}, {}
    for number, name in enumerate(group):
        stop_if_asked(progress)
        place, folder = places[name], out / "evidence"
        folder.mkdir(parents=True, exist_ok=True)
        tiles = some_tiles(place.tiles, MOST_TILES)
        pairs = single_set(place.source.index, tiles, plan.rounds, PAIRS_SEED)
        path = folder / f"{name}.tif"
        figures[name] = {"new": measured(EvidenceEnsemble([network]), 1, place, tiles, pairs, path)}
        roofs[name] = roofs_found(place.source, EvidenceReader(path, tiles[0].z), tiles)
        if today is not None:
            voice = today.folds[0].evidence
            figures[name]["today"] = measured(
                voice, today.config.flips, place, tiles, pairs, folder / f"{name}-today.tif"
            )
        progress.report(TRAINED + (1 - TRAINED) * (number + 1) / len(group), f"{name}: measured")
    return {
        "fingerprint": _mark(plan, group),
        "seed": seed,
        "held_out": list(group),
        "figures": figures,
        "roofs": roofs,
    }


def _trained(
    plan: LeaveOut,
    places: Mapping[str, Place],
    learnt: dict[str, PlaceSamples],
    group: tuple[str, ...],
    seed: int,
    out: Path,
    progress: Progress,
) -> EvidenceNetwork:
    """The network without a group; what is trained already is read."""
    for name, place in places.items():
        if name not in group and name not in learnt:
            learnt[name] = balanced(place_samples(name, place.source, place.tiles))
    training = [learnt[name] for name in places if name not in group]
    folder = out / "models" / f"seed-{seed}" / f"without-{'+'.join(group)}"
    return train_on_places(training, plan.config, run_dir=folder, seed=seed, device=plan.device, progress=progress)


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
    """Evidence against the place's map, and how it tells single changes apart, fitted to the place as a scan does.

    `f1` is as the network is, `f1_prior` with the map's prior, `f1_place` fitted (`mlcore.evidence.place`).
    """

    def written(ensemble_of: Callable[[TileAddress], EvidenceEnsemble]) -> dict[str, float]:
        write_evidence(path, place.source.reader, tiles, ensemble_of, flips=flips)
        return footprint_figures(place.source, EvidenceReader(path, tiles[0].z), tiles)

    plain = written(lambda _: ensemble)
    shifted = ensemble.shifted(prior_shift(ensemble, place.source, tiles))
    prior = written(lambda _: shifted)
    figures = written(fitted_place(ensemble, place.source, tiles).ensemble_of)
    out = {
        "f1": plain["building_f1"], "f1_prior": prior["building_f1"], "f1_place": figures["building_f1"],
        "precision": figures["building_precision"], "recall": figures["building_recall"],
        "tiles": float(len(tiles)),
    }  # fmt: skip
    return out | _told_apart(place, EvidenceReader(path, tiles[0].z), tiles, pairs)


def _told_apart(
    place: Place, evidence: EvidenceReader, tiles: Sequence[TileAddress], pairs: PairSet
) -> dict[str, float]:
    """AUROC for one changed building of 40 m2, by the largest box of |evidence - map|: no classifier is needed."""
    windows = {tile: evidence.window(tile, margin_px=0) for tile in tiles}
    scores: list[float] = []
    for edition in pairs.editions:
        source = place.source.with_index(MapIndex(edition.edited.features))
        for tile in pairs.tiles:
            window = windows[tile]
            drawn = source.building_mask(tile, window.building.shape[0]) / 255
            scores.append(largest_box(window.building, drawn, window.valid, box_px(tile.resolution_m())))
    overall, same = told_apart(pairs, np.array(scores))
    return {"auroc_single": overall, "auroc_same_tile": same}


def _keep(path: Path, record: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as scratch:
        scratch.write_text(json.dumps(record, indent=1), encoding="utf-8")


def _mark(plan: LeaveOut, group: Sequence[str]) -> str:
    content = [plan.config.to_dict() | {"encoder_weights": ""}, list(plan.places), list(group), plan.rounds]
    return content_digest({"leave_out_views": json.loads(json.dumps(content, default=str))})


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
