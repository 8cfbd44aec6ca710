"""Work on a file that nobody vouches for, in a child process with limits: its result comes back, or a typed error.

The child talks in lines of JSON: {"progress", "message"} as often as it likes, then one last word, which is {"result"},
{"error": {"code", "message"}} or {"over": reason}.
"""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import json
import os
import resource
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any, Literal

from mlcore.errors import ConfigError, InvalidInputError, MissingPackageError, MlcoreError, NoSpaceError, StoppedError
from mlcore.files import remove_scratch
from mlcore.imagery.gdal import HARDENED
from mlcore.progress import STOPPED, Progress, SilentProgress

Reason = Literal["memory", "cpu_time", "wall_time", "file_size", "killed", "broke"]
LOOK_S = 0.2
"""Seconds between two looks at the clock, at the child and at a request to stop."""
GRACE_S = 10.0
"""Seconds a child has to exit after its last word."""
CPU_GRACE_S = 5
MAX_LINE = 64 * 1024**2
PR_SET_PDEATHSIG = 1
ERRORS: dict[str, type[MlcoreError]] = {
    "invalid_config": ConfigError,
    "invalid_input": InvalidInputError,
    "missing_package": MissingPackageError,
    "no_space": NoSpaceError,
    "stopped": StoppedError,
}


@dataclass(frozen=True)
class ApartLimits:
    """What a child may use.

    Attributes:
        memory_bytes: of address space.
        cpu_s, wall_s: seconds of computing, and by the clock.
        file_bytes: size of any one file that it writes; None: what the disk holds.
    """

    memory_bytes: int
    cpu_s: int
    wall_s: float
    file_bytes: int | None = None


@dataclass(frozen=True)
class Ended:
    """How a child ended that has neither a result nor an error to tell; `status` below 0 is the signal."""

    reason: Reason
    status: int


def run_apart(
    work: Callable[..., Any],
    arguments: Sequence[Any],
    limits: ApartLimits,
    why: Callable[[Ended], str],
    *,
    progress: Progress | None = None,
    stopped: str = STOPPED,
    target: Path | None = None,
) -> Any:
    """What `work(*arguments, progress)` returns, computed in a child process.

    However it ends: the child is gone with all that it started, and so are its temporary files.

    Args:
        work: a function of a module, known by its name; what it takes and returns are JSON types.
        why: the refusal, with its remedy, of work that was over its limits or broke its process.
        stopped: what to say when `progress` asked to stop.
        target: the file that the work writes by `mlcore.files`; what is unfinished of it is removed.

    Raises:
        InvalidInputError: what `why` says.
        StoppedError: `progress` asked to stop.
        MlcoreError: what the work raised, of its own class.
    """
    task = {
        "work": f"{work.__module__}:{work.__qualname__}",
        "arguments": list(arguments),
        "limits": dataclasses.asdict(limits),
        "parent": os.getpid(),
    }
    # -P: modules are never looked for in the folder that the child works in.
    words = [sys.executable, "-P", "-m", "mlcore.ingestion.apart", json.dumps(task)]
    with tempfile.TemporaryDirectory(prefix="mapwright-apart-", ignore_cleanup_errors=True) as folder:
        child = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=folder,
            env=child_environment(folder), start_new_session=True,
        )  # fmt: skip
        try:
            told = _follow(child, limits.wall_s, progress or SilentProgress(), stopped)
            if "over" not in told:
                _wait(child, GRACE_S)
        finally:
            _end(child)
            if target is not None:
                remove_scratch(target, child.pid)
    if "result" in told:
        return told["result"]
    if "error" in told:
        raise ERRORS.get(told["error"]["code"], InvalidInputError)(told["error"]["message"])
    raise InvalidInputError(why(Ended(told.get("over") or _reason(child.returncode), child.returncode)))


