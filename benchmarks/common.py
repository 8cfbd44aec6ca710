"""What every benchmark shares: who ran it on what, and the file its figures go to."""

from __future__ import annotations

import json
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
PACKAGES = ("numpy", "opencv-python-headless", "shapely", "rasterio", "osmium", "torch", "django")


def data_folder() -> Path:
    """Where the real data lies: $MAPWRIGHT_DATA or shared/data beside the project."""
    return Path(os.environ.get("MAPWRIGHT_DATA", ROOT.parent / "shared" / "data"))


def machine() -> dict[str, Any]:
    """Processor, cores, memory and versions of what does the work."""
    cpu = next(
        (line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.machine(),
    )
    memory_kb = next((int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), 0)
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return {
        "cpu": cpu,
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(memory_kb / 1e6, 1),
        "system": platform.system(),
        "versions": versions,
    }


def commit() -> str:
    """The commit of the checkout, with `+` when tracked files differ from it, results left out.

    A run that writes its figures again and again differs by these alone.
    """
    head = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    asked = ["git", "status", "--porcelain", "-uno", "--", ".", ":!benchmarks/results"]
    dirty = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)
    return (head.stdout.strip() or "unknown") + ("+" if dirty.stdout.strip() else "")


def write_result(
    name: str, figures: Mapping[str, float], *, seeds: Sequence[int] = (), command: str | None = None
) -> Path:
    """Write benchmarks/results/NAME.json and print it.

    Args:
        name: name of the figure's file, without ending.
        figures: numbers by name; what a name means stands in the benchmark's docstring.
        seeds: seeds the figures rest on; empty when nothing is drawn by chance.
        command: the command that repeats the run; by default the one that is running.
    """
    if command is None:
        command = "python " + shlex.join([os.path.relpath(sys.argv[0], ROOT), *sys.argv[1:]])
    record = {
        "name": name,
        "command": command,
        "commit": commit(),
        "machine": machine(),
        "seeds": list(seeds),
        "figures": dict(figures),
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    print(json.dumps(record["figures"], indent=2, ensure_ascii=False))
    return path


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
