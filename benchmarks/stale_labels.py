"""What stale labels cost: the evidence network trained on a map with wrong footprints, measured on the right ones.

Banepa's mapped tiles; the four western columns are learnt from, the two eastern ones measured. A share of the learnt
footprints is left out of the map, and as many invented ones are drawn in (simulated stale labels); the true map is what
F1 and IoU are taken against. Every training has the same tiles, steps and seed.

    python benchmarks/stale_labels.py [--seeds 0] [--shares 0 0.05 0.1]

Figures: f1_N, iou_N at N per cent of poison; loss_N = f1_0 - f1_N.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks.common import data_folder, write_result
from mlcore.errors import InvalidInputError
from mlcore.evaluation.footprints import footprint_figures
from mlcore.evidence.config import EvidenceConfig
from mlcore.evidence.ensemble import EvidenceEnsemble
from mlcore.evidence.picture import EvidenceReader
from mlcore.evidence.samples import evidence_samples
from mlcore.evidence.training import train_evidence
from mlcore.evidence.writing import write_evidence
from mlcore.geometry.webmercator import TileAddress
from mlcore.maps.index import MapIndex
from mlcore.pairs.source import PairSource
from mlcore.suites.places import read_place
from mlcore.synthetic.edits import EditCounts, simulate_edits

WEST = 4  # columns that are learnt from


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--shares", type=float, nargs="+", default=[0.0, 0.05, 0.1])
    args = parser.parse_args()
    place = read_place(data_folder() / "banepa")
    columns = sorted({tile.x for tile in place.tiles})
    west = [tile for tile in place.tiles if tile.x in columns[:WEST]]
    east = [tile for tile in place.tiles if tile.x not in columns[:WEST]]
    found: dict[str, list[float]] = {}
    for seed in args.seeds:
        for share in args.shares:
            f1, iou = one(place.source, west, east, share, seed)
            found.setdefault(f"f1_{share:.0%}".replace("%", ""), []).append(f1)
            found.setdefault(f"iou_{share:.0%}".replace("%", ""), []).append(iou)
    figures = {name: round(statistics.fmean(values), 4) for name, values in found.items()}
    clean = figures.get("f1_0")
    if clean is not None:
        losses = {
            name.replace("f1", "loss"): round(clean - value, 4) for name, value in figures.items() if "f1" in name
        }
        figures |= {name: value for name, value in losses.items() if name != "loss_0"}
    write_result("stale_labels", figures, seeds=args.seeds)


def one(
    source: PairSource,
    learnt: list[TileAddress],
    measured: list[TileAddress],
    share: float,
    seed: int,
) -> tuple[float, float]:
    """F1 and IoU on `measured` under the true map, learnt from a poisoned one."""
    poisoned = source.with_index(poison(source.index, learnt, share, seed)) if share else source
    samples = evidence_samples(poisoned, learnt, avoid=measured)
    with tempfile.TemporaryDirectory() as folder:
        model = train_evidence(samples, EvidenceConfig(), run_dir=Path(folder), seed=seed)
        ensemble, path = EvidenceEnsemble([model]), Path(folder) / "evidence.tif"
        write_evidence(path, source.reader, measured, lambda tile: ensemble, flips=4)
        figures = footprint_figures(source, EvidenceReader(path, measured[0].z), measured)
    print(f"seed {seed}, {share:.0%} stale: F1 {figures['building_f1']:.3f}", flush=True)
    return figures["building_f1"], figures["building_iou"]


def poison(index: MapIndex, tiles: list[TileAddress], share: float, seed: int) -> MapIndex:
    """The map with a share of its footprints in these tiles left out, and as many invented."""
    inside = {
        feature.key for tile in tiles for feature in index.query(tile.bounds_lonlat) if feature.kind == "building"
    }
    count = max(1, round(share * len(inside)))
    while True:
        try:
            counts = EditCounts(add=count, remove=count)
            edited = simulate_edits(list(index), counts=counts, tiles=tiles, seed=seed)
            print(f"{count} of {len(inside)} footprints left out, as many invented", flush=True)
            return MapIndex(edited.features)
        except InvalidInputError:  # no room for so many
            count -= max(1, count // 10)


if __name__ == "__main__":
    main()
