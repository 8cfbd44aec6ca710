"""`evaluate`: `changes` is the main job with simulated edits; all others compare methods."""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path

from mlcore.anchors.geometric import describe_tile
from mlcore.cli import (
    evaluate_consistency,
    evaluate_evidence,
    evaluate_geolocation,
    evaluate_landmarks,
    evaluate_matching,
    evaluate_pairs,
)
from mlcore.cli.progress_bar import BarProgress
from mlcore.cli.region_inputs import add_input_arguments, read_source, region_tiles
from mlcore.errors import InvalidInputError
from mlcore.evaluation.main_job import score_main_job
from mlcore.maps.index import MapIndex
from mlcore.synthetic.edit_files import save_edits
from mlcore.synthetic.edits import EditCounts, simulate_edits


def add_arguments(parser: argparse.ArgumentParser) -> None:
    methods = parser.add_subparsers(dest="method", required=True, metavar="method")
    changes = methods.add_parser("changes", help="the main job, against simulated edits of the map")
    add_input_arguments(changes)
    changes.add_argument("--out", type=Path, required=True, help="folder for checkpoints, edits and figures")
    changes.add_argument("--seed", type=int, default=0)
    changes.add_argument("--preset", default="compact", help="compact (default) or tiny")
    changes.add_argument("--edits", type=int, default=60, help="simulated edits, a third of each kind (60)")
    changes.add_argument("--device", default="cpu", help="cpu (default), cuda, ...")
    evaluate_consistency.add_arguments(
        methods.add_parser("consistency", help="suites: every method on the same pairs, with simulated map edits")
    )
    evaluate_evidence.add_arguments(
        methods.add_parser("evidence", help="buildings of places never seen, leave-one-place-out")
    )
    evaluate_matching.add_arguments(
        methods.add_parser("matching", help="matchers of image and map, on pairs that were warped")
    )
    evaluate_pairs.add_arguments(
        methods.add_parser("pairs", help="the same on a set of pairs as it lies on disk, ours or a published one")
    )
    evaluate_geolocation.add_arguments(
        methods.add_parser("geolocation", help="placers of images without a place, among many bases")
    )
    evaluate_landmarks.add_arguments(
        methods.add_parser("landmarks", help="image, photo, text and position: how each finds the others")
    )


def run(args: argparse.Namespace) -> int:
    """Run what was asked for."""
    runs = {
        "consistency": evaluate_consistency.run, "evidence": evaluate_evidence.run, "matching": evaluate_matching.run,
        "pairs": evaluate_pairs.run, "geolocation": evaluate_geolocation.run, "landmarks": evaluate_landmarks.run,
    }  # fmt: skip
    return runs.get(args.method, run_changes)(args)


def run_changes(args: argparse.Namespace) -> int:
    """Put edits into the map, train on that map alone, scan, and hold the queue against the edits."""
    from mlcore.region.training import RegionConfig, train_region

    if args.edits < 6:
        raise InvalidInputError("--edits must be at least 6, so that every kind occurs")
    true_source = read_source(args)
    tiles = [tile for tile in region_tiles(true_source, args.zoom) if true_source.mapped(tile)]
    features = list(true_source.index)
    third = args.edits // 3
    counts = EditCounts(remove=third, add=third, reshape=third - third // 2, shift=third // 2)
    edited = simulate_edits(features, counts=counts, tiles=tiles, seed=args.seed)
    args.out.mkdir(parents=True, exist_ok=True)
    save_edits(args.out / "edits.json", edited, features)
    source = true_source.with_index(MapIndex(edited.features))
    start = time.monotonic()
    anchors = {tile: describe_tile(tile, source.index) for tile in tiles}
    with BarProgress("train") as progress:
        model = train_region(
            source, tiles, anchors, RegionConfig.preset(args.preset), run_dir=args.out, seed=args.seed,
            device=args.device, progress=progress,
        )  # fmt: skip
    trained = time.monotonic()
    model.save(args.out / "region.safetensors")
    evidence = args.out / "scan-evidence.tif"
    with BarProgress("scan") as progress:
        found = model.scan(source, tiles, evidence_path=evidence, progress=progress)
    results, candidates = found.results, found.candidates
    done = time.monotonic()
    figures = score_main_job(
        {tile: result.probability for tile, result in results.items()},
        candidates,
        edited.edits,
        others={
            "consistency": {tile: result.final for tile, result in results.items()},
            "difference": {tile: -result.difference for tile, result in results.items()},
        },
        seed=args.seed,
    )
    figures |= {"seed": args.seed, "minutes": (done - start) / 60, "minutes_training": (trained - start) / 60}
    shown = {name: None if math.isnan(value) else round(value, 4) for name, value in figures.items()}
    (args.out / "figures.json").write_text(json.dumps(shown, indent=1), encoding="utf-8")
    print("simulated map edits:", json.dumps(shown, indent=1))
    return 0
