"""Files that appear under their names whole, or not at all."""

import glob
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlcore.errors import InvalidInputError, NoSpaceError

RESERVE_BYTES = 64 * 1024**2


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A name beside `path` to write to: it takes the place of `path` when the block ends well, else it goes."""
    scratch = scratch_of(path, os.getpid())
    try:
        yield scratch
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


def scratch_of(path: Path, pid: int) -> Path:
    """What the process `pid` writes to on its way to `path`; other files on the way have names that begin with this."""
    return path.with_name(f".{pid}-{path.name}")


def remove_scratch(path: Path, pid: int) -> None:
    """Remove what the process `pid` wrote on its way to `path`."""
    for left in path.parent.glob(glob.escape(scratch_of(path, pid).name) + "*"):
        left.unlink(missing_ok=True)


def check_space(target: Path, needed_bytes: int) -> None:
    """Check that a file can be written.

    Raises:
        NoSpaceError: the target's disk has less than `needed_bytes` and a reserve of 64 MB.
        InvalidInputError: there is no folder for it.
    """
    if not target.parent.is_dir():
        raise InvalidInputError(f"there is no folder {target.parent} to write {target.name} to: create it first")
    if shutil.disk_usage(target.parent).free < needed_bytes + RESERVE_BYTES:
        raise NoSpaceError(
            f"the disk of {target.name} needs {needed_bytes + RESERVE_BYTES >> 20} MB free: make room there"
        )
