"""Tuning never hurts: evidence of a region's start, of what it learnt on its own map, and of what is kept of both.

    python benchmarks/tuning.py [--places banepa austin zanzibar] [--tiles 8 24] [--steps 60] [--seeds 0]

Of every place so many mapped tiles next to one another, in two geographic folds; the evidence network that ships is
tuned on the map of one and measured on the other, so that no tile is measured by what learnt from it. Maps that are
learnt from: `clean`, as it stands; `stale`, with 20 % of its footprints left out and as many invented, as far as there
is room; `shifted`, all of it drawn off by 4 m. The share that is kept is decided on that very map, and measured against
the map as it stands.
Only Banepa was never seen by the model that ships: elsewhere the start knows the ground that it is measured on, which
makes it the harder to beat. Few steps at the full rate on few tiles are the case in which tuning hurts most.

Figures: PLACE/TILES/MAP/f1_start, f1_tuned, f1_kept (building F1; the start fitted to how built-up the map is, as a
scan does), auroc_... (tiles with one changed building of 40 m2 or more against others, by the largest box of |evidence
- map|) and tuned_share; worst_f1_loss, worst_auroc_loss: the most that what is kept lies below the start anywhere, 0
where it never does; worst_tuned_f1_loss, worst_tuned_auroc_loss: the same of what was learnt, had it been kept alone.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks.common import data_folder, write_result
from mlcore.changes.boxes import box_px, largest_box
from mlcore.evaluation.footprints import footprint_figures
from mlcore.evaluation.metrics import auroc
from mlcore.evaluation.offsets import drawn_off, one_offset
from mlcore.evaluation.pairs import CHANGED, UNDECIDED, single_set
from mlcore.evidence.ensemble import EvidenceEnsemble
from mlcore.evidence.model import EvidenceNetwork
from mlcore.evidence.picture import EvidenceReader
from mlcore.evidence.prior import prior_shift
from mlcore.evidence.samples import evidence_samples
from mlcore.evidence.training import train_evidence
from mlcore.evidence.writing import write_evidence
from mlcore.geometry.webmercator import TileAddress
from mlcore.learning.threads import shared_cores
from mlcore.maps.index import MapIndex
from mlcore.maps.labels import BUILDINGS
from mlcore.pairs.source import PairSource
from mlcore.pairs.splits import geographic_folds
from mlcore.progress import SilentProgress
from mlcore.region.blending import blend_with_start
from mlcore.region.config import RegionConfig
from mlcore.region.registered import registered
from mlcore.region.shipped import shipped_model
from mlcore.suites.places import read_place
from mlcore.synthetic.edits import EditCounts, simulate_edits

FOLDS, ROUNDS, STALE, OFF_M = 2, 2, 0.2, 4.0
PER_EPOCH = 10
MAPS = ("clean", "stale", "shifted")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--places", nargs="+", default=["banepa", "austin", "zanzibar"])
    parser.add_argument("--tiles", type=int, nargs="+", default=[8, 24])
    parser.add_argument("--maps", nargs="+", choices=MAPS, default=list(MAPS))
    parser.add_argument("--steps", type=int, default=60, help="of a tuning; a region's own takes 120")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    args = parser.parse_args()
    shipped = shipped_model()
    if shipped is None:
        sys.exit("there is no model in mlcore/weights to start from")
    start = shipped.folds[0].evidence.tuned
    runs: dict[str, list[dict[str, float]]] = {}
    for seed in args.seeds:
        for name in args.places:
            place = read_place(data_folder() / name, None)
            for count in args.tiles:
                tiles = beside_one_another(place.tiles, count)
                for drawn in args.maps:
                    with tempfile.TemporaryDirectory() as folder:
                        learnt = place.source.with_index(map_of(drawn, place.source.index, tiles, seed))
                        found = measured(place.source, learnt, tiles, start, args.steps, seed, Path(folder))
                    key = f"{name}/{len(tiles)}/{drawn}"
                    runs.setdefault(key, []).append(found)
                    print(key, found, flush=True)
    write_result("tuning", summary(runs) | {"steps": args.steps}, seeds=args.seeds)


def beside_one_another(tiles: Sequence[TileAddress], count: int) -> list[TileAddress]:
    """So many tiles about the middle one."""
    x, y = (float(np.median([getattr(tile, axis) for tile in tiles])) for axis in "xy")
    return sorted(sorted(tiles, key=lambda tile: (max(abs(tile.x - x), abs(tile.y - y)), tile))[:count])


def map_of(drawn: str, index: MapIndex, tiles: list[TileAddress], seed: int) -> MapIndex:
    """The map that is learnt from."""
    if drawn == "stale":
        features = index.query_any([tile.bounds_lonlat for tile in tiles], BUILDINGS)
        count = max(1, round(STALE * len(features)))
        counts = EditCounts(add=count, remove=count)
        return MapIndex(
            simulate_edits(list(index), counts=counts, tiles=tiles, seed=seed, as_many_as_fit=True).features
        )
    return drawn_off(index, one_offset(OFF_M, seed)) if drawn == "shifted" else index


def measured(
    right: PairSource,
    learnt: PairSource,
    tiles: Sequence[TileAddress],
    start: EvidenceNetwork,
    steps: int,
    seed: int,
    folder: Path,
) -> dict[str, float]:
    """Start, what it learnt and what is kept, each against the right map, as regions are trained."""
    fold_of = geographic_folds(tiles, FOLDS, seed=seed)
    config = replace(RegionConfig().evidence, tuning_epochs=max(1, steps // PER_EPOCH), steps_per_epoch=PER_EPOCH)
    with shared_cores() as cores:
        moved = registered(learnt, tiles, start, folder / "start.tif", SilentProgress(), cores=cores)
    networks = []
    for fold in range(FOLDS):
        own, others = ([tile for tile in tiles if (fold_of[tile] != fold) is mine] for mine in (True, False))
        samples = evidence_samples(moved, own, avoid=others)
        networks.append(
            train_evidence(samples, config, initial=start.state_dict(), run_dir=folder / f"fold-{fold}", seed=seed)
        )
    with shared_cores() as cores:
        blend = blend_with_start(networks, start, fold_of, moved, SilentProgress(), cores)
    whole = EvidenceEnsemble([start])
    whole = whole.shifted(prior_shift(whole, learnt, tiles))
    voices = {
        "start": [whole] * FOLDS, "tuned": [EvidenceEnsemble([network]) for network in networks], "kept": blend.networks
    }  # fmt: skip
    figures = {"tuned_share": blend.tuned_share}
    for name, of_fold in voices.items():
        path = folder / f"{name}.tif"
        write_evidence(path, right.reader, tiles, lambda tile, of_fold=of_fold: of_fold[fold_of[tile]])  # type: ignore[misc]
        evidence = EvidenceReader(path, tiles[0].z)
        figures[f"f1_{name}"] = footprint_figures(right, evidence, tiles)["building_f1"]
        figures[f"auroc_{name}"] = told_apart(right, evidence, tiles, seed)
    return figures


def told_apart(source: PairSource, evidence: EvidenceReader, tiles: Sequence[TileAddress], seed: int) -> float:
    """AUROC of tiles with one changed building against the others, on editions of the right map."""
    pairs = single_set(source.index, tiles, ROUNDS, seed)
    windows = {tile: evidence.window(tile, margin_px=0) for tile in tiles}
    scores: list[float] = []
    for edition in pairs.editions:
        edited = source.with_index(MapIndex(edition.edited.features))
        for tile in pairs.tiles:
            window = windows[tile]
            drawn = edited.building_mask(tile, window.building.shape[0]) / 255
            scores.append(largest_box(window.building, drawn, window.valid, box_px(tile.resolution_m())))
    decided = pairs.state != UNDECIDED
    changed = pairs.state[decided] == CHANGED
    return auroc(changed, np.array(scores)[decided]) if 0 < changed.sum() < len(changed) else float("nan")


def summary(runs: Mapping[str, Sequence[Mapping[str, float]]]) -> dict[str, float]:
    """Means over seeds, and the largest losses of any run."""
    figures = {
        f"{key}/{name}": round(statistics.fmean(run[name] for run in some), 4)
        for key, some in runs.items()
        for name in some[0]
        if np.isfinite([run[name] for run in some]).all()
    }
    every = [run for some in runs.values() for run in some]
    for ending, voice in (("", "kept"), ("tuned_", "tuned")):
        for name in ("f1", "auroc"):
            losses = [run[f"{name}_start"] - run[f"{name}_{voice}"] for run in every]
            figures[f"worst_{ending}{name}_loss"] = round(float(np.nanmax([0.0, *losses])), 4)
    return figures | {"cases": len(every)}


if __name__ == "__main__":
    main()
