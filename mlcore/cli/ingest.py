"""`python -m mlcore ingest raster|map SOURCE TARGET`: clean a file from outside."""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
import resource
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlcore.cli.progress_bar import BarProgress
from mlcore.errors import InvalidInputError, MlcoreError
from mlcore.imagery.raster import RasterInfo
from mlcore.ingestion.ingest import MapInfo, ingest_map, ingest_raster
from mlcore.ingestion.sandbox import info_to_json, run_ingest
from mlcore.limits import MapLimits, RasterLimits
from mlcore.progress import Progress

PR_SET_PDEATHSIG = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=("raster", "map"))
    parser.add_argument("source", type=Path, help="GeoTIFF, PNG or JPEG; or .osm, .osm.gz, .osm.pbf, GeoJSON")
    parser.add_argument("target", type=Path, help="COG to write (raster), or JSON lines to write (map)")
    parser.add_argument("--json", action="store_true", help="work in this process under limits, talk in JSON lines")
    parser.add_argument("--limits", default="{}", help="JSON object with other values for the limits")


def run(args: argparse.Namespace) -> int:
    """Without --json the work runs in a child process, which this command starts with --json."""
    limits = _limits(args.what, args.limits)
    if args.json:
        return _run_as_child(args, limits)
    info: RasterInfo | MapInfo
    with BarProgress(f"ingest {args.what}") as progress:
        if isinstance(limits, RasterLimits):
            info = run_ingest("raster", args.source, args.target, limits=limits, progress=progress)
        else:
            info = run_ingest("map", args.source, args.target, limits=limits, progress=progress)
    record = info_to_json(info)
    record.pop("footprint_lonlat", None)
    print(json.dumps(record, indent=2, ensure_ascii=False))
    return 0


def _run_as_child(args: argparse.Namespace, limits: RasterLimits | MapLimits) -> int:
    _bound_process(limits)
    progress = _JsonProgress()
    try:
        info: RasterInfo | MapInfo
        if isinstance(limits, RasterLimits):
            info = ingest_raster(args.source, args.target, limits=limits, progress=progress)
        else:
            info = ingest_map(args.source, args.target, limits=limits, progress=progress)
    except MlcoreError as error:
        _say({"error": {"code": error.code, "message": str(error)}})
        return 1
    except MemoryError:
        reason = f"{args.source.name} needs more than {limits.memory_bytes >> 20} MB of memory: cut it to the region"
        _say({"error": {"code": InvalidInputError.code, "message": reason}})
        return 1
    _say({"result": info_to_json(info)})
    return 0


def _bound_process(limits: RasterLimits | MapLimits) -> None:
    """Bound this process's time and memory, and let it die with its parent."""
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_s, limits.cpu_s + 5))
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _limits(what: str, text: str) -> RasterLimits | MapLimits:
    try:
        values: Mapping[str, Any] = json.loads(text)
        return RasterLimits(**values) if what == "raster" else MapLimits(**values)
    except (ValueError, TypeError) as error:
        raise InvalidInputError(f"--limits is not a JSON object of known limits ({error}): correct it") from error


class _JsonProgress(Progress):
    """One JSON line for each per cent."""

    def __init__(self) -> None:
        self.told = -1.0

    def report(self, fraction: float, message: str = "", figures: Mapping[str, float] | None = None) -> None:
        if fraction >= self.told + 0.01 or fraction == 1.0:
            self.told = fraction
            _say({"progress": round(fraction, 4), "message": message})

    def should_stop(self) -> bool:
        return False


def _say(message: Mapping[str, Any]) -> None:
    print(json.dumps(message), flush=True)
