"""What it changes in the building evidence that its network learns from the map where the image shows it.

    python benchmarks/registered_training.py [--seeds 0] [--places banepa zanzibar nairobi]

Two trainings a setting that differ in nothing but the map: as it is drawn, and moved tile by tile to where the model
that ships sees it (`mlcore.region.registered`, as regions are trained). Evidence alone, preset `quick`, two geographic
folds; every tile is measured by the network that never saw its fold. From nothing, since the model that ships has
learnt from Zanzibar and Nairobi; from Banepa it has not.

- `SETTING/f1_registered`, `SETTING/f1_drawn`: F1 of evidence >= 0.5 against the buildings, by the way of training;
  `SETTING/gain`, their difference, with `_low`, `_high`, 95 % over 12 blocks of the place.
- settings `banepa`, `banepa_region_4` (the whole map drawn off by 4 m) and `banepa_smooth` (by 1 to 8 m that vary over
  the place) are measured against Banepa's map without the injected offset: nobody's measurement decides what is right.
- `zanzibar` and `nairobi`, whose maps are off by themselves: against the moved map; `_against_drawn` against the map as
  it is drawn. Neither is the truth, and each favours the training that saw it.
- `SETTING/moved_m`: median length of the shift that registration found.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.common import data_folder, write_result
from mlcore.evaluation.offsets import drawn_off, one_offset, smooth_offset
from mlcore.evidence.ensemble import EvidenceEnsemble
from mlcore.evidence.model import EvidenceModel
from mlcore.evidence.picture import EvidenceReader
from mlcore.evidence.samples import evidence_samples
from mlcore.evidence.training import train_evidence
from mlcore.evidence.writing import write_evidence
from mlcore.geometry.webmercator import TileAddress
from mlcore.pairs.source import PairSource
from mlcore.pairs.splits import geographic_folds
from mlcore.progress import SilentProgress
from mlcore.region.config import RegionConfig
from mlcore.region.registered import registered
from mlcore.region.shipped import shipped_model
from mlcore.suites.places import read_place

FOLDS, BLOCKS, LEVEL, DRAWS = 2, 12, 0.5, 1000
Counts = dict[TileAddress, tuple[int, int, int]]
"""Of every tile: pixels called and mapped, called, mapped."""


@dataclass(frozen=True)
class Setting:
    """A map to learn from and, where one is known, the map that is right."""

    name: str
    source: PairSource
    tiles: Sequence[TileAddress]
    right: PairSource | None = None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--places", nargs="+", default=["banepa", "zanzibar", "nairobi"])
    args = parser.parse_args()
    shipped = shipped_model()
    if shipped is None:
        sys.exit("there is no model in mlcore/weights to register the maps with")
    start = shipped.folds[0].evidence.tuned
    figures: dict[str, list[dict[str, float]]] = {}
    for seed in args.seeds:
        for setting in settings(args.places, seed):
            with tempfile.TemporaryDirectory() as folder:
                figures.setdefault(setting.name, []).append(measured(setting, start, seed, Path(folder)))
            print(f"seed {seed}, {setting.name}: {figures[setting.name][-1]}", flush=True)
    found = {
        f"{name}/{key}": round(statistics.fmean(run[key] for run in runs), 4)
        for name, runs in figures.items()
        for key in runs[0]
    }
    write_result("registered_training", found, seeds=args.seeds)


def settings(places: Sequence[str], seed: int) -> Iterator[Setting]:
    """Every map that is learnt from, of these places."""
    for name in places:
        place = read_place(data_folder() / name)
        if name != "banepa":
            yield Setting(name, place.source, place.tiles)
            continue
        offsets = {"": None, "_region_4": one_offset(4.0, seed), "_smooth": smooth_offset(1.0, 8.0, seed)}
        for ending, offset in offsets.items():
            index = place.source.index if offset is None else drawn_off(place.source.index, offset)
            yield Setting(name + ending, place.source.with_index(index), place.tiles, place.source)


def measured(setting: Setting, start: EvidenceModel, seed: int, folder: Path) -> dict[str, float]:
    """Both trainings of a setting, held against the same buildings."""
    moved = registered(setting.source, setting.tiles, start, folder / "start.tif", SilentProgress())
    right = setting.right or moved
    found: dict[str, Counts] = {}
    figures: dict[str, float] = {}
    for way, source in (("registered", moved), ("drawn", setting.source)):
        evidence = learnt(source, setting.tiles, seed, folder / way)
        found[way] = counts(right, evidence, setting.tiles)
        figures[f"f1_{way}"] = f1(found[way].values())
        if setting.right is None:
            figures[f"f1_{way}_against_drawn"] = f1(counts(setting.source, evidence, setting.tiles).values())
    lengths = [
        tile.resolution_m() * float(np.hypot(*(moved.transforms[tile].apply(np.array([[128.0, 128.0]]))[0] - 128.0)))
        for tile in setting.tiles
        if tile in moved.transforms
    ]
    return figures | gain(found, setting.tiles) | {"moved_m": statistics.median(lengths) if lengths else 0.0}


def learnt(source: PairSource, tiles: Sequence[TileAddress], seed: int, folder: Path) -> EvidenceReader:
    """Evidence of every tile by the network that learnt from the other fold."""
    fold_of = geographic_folds(tiles, FOLDS, seed=seed)
    config = RegionConfig.preset("quick").evidence
    networks = []
    for fold in range(FOLDS):
        own = [tile for tile in tiles if fold_of[tile] != fold]
        samples = evidence_samples(source, own, avoid=[tile for tile in tiles if fold_of[tile] == fold])
        network = train_evidence(samples, config, run_dir=folder / f"fold-{fold}", seed=seed)
        networks.append(EvidenceEnsemble([network]))
    write_evidence(folder / "evidence.tif", source.reader, tiles, lambda tile: networks[fold_of[tile]], flips=2)
    return EvidenceReader(folder / "evidence.tif", tiles[0].z)


def counts(right: PairSource, evidence: EvidenceReader, tiles: Sequence[TileAddress]) -> Counts:
    """What is called and mapped, by tile."""
    found: Counts = {}
    for tile in tiles:
        window = evidence.window(tile, margin_px=0)
        mapped = (right.building_mask(tile, window.building.shape[0]) > 127) & window.valid
        called = (window.building >= LEVEL) & window.valid
        found[tile] = int((called & mapped).sum()), int(called.sum()), int(mapped.sum())
    return found


def f1(rows: Iterable[Sequence[float]]) -> float:
    """Of counts of any number of tiles."""
    both, called, mapped = np.array([list(row) for row in rows], np.int64).reshape(-1, 3).sum(axis=0).tolist()
    return 2 * both / (called + mapped) if called + mapped else float("nan")


def gain(found: Mapping[str, Counts], tiles: Sequence[TileAddress]) -> dict[str, float]:
    """By how much the registered training is better, with its interval over blocks of the place."""
    block_of = geographic_folds(tiles, min(BLOCKS, len(tiles)))
    blocks = max(block_of.values()) + 1
    sums = {way: np.zeros((blocks, 3)) for way in found}
    for way, rows in found.items():
        for tile, row in rows.items():
            sums[way][block_of[tile]] += row

    def difference(chosen: np.ndarray) -> float:
        return f1([sums["registered"][chosen].sum(axis=0)]) - f1([sums["drawn"][chosen].sum(axis=0)])

    rng = np.random.default_rng(0)
    drawn = [difference(rng.integers(blocks, size=blocks)) for _ in range(DRAWS)]
    low, high = np.nanquantile(drawn, (0.025, 0.975)).tolist()
    return {"gain": difference(np.arange(blocks)), "gain_low": low, "gain_high": high}


if __name__ == "__main__":
    main()
