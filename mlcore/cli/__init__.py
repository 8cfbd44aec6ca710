"""Thin argparse entry points: `python -m mlcore <command>`."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from mlcore.errors import MlcoreError

COMMANDS: dict[str, tuple[str, str]] = {
    "ingest": ("mlcore.cli.ingest", "clean a raster or a map that comes from outside"),
    "render": ("mlcore.cli.render", "draw map tiles"),
    "town": ("mlcore.cli.town", "write a synthetic town with its exact changes"),
    "edits": ("mlcore.cli.edits", "simulate edits of a map"),
    "anchors": ("mlcore.cli.anchors", "describe tiles by semantic anchors"),
    "train": ("mlcore.cli.train", "train a model"),
    "pretrain": ("mlcore.cli.pretrain", "train the weights that ship with the library"),
    "scan": ("mlcore.cli.scan", "score every tile and list building changes"),
    "match": ("mlcore.cli.match", "find a map picture in an image, and write control points"),
    "locate": ("mlcore.cli.locate", "find where a picture without georeference lies among bases"),
    "embed": ("mlcore.cli.embed", "put tiles, photos and landmarks into one space, to be searched or exported"),
    "search": ("mlcore.cli.search", "find places by words, by a position or by a photo"),
    "build": ("mlcore.cli.build", "build a set of pairs out of a large image and map"),
    "picture": ("mlcore.cli.picture", "show how candidates come about, on a made town"),
    "evaluate": ("mlcore.cli.evaluate", "measure a method on held-out places"),
}
"""Command -> (module, help); a module has `add_arguments(parser)` and `run(args) -> int | None`."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0 = done, 1 = refused with the reason on stderr, 2 = wrong usage."""
    words = list(sys.argv[1:] if argv is None else argv)
    name = next((word for word in words if not word.startswith("-")), None)
    parser = argparse.ArgumentParser(prog="python -m mlcore", description="Keeps maps true to the ground.")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="command")
    for command, (module, summary) in COMMANDS.items():
        subparser = subparsers.add_parser(command, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
        if command == name:
            importlib.import_module(module).add_arguments(subparser)
    args = parser.parse_args(words)
    try:
        return importlib.import_module(COMMANDS[args.command][0]).run(args) or 0
    except MlcoreError as error:
        print(f"{error.code}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
