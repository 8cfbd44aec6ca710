"""Files of an index that belong together and are replaced together: readers have all of one generation of them.

    index/index.json      which generation counts, sizes of its files, what else is known of it; replaced last
    index/000003/         the files of a generation; it appears by one rename and never changes
    index/000003/lock     held by whoever reads it

One process writes at a time. A generation that no longer counts is deleted by the next writer that finds nobody
reading it.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from mlcore.errors import NoSpaceError
from mlcore.files import whole_file
from mlcore.geolocation.shards import flush

ABOUT, LOCK = "index.json", "lock"
T = TypeVar("T")


class Hold:
    """Keeps a generation from being deleted until it is let go, or nobody refers to it any more."""

    def __init__(self, generation: Path) -> None:
        lock = os.open(generation / LOCK, os.O_RDONLY)
        self._close = weakref.finalize(self, os.close, lock)
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)

    def release(self) -> None:
        """Let it be deleted."""
        self._close()


def exists(folder: Path) -> bool:
    """Whether an index was ever whole here."""
    return (folder / ABOUT).exists()


def read(folder: Path, how: Callable[[Path, dict[str, Any]], T]) -> tuple[T, Hold | None]:
    """What `how` makes of the generation that counts, by its folder and what is known of it.

    Where a writer replaces it meanwhile, the next one is read. Indexes of the time before generations lie in the folder
    itself, and nothing holds them.

    Raises:
        OSError, ValueError, KeyError, TypeError, RuntimeError: there is none, it is damaged, or `how` refused it.
    """
    while True:
        text = (folder / ABOUT).read_text(encoding="utf-8")
        try:
            about = json.loads(text)
            if not isinstance(about, dict):
                raise ValueError("index.json says nothing")
            name = str(about.get("generation", ""))
            if name and not name.isdigit():
                raise ValueError(f"{name} is no generation")
            hold = Hold(folder / name) if name else None
            for file, size in dict(about["bytes"] if name else {}).items():
                if (folder / name / file).stat().st_size != size:
                    raise ValueError(f"{file} has another size than was written")
            return how(folder / name, about), hold
        except (OSError, ValueError, KeyError, TypeError, RuntimeError):
            if (folder / ABOUT).read_text(encoding="utf-8") == text:
                raise


@contextmanager
def writing(folder: Path, about: Mapping[str, Any]) -> Iterator[Path]:
    """A folder for the files of a new generation, which counts once the block has ended well.

    Args:
        about: what else `index.json` says.

    Raises:
        NoSpaceError: the disk has no room.
    """
    folder.mkdir(parents=True, exist_ok=True)
    number = 1 + max((int(path.name) for path in folder.iterdir() if path.name.isdigit()), default=0)
    name = f"{number:06d}"
    scratch = folder / f".{os.getpid()}-{name}"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    try:
        yield scratch
        sizes = {path.name: path.stat().st_size for path in scratch.iterdir()}
        (scratch / LOCK).touch()
        for file in (*sizes, "."):
            flush(scratch / file)
        scratch.rename(folder / name)
        flush(folder)
        with whole_file(folder / ABOUT) as draft:
            draft.write_text(json.dumps({"generation": name, "bytes": sizes, **about}), encoding="utf-8")
            flush(draft)
        flush(folder)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise NoSpaceError("the disk of the index is full: make room there") from error
        raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    clear(folder)


def clear(folder: Path) -> None:
    """Delete what no longer counts and nobody reads, and what a killed writer left; for the one who writes."""
    try:
        kept = str(json.loads((folder / ABOUT).read_text(encoding="utf-8"))["generation"])
    except (OSError, ValueError, KeyError, TypeError):
        return  # nothing counts, or an index of the time before generations does
    for path in folder.iterdir():
        if path.name.isdigit():
            if path.name != kept:
                _delete(path)
        elif path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif path.name != ABOUT:
            path.unlink(missing_ok=True)


def _delete(generation: Path) -> None:
    """Delete a generation, unless somebody reads it."""
    lock = os.open(generation / LOCK, os.O_RDWR)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        gone = generation.with_name(f".{generation.name}")
        shutil.rmtree(gone, ignore_errors=True)
        generation.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)
    except BlockingIOError:
        return
    finally:
        os.close(lock)
