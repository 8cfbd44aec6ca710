"""Media files on their way into a backup and back."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from django.apps import apps
from psycopg import Connection, sql

from annotation.operation.services.manifest import CHUNK, Stored

# What writers leave behind until a file has its name, and what restores keep beside the files in use.
PARTIAL, ASIDE = ".partial", ".restore"
LOST = "lost+found"  # a file system's own, at its top
# Columns that name files or folders below the media folder, wherever a stage keeps them; `server_path` lies elsewhere.
NAMES = ("path", "folder", "upload_path", "points_path", "cog_path", "evidence_path", "frozen_path")
PATHS = "SELECT DISTINCT {column} FROM {table} WHERE {column} <> ''"


def files_below(root: Path) -> Iterator[Path]:
    """Every whole, ordinary file below `root`, in order; links are not followed."""
    for folder, names, files in os.walk(root):
        names[:] = sorted(name for name in names if not name.startswith(ASIDE) and name != LOST)
        for name in sorted(files):
            path = Path(folder, name)
            if not name.endswith(PARTIAL) and not path.is_symlink() and path.is_file():
                yield path


def linked_folder(root: Path) -> Path | None:
    """The first link to a folder below `root`: what lies behind one is neither walked nor backed up."""
    for folder, names, _ in os.walk(root):
        names[:] = sorted(name for name in names if not name.startswith(ASIDE) and name != LOST)
        for name in names:
            if Path(folder, name).is_symlink():
                return Path(folder, name)
    return None


def columns_with_paths() -> list[tuple[str, str]]:
    """Table and column of everything that names a file."""
    found = []
    for model in apps.get_models():
        if model.__module__.startswith("annotation."):
            columns = [one.column for one in model._meta.local_concrete_fields if one.name in NAMES]
            found += [(model._meta.db_table, column) for column in columns if column]
    return sorted(found)


def named_in(database: Connection) -> set[str]:
    """Paths below the media folder that rows name."""
    named: set[str] = set()
    for table, column in columns_with_paths():
        asked = sql.SQL(PATHS).format(column=sql.Identifier(column), table=sql.Identifier(table))
        named.update(path for (path,) in database.execute(asked))
    return named


def keep(source: Path, target: Path, former: tuple[Path, Stored] | None) -> Stored | None:
    """Bring a media file into the backup; None where it has gone meanwhile.

    One that has not changed since the former backup is linked to that one's copy and takes no room.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with source.open("rb") as file:
            told = os.fstat(file.fileno())
            if former and (former[1].bytes, former[1].mtime_ns) == (told.st_size, told.st_mtime_ns):
                try:
                    target.hardlink_to(former[0])
                except OSError:
                    pass  # another file system, or the former copy has gone: it is copied
                else:
                    return former[1]
            digest, size = hashlib.sha256(), 0
            with target.open("wb") as copy:
                while chunk := file.read(CHUNK):
                    digest.update(chunk)
                    copy.write(chunk)
                    size += len(chunk)
    except FileNotFoundError:
        return None
    return Stored(bytes=size, sha256=digest.hexdigest(), mtime_ns=told.st_mtime_ns)


def lay_out(backup: Path, files: Mapping[str, Stored], target: Path) -> None:
    """Copy the backup's media files below `target`, with the times that they had."""
    for name, stored in files.items():
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(backup / name, path)
        path.chmod(0o640)
        os.utime(path, ns=(stored.mtime_ns, stored.mtime_ns))


def in_use(root: Path) -> list[Path]:
    """What a restore moves aside: everything in the media folder but restores' own, and what its file system keeps."""
    return sorted(one for one in root.iterdir() if not one.name.startswith(ASIDE) and one.name != LOST)


def immovable(root: Path) -> Path | None:
    """The first entry of the media folder, or the folder itself, that could not be moved aside; None: all can."""
    if not os.access(root, os.W_OK | os.X_OK):
        return root
    device = root.stat().st_dev
    for entry in in_use(root):
        told = entry.lstat()
        # A folder that gets another parent is written to: its `..` changes.
        unwritable = stat.S_ISDIR(told.st_mode) and not os.access(entry, os.W_OK | os.X_OK)
        if unwritable or told.st_dev != device or entry.is_mount():
            return entry
    return None


@contextmanager
def swapped_in(laid_out: Path, root: Path, aside: Path) -> Iterator[None]:
    """Move what is in the media folder aside and what was laid out into it; both lie on its file system.

    Where that, or what is done within, breaks off, everything goes back to where it was.
    """
    moved: list[tuple[Path, Path]] = []
    aside.mkdir(parents=True)
    try:
        for source, target in ((root, aside), (laid_out, root)):
            entries = in_use(root) if source == root else sorted(laid_out.iterdir())
            for entry in entries:
                moved.append((entry, entry.rename(target / entry.name)))
        yield
    except BaseException:
        for before, now in reversed(moved):
            now.rename(before)
        aside.rmdir()
        raise
    shutil.rmtree(laid_out, ignore_errors=True)  # empty; it must not undo what is done


def is_empty(root: Path) -> bool:
    """Whether the media folder holds no file."""
    return next(files_below(root), None) is None
