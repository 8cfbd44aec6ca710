"""Make a backup: the database as of one moment, the media files that it names, and a manifest of both."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.utils import timezone

from annotation.common.errors import ConflictError
from annotation.operation.errors import BackupError, RefusedError
from annotation.operation.services import manifest as manifests
from annotation.operation.services import media, server
from annotation.operation.services.manifest import DUMP, MEDIA, Manifest, Stored

TRIES = 3
LOCK = 0x6D77_6261  # "mwba": one backup at a time
NAME = "%Y-%m-%dT%H-%M-%SZ"
UNFINISHED = ".unfinished-"
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
Say = Callable[[str], None]


@dataclass(frozen=True)
class Backup:
    """A backup on disk; `lost`: paths that rows name and older backups hold, but the media folder does no more."""

    folder: Path
    manifest: Manifest
    lost: Sequence[str] = ()


class _ChangedMeanwhileError(Exception):
    """A file that rows named was removed while the backup ran."""


def make(root: Path | None = None, say: Say = lambda text: None) -> Backup:
    """Make a backup in a folder of its own below `root`, whole or not at all; the application may go on meanwhile.

    Raises:
        ConflictError: another backup of this database is being made.
        BackupError: disk full, pg_dump failed, files went away again and again, or a part of them lies behind a link.
    """
    root = root or Path(settings.BACKUP_ROOT)
    link = media.linked_folder(Path(settings.MEDIA_ROOT))
    if link is not None:
        raise BackupError(
            f"{link} is a link to a folder, and nothing behind it would be backed up: mount that folder there instead "
            "(mount --bind), or move the files in"
        )
    with _room(root), alone():
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        for left in root.glob(f"{UNFINISHED}*"):
            shutil.rmtree(left)
        for _ in range(TRIES):
            try:
                return _make(root, say)
            except _ChangedMeanwhileError as changed:
                say(f"{changed} was removed meanwhile; once more")
    raise BackupError(f"files went away {TRIES} times while they were backed up: try again when less is deleted")


def backups_below(root: Path) -> list[Path]:
    """Folders of whole backups, the newest first; what else lies there, or is still on its way, is left out."""
    named = (path for path in root.glob("*T*Z*") if not path.name.startswith("."))
    found = (path for path in named if (path / manifests.MANIFEST).is_file())
    return sorted(found, key=lambda path: path.name, reverse=True)


def _make(root: Path, say: Say) -> Backup:
    name = timezone.now().strftime(NAME)
    work = root / f"{UNFINISHED}{name}"
    work.mkdir(mode=0o700)
    try:
        with _moment() as (database, snapshot):
            say("the database")
            server.run_tool(
                "pg_dump", "--format=custom", f"--snapshot={snapshot}", "--no-owner", "--no-privileges",
                "--exclude-table-data=public.spatial_ref_sys", f"--file={work / DUMP}", database=server.own_name(),
            )  # fmt: skip
            tables = server.contents_of(database, server.tables_of(database))
            migrations = [f"{app}.{one}" for app, one in database.execute("SELECT app, name FROM django_migrations")]
            named, postgres = media.named_in(database), server.major_version(database)
        dump = Stored(bytes=(work / DUMP).stat().st_size, sha256=manifests.digest_of(work / DUMP))
        say("the media files")
        files = _files(work, _former(root))
        absent = _absent(named, files)
        made = Manifest(
            made_at=name, postgres=postgres, database=dump, tables=tables, migrations=sorted(migrations),
            media=files, absent=absent,
        )  # fmt: skip
        lost = _lost(root, absent)
        manifests.write(work, made)
        folder = work.rename(_free(root, name))
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise
    return Backup(folder, made, lost)


def _files(work: Path, former: tuple[Path, Manifest] | None) -> dict[str, Stored]:
    root = Path(settings.MEDIA_ROOT)
    files = {}
    for path in media.files_below(root):
        name = path.relative_to(root).as_posix()
        known = former[1].media.get(name) if former else None
        link = (former[0] / MEDIA / name, known) if former and known else None
        stored = media.keep(path, work / MEDIA / name, link)
        if stored is not None:
            files[name] = stored
    return files


def _absent(named: set[str], files: dict[str, Stored]) -> list[str]:
    """Named paths without a file: those that are named no longer went away meanwhile, the others had gone before."""
    folders = {parent.as_posix() for name in files for parent in Path(name).parents}
    missing = {path for path in named if path.rstrip("/") not in files and path.rstrip("/") not in folders}
    if missing:
        with server.connect(server.own_name()) as database:
            gone = missing - media.named_in(database)
        if gone:
            raise _ChangedMeanwhileError(min(gone))
    return sorted(missing)


def _lost(root: Path, absent: list[str]) -> list[str]:
    """Of absent paths those that a backup which is still there holds, as a file or as a folder."""
    held: set[str] = set()
    for folder in backups_below(root) if absent else []:
        try:
            names = manifests.read(folder).media
        except RefusedError:
            continue
        held.update(names, (parent.as_posix() for name in names for parent in Path(name).parents))
    return [path for path in absent if path.rstrip("/") in held]


def _former(root: Path) -> tuple[Path, Manifest] | None:
    """The newest backup that was made here: files of one that was fetched nobody has proved yet."""
    for folder in backups_below(root):
        if (folder / manifests.FETCHED).exists():
            continue
        try:
            return folder, manifests.read(folder)
        except RefusedError:
            continue
    return None


def _free(root: Path, name: str) -> Path:
    number, target = 1, root / name
    while target.exists():
        number += 1
        target = root / f"{name}-{number}"
    return target


@contextmanager
def _moment() -> Iterator[tuple[psycopg.Connection[Any], str]]:
    """A transaction that sees the database as of now, and the name under which pg_dump sees the same."""
    with server.connect(server.own_name()) as database, database.transaction():
        database.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        row = database.execute("SELECT pg_export_snapshot()").fetchone()
        yield database, str(row[0]) if row else ""


@contextmanager
def alone() -> Iterator[None]:
    """Nothing else of this database is backed up, sent or removed meanwhile.

    Raises:
        ConflictError: something is.
    """
    with server.connect(server.own_name()) as database:
        row = database.execute("SELECT pg_try_advisory_lock(%s)", [LOCK]).fetchone()
        if not row or not row[0]:
            raise ConflictError("another backup of this database is being made: wait for its end")
        try:
            yield
        finally:  # by itself it would end a moment after the connection does
            with suppress(psycopg.OperationalError):
                database.execute("SELECT pg_advisory_unlock(%s)", [LOCK])


@contextmanager
def _room(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise BackupError(f"the disk of {root} is full: free some space, or keep fewer backups") from error
        raise BackupError(f"the backup can't be written to {root}: {error}") from error
