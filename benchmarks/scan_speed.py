"""B1: tiles per second of a region's scan, against the bare networks on ready tensors, and against an earlier commit.

    python benchmarks/scan_speed.py [--imagery COG --map FILE --area FILE --zoom 19] [--before COMMIT]

First the whole scan beside that of an earlier commit, each with the general model that it ships (`scan_once.py`): a
process each in turn, before, now, now, before, on as many cores (`--cores`, all): PyTorch has so many threads on both
sides, and what else works beside them is each one's own affair. `ratio_to_main_before` is tiles per second now over
before, by the clock; `cpu_ratio_to_main_before` by processor seconds. Then, in one process, the same tiles, the
networks that ship and the same number of network threads on both sides:

* floor: the forward passes alone, on tensors made before the clock starts, by networks made ready as a scan makes them:
  evidence on (8, 3, 320, 320) tensors in all the mirrored views that a scan averages, then U-CSA on (16, 3, 128, 128)
  images and maps, as often as a scan has views. Nothing is decoded, drawn, kept or written.
* scan: decode + render + score + store, as `RegionModel.scan` does it: the image is decoded for both networks, the map
  drawn, the very same forward passes run, the evidence written to its file and the scores of every tile taken.
* whole scan: `RegionModel.scan` to its last result. Beside the above it estimates the map's shift, makes and measures
  polygons of all buildings, and calibrates; none of that has a network in it.

Rounds alternate floor, scan, floor, scan ... floor; each scan is held against the mean of the floors before and after
it, and medians count, so that other work on the machine hits both sides alike. `ratio_to_forward` is floor seconds
divided by scan seconds: 1 would mean that everything beside the networks costs nothing (`whole_scan_ratio_to_forward`
for the whole scan). `cpu_...` is the same in processor seconds of all threads: it counts what other cores do meanwhile
too, and a busy machine hardly moves it. `consistency_ratio_to_forward` is the same for U-CSA alone (`score_tiles`
against its forward pass), where the network is small and reading and drawing weigh most. Weights are those that ship
with the library: making polygons of what they find takes time too.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.common import ROOT, data_folder, write_result
from mlcore.changes.classifiers import ChangeClassifier
from mlcore.consistency.model import ConsistencyModel
from mlcore.consistency.scan import SCAN_BATCH, score_tiles
from mlcore.encoders.image import to_input
from mlcore.evidence.ensemble import EvidenceEnsemble
from mlcore.evidence.inference import ready as made_ready
from mlcore.evidence.model import evidence_network
from mlcore.evidence.picture import EvidenceReader
from mlcore.evidence.writing import BATCH, with_context
from mlcore.geometry.webmercator import TileAddress
from mlcore.imagery.raster import open_image
from mlcore.maps.coverage import read_area
from mlcore.maps.index import MapIndex
from mlcore.maps.osm_files import read_map
from mlcore.pairs.source import PairSource
from mlcore.region.parts import FoldModel
from mlcore.region.shipped import shipped_model
from mlcore.region.training import RegionConfig, RegionModel, mapped_tiles

VIEWS: tuple[tuple[int, ...], ...] = ((), (3,), (2,), (2, 3))


@dataclass(frozen=True)
class Ready:
    """What the bare networks are given: evidence windows, and images with their maps, in batches."""

    windows: list[Tensor]
    pairs: list[tuple[Tensor, Tensor]]


class Compared(NamedTuple):
    """Median seconds of floor and scan, and the median ratios of the rounds by the clock and by processor time."""

    floor_s: float
    scan_s: float
    ratio: float
    cpu_ratio: float


def main() -> int:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--imagery", type=Path, default=data_folder() / "banepa" / "banepa.tif")
    parser.add_argument("--map", type=Path, default=data_folder() / "banepa" / "buildings.geojson")
    parser.add_argument("--area", type=Path, help="where the map is complete (default: Banepa's, or everywhere)")
    parser.add_argument("--zoom", type=int, default=19)
    parser.add_argument(
        "--before", default="86e2830", help="the commit that the whole scan is held against; empty: none"
    )
    parser.add_argument("--before-tiles", type=int, default=128, help="so many tiles are scanned by both commits")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1, help="threads of the networks, in the rounds")
    parser.add_argument(
        "--cores", type=int, default=len(os.sched_getaffinity(0)), help="that both commits' scans may use"
    )
    args = parser.parse_args()
    if not args.imagery.exists():
        print(f"no image at {args.imagery}: give --imagery and --map, or set MAPWRIGHT_DATA", file=sys.stderr)
        return 1
    torch.set_num_threads(args.threads)
    beside = against(args) if args.before else {}
    area = args.area or args.imagery.with_name("mapped_area.geojson")
    coverage = read_area(area) if area.is_file() else None
    source = PairSource(open_image(args.imagery), MapIndex(read_map(args.map).features), coverage)
    config = RegionConfig()
    tiles = mapped_tiles(source, source.tiles(args.zoom), config)
    model = one_fold(config, tiles)
    ready = ready_tensors(model, source, tiles)
    consistency = model.folds[0].consistency_asked
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "evidence.tif"
        networks = compare(args.rounds, lambda: bare_networks(model, ready), lambda: scores(model, source, tiles, path))
        whole = compare(
            args.rounds,
            lambda: bare_networks(model, ready),
            lambda: whole_scan(model, source, tiles, path),
        )
    alone = compare(
        4 * args.rounds,
        lambda: bare_consistency(consistency, ready),
        lambda: list(score_tiles(consistency, source, tiles)),
    )
    report(args, len(tiles), config, networks, whole, alone, beside)
    return 0


def against(args: argparse.Namespace) -> dict[str, float]:
    """The whole scan of an earlier commit and of this one, each twice, in the order before, now, now, before."""
    runs: dict[str, list[dict[str, float]]] = {"before": [], "now": []}
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "before"
        subprocess.run(["git", "worktree", "add", "--quiet", "--detach", tree, args.before], cwd=ROOT, check=True)
        try:
            for name in ("before", "now", "now", "before"):
                root = tree if name == "before" else ROOT
                words = ["--root", root, "--imagery", args.imagery, "--map", args.map, "--zoom", args.zoom]
                words += ["--tiles", args.before_tiles, "--threads", args.cores]
                command = [sys.executable, str(ROOT / "benchmarks" / "scan_once.py"), *map(str, words)]
                env = {**os.environ, "PYTHONPATH": str(root)}
                said = subprocess.run(command, cwd=root, env=env, check=True, capture_output=True, text=True).stdout
                runs[name].append(json.loads(said.splitlines()[-1]))
                print(name, runs[name][-1], f"load {os.getloadavg()[0]:.1f}", flush=True)
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", tree], cwd=ROOT, check=True)
    rate = {
        (name, clock): sum(one["tiles"] for one in some) / sum(one[clock] for one in some)
        for name, some in runs.items()
        for clock in ("wall_s", "cpu_s")
    }
    return {
        "ratio_to_main_before": round(rate["now", "wall_s"] / rate["before", "wall_s"], 2),
        "cpu_ratio_to_main_before": round(rate["now", "cpu_s"] / rate["before", "cpu_s"], 2),
        "general_scan_tiles_per_s": round(rate["now", "wall_s"], 2),
        "general_scan_tiles_per_s_before": round(rate["before", "wall_s"], 2),
        "general_scan_cpu_ms_per_tile": round(1e3 / rate["now", "cpu_s"]),
        "general_scan_cpu_ms_per_tile_before": round(1e3 / rate["before", "cpu_s"]),
        "general_scan_tiles": runs["now"][0]["tiles"],
        "candidates": runs["now"][0]["candidates"],
        "candidates_before": runs["before"][0]["candidates"],
    }


def one_fold(config: RegionConfig, tiles: Sequence[TileAddress]) -> RegionModel:
    """A region model of one fold: the networks that ship, or fresh ones where none do."""
    torch.manual_seed(0)
    shipped = shipped_model()
    fold = FoldModel(
        EvidenceEnsemble([evidence_network(config.evidence)]),
        ConsistencyModel(config.consistency).eval(),
        ChangeClassifier().eval(),
    )
    return RegionModel(config, [shipped.folds[0] if shipped else fold], dict.fromkeys(tiles, 0), {})


def ready_tensors(model: RegionModel, source: PairSource, tiles: Sequence[TileAddress]) -> Ready:
    """Everything the networks see of these tiles, as tensors of their own size."""
    windows = np.stack([with_context(source.reader, tile).rgb for tile in tiles])
    views = [source.view(tile) for tile in tiles]
    size = model.config.consistency.input_px
    images, maps = (
        to_input(torch.from_numpy(np.stack(planes)), size)
        for planes in ([view.image for view in views], [view.map for view in views])
    )
    floats = torch.from_numpy(windows).permute(0, 3, 1, 2).float() / 255
    return Ready(list(floats.split(BATCH)), list(zip(images.split(SCAN_BATCH), maps.split(SCAN_BATCH), strict=True)))


def bare_evidence(model: RegionModel, ready: Ready) -> None:
    """The evidence network in all views of a scan, and nothing else."""
    network = made_ready(model.folds[0].evidence)
    with torch.inference_mode():
        for window in ready.windows:
            for axes in VIEWS[: model.config.flips]:
                network(window.flip(axes) if axes else window)


def bare_consistency(network: ConsistencyModel, ready: Ready) -> None:
    """U-CSA's network in as many views as a scan averages, and nothing else."""
    with torch.inference_mode():
        for images, maps in ready.pairs:
            for _ in range(network.config.views):
                network(images, maps)


