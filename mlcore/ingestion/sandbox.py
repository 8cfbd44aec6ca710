"""Runs ingestion of an untrusted file in a child process with limits of its own."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, overload

import shapely

from mlcore.errors import InvalidInputError, MlcoreError, NoSpaceError, StoppedError
from mlcore.imagery.gdal import HARDENED
from mlcore.imagery.raster import RasterInfo
from mlcore.ingestion.ingest import MapInfo, remove_unfinished
from mlcore.limits import MapLimits, RasterLimits
from mlcore.progress import Progress, SilentProgress

LOOK_S = 0.2
"""Seconds between two looks at the clock and at a request to stop."""
GRACE_S = 10.0
"""Seconds a child has to exit after its last word."""
MAX_LINE = 64 * 1024**2
ERRORS: dict[str, type[MlcoreError]] = {
    "invalid_input": InvalidInputError,
    "no_space": NoSpaceError,
    "stopped": StoppedError,
}


@overload
def run_ingest(
    what: Literal["raster"],
    source: str | Path,
    target: str | Path,
    *,
    limits: RasterLimits | None = None,
    progress: Progress | None = None,
) -> RasterInfo: ...


@overload
def run_ingest(
    what: Literal["map"],
    source: str | Path,
    target: str | Path,
    *,
    limits: MapLimits | None = None,
    progress: Progress | None = None,
) -> MapInfo: ...


def run_ingest(
    what: Literal["raster", "map"],
    source: str | Path,
    target: str | Path,
    *,
    limits: RasterLimits | MapLimits | None = None,
    progress: Progress | None = None,
) -> RasterInfo | MapInfo:
    """Ingest in a child process that is killed when it exceeds its limits or `progress` asks to stop.

    Raises:
        InvalidInputError: the source was refused, or cost more time or memory than the limits allow.
        NoSpaceError: the target's disk is full.
        StoppedError: `progress` asked to stop; nothing is left of the target.
    """
    limits = limits or (RasterLimits() if what == "raster" else MapLimits())
    progress = progress or SilentProgress()
    source, target = Path(source).resolve(), Path(target).resolve()
    # -P: modules are never looked for in the target's folder, which may hold files from outside.
    words = [sys.executable, "-P", "-m", "mlcore", "ingest", what, str(source), str(target), "--json"]
    words += ["--limits", json.dumps(dataclasses.asdict(limits))]
    if "\0" in "".join(words):
        raise InvalidInputError("a file name holds a NUL character: rename the file")
    with tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, env=child_environment(),
            cwd=target.parent if target.parent.is_dir() else None, start_new_session=True,
        )  # fmt: skip
        try:
            message = _follow(child, limits.wall_s, progress, source.name)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(timeout=GRACE_S)
        finally:
            _end(child)
            remove_unfinished(target, child.pid)
    if message is None:
        raise InvalidInputError(_why_it_died(child.returncode, source.name, limits))
    if "error" in message:
        raise ERRORS.get(message["error"]["code"], InvalidInputError)(message["error"]["message"])
    return info_from_json(what, message["result"])


def child_environment() -> dict[str, str]:
    """A bare environment: GDAL hardened, one thread, no proxies, no secrets of the parent."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TMPDIR", "HOME") if name in os.environ}
    root = str(Path(__file__).resolve().parents[2])
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {
        **kept, **threads, **{name: str(value) for name, value in HARDENED.items()},
        "PYTHONPATH": root, "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1", "PROJ_NETWORK": "OFF",
    }  # fmt: skip


def info_to_json(info: RasterInfo | MapInfo) -> dict[str, Any]:
    """JSON types of an ingestion's result."""
    record = {entry.name: getattr(info, entry.name) for entry in dataclasses.fields(info)}
    if isinstance(info, RasterInfo):
        record["footprint_lonlat"] = info.footprint_lonlat.wkb_hex
    return record


def info_from_json(what: str, record: dict[str, Any]) -> RasterInfo | MapInfo:
    """The result that `info_to_json` wrote."""
    record = record | {"bounds_lonlat": tuple(record["bounds_lonlat"])}
    if what == "raster":
        footprint = shapely.from_wkb(record["footprint_lonlat"])
        return RasterInfo(**record | {"footprint_lonlat": footprint, "notes": tuple(record["notes"])})
    return MapInfo(**record | {"repairs": tuple(record["repairs"])})


def _follow(child: subprocess.Popen[bytes], wall_s: float, progress: Progress, name: str) -> dict[str, Any] | None:
    """Pass the child's progress on until its last word; None when it dies without one."""
    deadline = time.monotonic() + wall_s
    pipe = child.stdout
    if pipe is None:
        return None
    os.set_blocking(pipe.fileno(), False)
    last: dict[str, Any] | None = None
    pending = b""
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while True:
            if progress.should_stop():
                raise StoppedError("ingestion was stopped on request: start it again from its source file")
            if time.monotonic() > deadline:
                raise InvalidInputError(f"{name} took longer than {wall_s:g} s to read: cut it to the region")
            if not selector.select(LOOK_S):
                continue
            piece = pipe.read(1 << 20)
            if not piece:
                return last
            *lines, pending = (pending + piece).split(b"\n")
            if len(pending) > MAX_LINE:
                return None
            last = _take(lines, progress.report) or last


def _take(lines: list[bytes], report: Callable[[float, str], None]) -> dict[str, Any] | None:
    last = None
    for line in lines:
        try:
            message = json.loads(line)
        except ValueError:
            continue
        if "progress" in message:
            report(message["progress"], message["message"])
        elif "result" in message or "error" in message:
            last = message
    return last


def _end(child: subprocess.Popen[bytes]) -> None:
    """Kill the child's whole session, if it still runs, and take its exit status."""
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    if child.stdout:
        child.stdout.close()


def _why_it_died(status: int, name: str, limits: RasterLimits | MapLimits) -> str:
    if status == -signal.SIGXCPU:
        return f"{name} took more than {limits.cpu_s} s of computing: cut it to the region"
    if status == -signal.SIGKILL:
        return f"{name} took more memory or time than allowed and was ended: cut it to the region"
    return f"{name} broke the reader (exit status {status}): export it again with gdal_translate or osmium"
