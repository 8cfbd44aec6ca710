"""`evaluate landmarks`: every direction on held-out places, against chance and what is simpler; ablations by name."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlcore.cli.landmark_model import load_landmarks
from mlcore.cli.progress_bar import BarProgress
from mlcore.errors import InvalidInputError

if TYPE_CHECKING:
    from mlcore.landmarks.model import LandmarkModel
    from mlcore.landmarks.samples import SampleSource
    from mlcore.progress import Progress

DATA_VARIABLE = "MAPWRIGHT_DATA"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--data", type=Path, help=f"folder of the shared photos and places (default: ${DATA_VARIABLE})")
    where.add_argument("--published", type=Path, help="in their place: a folder with MMLandmarks' query and index")
    where.add_argument("--captions", type=Path, help="in their place: captions in RSICD's form; with --images")
    where.add_argument("--photos", type=Path, help="in their place: a folder of photos with positions")
    parser.add_argument("--images", type=Path, help="of --captions: the folder of the images")
    parser.add_argument("--split", help="of --captions: only images of it, such as test")
    parser.add_argument("--no-index", action="store_true", help="of --published: galleries without the index")
    parser.add_argument("--weights", type=Path, help="of the model (default: those that ship)")
    parser.add_argument("--queries", action="store_true", help="of --data: try the written queries as well")
    parser.add_argument("--ablations", action="store_true", help="of --data: train with each modality left out")
    parser.add_argument("--preset", default="compact", help="with --ablations: compact (default), paper or tiny")
    parser.add_argument("--epochs", type=int, help="with --ablations: of each variant (those of the preset)")
    parser.add_argument("--image-weights", default="", metavar="FILE", help="with --ablations: of the image tower")
    parser.add_argument("--text-weights", default="", metavar="FILE", help="with --ablations: of the text tower")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu", help="cpu (default), cuda, ...")
    parser.add_argument("--out", type=Path, required=True, help="folder of the figures, and of training's checkpoints")


def run(args: argparse.Namespace) -> int:
    """Measure, and write landmarks.json and landmarks.md."""
    from mlcore.evaluation.landmarks.report import markdown
    from mlcore.suites.landmarks import write_told

    if args.captions and not args.images:
        raise InvalidInputError("--captions needs --images, the folder of the images that it names")
    args.out.mkdir(parents=True, exist_ok=True)
    with BarProgress("landmarks") as progress:
        told = _measured(args, progress)
    write_told(told, args.out)
    text = markdown(told)
    (args.out / "landmarks.md").write_text(text, encoding="utf-8")
    print(text)
    return 0


def _measured(args: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    from mlcore.evaluation.landmarks.published import run_published
    from mlcore.suites.landmarks import run_ablations, run_suite, standard_suite

    if args.ablations:
        suite = standard_suite(_data(args))
        return {
            "ablations": run_ablations(suite, lambda *told: _trained(args, *told), seed=args.seed, progress=progress)
        }
    model = load_landmarks(args.weights, args.device)
    if args.published:
        index = not args.no_index
        return {"published": run_published(model, args.published, index=index, seed=args.seed, progress=progress)}
    if args.captions or args.photos:
        return {"source": _source(args, model, progress)}
    suite = standard_suite(_data(args))
    told: dict[str, Any] = {"suite": run_suite(model, suite, seed=args.seed, progress=progress)}
    if args.queries:
        from mlcore.suites.landmarks_queries import try_queries

        told["queries"] = try_queries(model, suite, args.out)
    return told


def _source(args: argparse.Namespace, model: LandmarkModel, progress: Progress) -> dict[str, Any]:
    import datetime as dt

    from mlcore.evaluation.landmarks import protocol
    from mlcore.evaluation.landmarks.features import tower_features
    from mlcore.landmarks.readers.captions import CaptionFile
    from mlcore.landmarks.readers.photos import PhotoFolder

    source: SampleSource
    if args.captions:
        source = CaptionFile(args.captions, args.images, args.split)
    else:
        source = PhotoFolder(args.photos, now=dt.datetime.now(dt.UTC))
    methods = protocol.methods_of(model, tower_features(model, source, progress), None, args.seed)
    return protocol.any_source(methods, seed=args.seed)


def _trained(args: argparse.Namespace, source: SampleSource, name: str) -> LandmarkModel:
    """The variant's model, going on where its folder stands."""
    from mlcore.landmarks.config import LandmarkConfig
    from mlcore.landmarks.training import train_landmarks

    named = {"epochs": args.epochs, "image_weights": args.image_weights, "text_weights": args.text_weights}
    config = LandmarkConfig.preset(args.preset, **{name: value for name, value in named.items() if value})
    return train_landmarks(
        source, config, run_dir=args.out / name, seed=args.seed, device=args.device,
        features_dir=args.out / "features",
    )  # fmt: skip


def _data(args: argparse.Namespace) -> Path:
    data = args.data or (Path(os.environ[DATA_VARIABLE]) if os.environ.get(DATA_VARIABLE) else None)
    if data is None:
        raise InvalidInputError(
            f"say what to measure on: --data (or ${DATA_VARIABLE}), --published, --captions or --photos"
        )
    return data
