"""Harmless works for a child process, each over one limit where it is told to be."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from mlcore.errors import InvalidInputError, NoSpaceError
from mlcore.files import whole_file
from mlcore.progress import Progress

SLEEP = "import time; time.sleep(600)"


def add(first: int, second: int, progress: Progress) -> dict[str, Any]:
    progress.report(0.5, "half")
    return {"sum": first + second, "at": str(Path.cwd()), "names": sorted(os.environ)}


def take_memory(megabytes: int, progress: Progress) -> int:
    return int(np.ones(megabytes << 20, np.uint8).nbytes)


def compute(progress: Progress) -> None:
    while True:
        pass


def write(path: str, size: int, progress: Progress) -> int:
    with whole_file(Path(path)) as scratch:
        scratch.write_bytes(bytes(size))
    return Path(path).stat().st_size


def write_unseen(path: str, size: int, progress: Progress) -> str:
    """As GDAL does where it closes a file: a write that fails is passed over."""
    try:
        write(path, size, progress)
    except OSError:
        Path(path).write_bytes(b"not whole")
    return "done"


def refuse(code: str, progress: Progress) -> None:
    raise {"invalid_input": InvalidInputError, "no_space": NoSpaceError}[code]("no such thing: try another")


def die(progress: Progress) -> None:
    print("no line of JSON\n3\n[1]", flush=True)
    os.kill(os.getpid(), signal.SIGSEGV)


def fail(progress: Progress) -> None:
    raise RuntimeError("a mistake of the library")


def start_another(told: str, target: str, end: bool, progress: Progress) -> int:
    """Start a process that would go on for ten minutes, leave files about, then wait as long, or end."""
    other = subprocess.Popen([sys.executable, "-c", SLEEP])
    left = tempfile.mkdtemp()
    Path(target).with_name(f".{os.getpid()}-{Path(target).name}.work").write_text("unfinished")
    scratch = Path(f"{told}.part")
    scratch.write_text(f"{other.pid} {left}")
    scratch.replace(told)
    progress.report(0.1, "started")
    if not end:
        time.sleep(600)
    return other.pid
