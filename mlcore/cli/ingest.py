"""`python -m mlcore ingest raster|map SOURCE TARGET`: clean a file from outside."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlcore.cli.progress_bar import BarProgress
from mlcore.errors import InvalidInputError
from mlcore.ingestion.apart import answer
from mlcore.ingestion.sandbox import info_to_json, run_ingest
from mlcore.limits import MapLimits, RasterLimits
from mlcore.progress import Progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=("raster", "map"))
    parser.add_argument("source", type=Path, help="GeoTIFF, PNG or JPEG; or .osm, .osm.gz, .osm.pbf, GeoJSON")
    parser.add_argument("target", type=Path, help="COG to write (raster), or JSON lines to write (map)")
    parser.add_argument("--json", action="store_true", help="talk in lines of JSON: progress, then result or error")
    parser.add_argument("--limits", default="{}", help="JSON object with other values for the limits")


def run(args: argparse.Namespace) -> int:
    limits = _limits(args.what, args.limits)
    if args.json:
        return answer(lambda progress: _record(args, limits, progress))
    with BarProgress(f"ingest {args.what}") as progress:
        record = _record(args, limits, progress)
    record.pop("footprint_lonlat", None)
    print(json.dumps(record, indent=2, ensure_ascii=False))
    return 0


def _record(args: argparse.Namespace, limits: RasterLimits | MapLimits, progress: Progress) -> dict[str, Any]:
    if isinstance(limits, RasterLimits):
        return info_to_json(run_ingest("raster", args.source, args.target, limits=limits, progress=progress))
    return info_to_json(run_ingest("map", args.source, args.target, limits=limits, progress=progress))


def _limits(what: str, text: str) -> RasterLimits | MapLimits:
    try:
        values: Mapping[str, Any] = json.loads(text)
        return RasterLimits(**values) if what == "raster" else MapLimits(**values)
    except (ValueError, TypeError) as error:
        raise InvalidInputError(f"--limits is not a JSON object of known limits ({error}): correct it") from error
