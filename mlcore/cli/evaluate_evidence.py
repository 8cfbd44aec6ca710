"""`evaluate evidence`: building evidence of places never seen, leave-one-place-out, beside the shipped model."""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import replace
from pathlib import Path

from mlcore.cli.progress_bar import BarProgress
from mlcore.errors import InvalidInputError, StoppedError
from mlcore.files import whole_file

DATA_VARIABLE = "MAPWRIGHT_DATA"
TOLD = (
    "f1", "f1_prior", "f1_place", "auroc_single", "auroc_same_tile",
    "ece", "first40", "add_recall", "remove_recall", "modify_recall",
)  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, help=f"folder of the places' folders (default: ${DATA_VARIABLE})")
    parser.add_argument("--out", type=Path, required=True, help="folder of models and results; the same one goes on")
    parser.add_argument("--places", nargs="+", help="folders to learn from and to measure (default: all known)")
    parser.add_argument(
        "--hold-out", nargs="+", metavar="NAME[,NAME...]", help="measure only these (default: all), each left out "
        "alone; those joined by commas are left out of one training: quicker, and harder",
    )  # fmt: skip
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="of the training (0 1 2)")
    parser.add_argument("--preset", default="places", help="whose evidence network is learnt (places)")
    parser.add_argument("--epochs", type=int, help="of it (default: the preset's)")
    parser.add_argument(
        "--encoder-weights", default="", help="FILE or FILE#sha256=HEX (default: the installed package's)"
    )
    parser.add_argument("--rounds", type=int, default=4, help="editions of each map with one changed building (4)")
    parser.add_argument(
        "--readings", type=Path, nargs="+", default=[], help="files of readings of places' maps as they stand"
    )
    parser.add_argument("--evidence-alone", action="store_true", help="measure no suggestions, which take longest")
    parser.add_argument("--model", type=Path, help="the model beside it (default: the one that ships)")
    parser.add_argument("--device", default="cpu", help="cpu (default), cuda, ...")


def run(args: argparse.Namespace) -> int:
    """Train and measure what is not finished in `--out`, then write leave_one_out.json and print it."""
    from mlcore.evaluation.readings import load_readings
    from mlcore.region.config import RegionConfig
    from mlcore.region.model import RegionModel
    from mlcore.region.shipped import shipped_model
    from mlcore.suites.leave_out import PLACES, LeaveOut, run_leave_out

    data = args.data or (Path(os.environ[DATA_VARIABLE]) if os.environ.get(DATA_VARIABLE) else None)
    if data is None or not data.is_dir():
        raise InvalidInputError("the places are needed: say with --data (or MAPWRIGHT_DATA) where they lie")
    if args.rounds < 1 or min(args.seeds) < 0:
        raise InvalidInputError("--rounds must be at least 1, --seeds 0 or more")
    places = tuple(args.places or (name for name in PLACES if (data / name).is_dir()))
    groups = tuple(tuple(one.split(",")) for one in args.hold_out or places)
    region = RegionConfig.preset(args.preset)
    config = region.evidence
    config = replace(config, encoder_weights=args.encoder_weights, epochs=args.epochs or config.epochs)
    plan = LeaveOut(
        places, groups, tuple(dict.fromkeys(args.seeds)), config, args.rounds, args.device,
        None if args.evidence_alone else region, {one.place: one for one in map(load_readings, args.readings)},
    )  # fmt: skip
    args.out.mkdir(parents=True, exist_ok=True)
    today = RegionModel.load(args.model) if args.model else shipped_model()
    try:
        with BarProgress("leave one place out") as progress:
            report = run_leave_out(plan, data, args.out, today, progress)
    except StoppedError:
        print(f"stopped; the same command goes on from what is finished in {args.out}")
        return 130
    with whole_file(args.out / "leave_one_out.json") as scratch:
        scratch.write_text(json.dumps(report, indent=2), encoding="utf-8")
    for name, figures in report["places"].items():
        for which, one in figures.items():
            told = "  ".join(f"{key} {one[key]:.3f}" for key in TOLD if key in one)
            print(f"{name:16} {which:8} {told}")
    print(json.dumps({key: value for key, value in report.items() if key != "places"}, indent=2))
    return 0
