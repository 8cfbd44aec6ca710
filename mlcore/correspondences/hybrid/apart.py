"""A picture from outside is copied in a child process with limits of its own: a clean copy comes back, or nothing."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from pathlib import Path

from mlcore.correspondences.hybrid.pictures import prepared
from mlcore.errors import InvalidInputError, MlcoreError
from mlcore.ingestion.sandbox import child_environment
from mlcore.progress import Progress, stop_if_asked

MEMORY_BYTES, CPU_S, WALL_S, FILE_BYTES = 6 * 1024**3, 900, 1800, 16 * 1024**3
LOOK_S = 0.2


def prepared_apart(source: Path, target: Path, progress: Progress, name: str = "") -> None:
    """`pictures.prepared` for a file that nobody vouches for; the copy lies at `target`.

    Args:
        name: what to call the file in messages.

    Raises:
        InvalidInputError: as of `prepared`, or it cost more memory, time or disk than allowed.
        StoppedError: asked to stop; nothing is left of the copy.
    """
    name = name or source.name
    words = [sys.executable, "-P", "-m", "mlcore.correspondences.hybrid.apart", str(source.resolve()), str(target)]
    child = subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=child_environment()
    )
    deadline = time.monotonic() + WALL_S
    try:
        while child.poll() is None and time.monotonic() < deadline:
            stop_if_asked(progress)
            try:
                child.wait(LOOK_S)
            except subprocess.TimeoutExpired:
                continue
    finally:
        if child.poll() is None:
            child.kill()
        told = child.communicate()[0]
        for left in target.parent.glob(f".{child.pid}-*"):
            left.unlink(missing_ok=True)
    if child.returncode != 0 or not target.is_file():
        raise InvalidInputError(_why(told).replace(source.name, name) or f"{name} took more than a picture may: cut it")


def _why(told: bytes) -> str:
    try:
        return str(json.loads(told)["error"])
    except (ValueError, KeyError, TypeError):
        return ""


if __name__ == "__main__":
    for limit, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, CPU_S),
        (resource.RLIMIT_FSIZE, FILE_BYTES),
    ):
        resource.setrlimit(limit, (most, most))
    try:
        prepared(Path(sys.argv[1]), Path(sys.argv[2]))
    except MlcoreError as error:
        print(json.dumps({"error": str(error)}))
        sys.exit(1)