def scores(model: RegionModel, source: PairSource, tiles: Sequence[TileAddress], evidence: Path) -> None:
    """What a scan does up to the scores: decode, render, score, store."""
    model.write_evidence(source, tiles, evidence)
    model.consistency_scores(source, tiles)


def whole_scan(model: RegionModel, source: PairSource, tiles: Sequence[TileAddress], evidence: Path) -> None:
    """The same and the comparison of evidence and map, up to probabilities and candidates."""
    model.write_evidence(source, tiles, evidence)
    model.assess(source, EvidenceReader(evidence, model.zoom), tiles)


def bare_networks(model: RegionModel, ready: Ready) -> None:
    """Both."""
    bare_evidence(model, ready)
    bare_consistency(model.folds[0].consistency_asked, ready)


def compare(rounds: int, floor: Callable[[], object], scan: Callable[[], object]) -> Compared:
    """Medians of the rounds; one round to warm up is left out."""
    floor(), scan()
    floors, scans = [timed(floor)], []
    for _ in range(rounds):
        scans.append(timed(scan))
        floors.append(timed(floor))
    ratios = (np.array(floors[:-1]) + np.array(floors[1:])) / 2 / np.array(scans)
    wall, cpu = np.median(ratios, axis=0).tolist()
    return Compared(float(np.median(floors, axis=0)[0]), float(np.median(scans, axis=0)[0]), wall, cpu)


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds on the clock, and of processors."""
    start = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - start[0], time.process_time() - start[1]


def report(
    args: argparse.Namespace,
    tiles: int,
    config: RegionConfig,
    networks: Compared,
    whole: Compared,
    alone: Compared,
    beside: dict[str, float],
) -> None:
    """Print the figures and write benchmarks/results/scan_speed.json."""
    write_result(
        "scan_speed",
        {
            **beside,
            "ratio_to_forward": round(networks.ratio, 3),
            "cpu_ratio_to_forward": round(networks.cpu_ratio, 3),
            "scan_tiles_per_s": round(tiles / networks.scan_s, 2),
            "forward_tiles_per_s": round(tiles / networks.floor_s, 2),
            "whole_scan_ratio_to_forward": round(whole.ratio, 3),
            "whole_scan_cpu_ratio_to_forward": round(whole.cpu_ratio, 3),
            "whole_scan_tiles_per_s": round(tiles / whole.scan_s, 2),
            "consistency_ratio_to_forward": round(alone.ratio, 3),
            "consistency_cpu_ratio_to_forward": round(alone.cpu_ratio, 3),
            "consistency_scan_tiles_per_s": round(tiles / alone.scan_s, 1),
            "consistency_forward_tiles_per_s": round(tiles / alone.floor_s, 1),
            "tiles": tiles, "zoom": args.zoom, "rounds": args.rounds, "evidence_views": config.flips,
            "network_threads": args.threads, "cores": args.cores, "load_average": round(os.getloadavg()[0], 1),
        },
        seeds=[0],
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