def child_environment(folder: str) -> dict[str, str]:
    """A bare environment: GDAL hardened, one thread, temporary files in `folder`, nothing else of the parent's."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "HOME") if name in os.environ}
    root = str(Path(__file__).resolve().parents[2])
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {
        **kept, **threads, **{name: str(value) for name, value in HARDENED.items()}, "TMPDIR": folder,
        "PYTHONPATH": root, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1",
        "PROJ_NETWORK": "OFF",
    }  # fmt: skip


def answer(work: Callable[[Progress], Any], over_limit: Callable[[], bool] = lambda: False) -> int:
    """Do the work in this process and tell of it in lines of JSON; gives the exit status."""
    try:
        last, status = {"result": work(_Lines())}, 0
    except MlcoreError as error:
        last, status = {"error": {"code": error.code, "message": str(error)}}, 1
    except MemoryError:
        last, status = {"over": "memory"}, 1
    except OSError:
        if not over_limit():
            raise
    if over_limit():  # whatever came of it: GDAL passes over a write that failed
        last, status = {"over": "file_size"}, 1
    _say(last)
    return status


def _follow(child: subprocess.Popen[bytes], wall_s: float, progress: Progress, stopped: str) -> dict[str, Any]:
    """Pass the child's progress on until its last word; empty when it dies without one."""
    deadline = time.monotonic() + wall_s
    pipe = child.stdout
    if pipe is None:
        return {}
    os.set_blocking(pipe.fileno(), False)
    pending = b""
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while True:
            if progress.should_stop():
                raise StoppedError(stopped)
            if time.monotonic() > deadline:
                return {"over": "wall_time"}
            if not selector.select(LOOK_S):
                if _has_ended(child):  # something that it started holds the pipe
                    return {}
                continue
            piece = pipe.read(1 << 20)
            *lines, pending = (pending + (piece or b"")).split(b"\n")
            last = _last_word(lines, progress.report)
            if last or not piece or len(pending) > MAX_LINE:
                return last


def _last_word(lines: list[bytes], report: Callable[[float, str], None]) -> dict[str, Any]:
    for line in lines:
        try:
            message = json.loads(line)
        except ValueError:
            continue
        if not isinstance(message, dict):
            continue
        if "progress" in message:
            report(message["progress"], message["message"])
        elif {"result", "error", "over"} & set(message):
            return message
    return {}


def _has_ended(child: subprocess.Popen[bytes]) -> bool:
    """Whether the child has ended; its number stays its own until `_end` asks for its status."""
    try:
        return os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True


def _wait(child: subprocess.Popen[bytes], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not _has_ended(child) and time.monotonic() < deadline:
        time.sleep(0.01)


def _end(child: subprocess.Popen[bytes]) -> None:
    """Kill all that is left of the child's session and take the child's exit status."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    if child.stdout:
        child.stdout.close()


def _reason(status: int) -> Reason:
    return "cpu_time" if status == -signal.SIGXCPU else "killed" if status == -signal.SIGKILL else "broke"


class _Lines(Progress):
    """One line of JSON for each per cent."""

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


class _Bounds:
    """Limits of this process, which dies with its parent; `file_size` says whether a write went over them."""

    def __init__(self, limits: ApartLimits, parent: int) -> None:
        self.file_size = False
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before it could take this process with it
            sys.exit(1)
        signal.signal(signal.SIGXFSZ, self._over)  # the write fails; that GDAL can't tell from other failures
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_s, limits.cpu_s + CPU_GRACE_S))
        resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))
        if limits.file_bytes is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limits.file_bytes, limits.file_bytes))

    def _over(self, number: int, frame: FrameType | None) -> None:
        self.file_size = True


def _main(words: Sequence[str]) -> int:
    task = json.loads(words[0])
    bounds = _Bounds(ApartLimits(**task["limits"]), task["parent"])
    module, _, name = task["work"].partition(":")

    def work(progress: Progress) -> Any:
        return getattr(import_module(module), name)(*task["arguments"], progress)

    return answer(work, lambda: bounds.file_size)


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
