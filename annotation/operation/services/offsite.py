"""Backups in a bucket of S3 or whatever speaks like it: sent after they were made, fetched before they are restored.

Media files lie under their SHA-256, so that each is sent once, whichever backups hold it; a backup's manifest is sent
last and removed first, so that what has one is whole.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from annotation.operation.errors import BackupError, RefusedError
from annotation.operation.services import manifest as manifests
from annotation.operation.services.backup import Backup, alone
from annotation.operation.services.manifest import CHUNK, DUMP, FETCHED, MANIFEST, MEDIA, SEAL
from annotation.operation.services.retention import to_remove

FILES, BACKUPS = "files", "backups"
FETCHING = ".fetching-"
"""Of a folder that is being fetched; a backup made meanwhile clears its own unfinished ones, not these."""
SECONDS = 60


@dataclass(frozen=True)
class Sent:
    """What a backup cost on the wire, and which older ones went."""

    files: int
    bytes: int
    removed: list[str]


def is_set() -> bool:
    """Whether backups are to go to a bucket."""
    return bool(settings.BACKUP_S3)


def send(backup: Backup, newest: int, weeks: int, *, prune: bool = True) -> Sent:
    """Send what the bucket lacks, then remove older backups there by the rule of the local ones.

    Args:
        prune: whether older ones are removed at all.

    Raises:
        BackupError: the bucket does not take it; the local backup stays.
        ConflictError: another backup of this database is being made or sent.
    """
    with alone(), _bucket() as (store, root):
        there, sent, size = _sizes(store, f"{root}/{FILES}"), 0, 0
        for name, file in backup.manifest.media.items():
            if there.get(file.sha256) != file.bytes:
                _put(store, backup.folder / MEDIA / name, f"{root}/{FILES}/{file.sha256}")
                there[file.sha256] = file.bytes
                sent, size = sent + 1, size + file.bytes
        for name in (DUMP, SEAL, MANIFEST):
            _put(store, backup.folder / name, f"{root}/{BACKUPS}/{backup.folder.name}/{name}")
        removed = _prune(store, root, newest, weeks) if prune else []
        return Sent(sent, size + backup.manifest.database.bytes, removed)


def names() -> list[str]:
    """Whole backups in the bucket, the newest first."""
    with _bucket() as (store, root):
        return _names(store, root)


def fetch(name: str, into: Path, *, trust: bool = False) -> Path:
    """Bring a backup from the bucket into a folder of its own below `into`; restoring proves it as any other.

    It stays there until somebody removes it, however many newer ones are made.

    Raises:
        RefusedError: there is none of that name, or it is not this installation's.
        BackupError: the bucket does not answer.
    """
    target = into / name
    if not manifests.contained(name) or "/" in name:
        raise RefusedError(f"{name!r} is no name of a backup")
    if target.exists():
        raise RefusedError(f"{target} is there already: restore that, or remove it first")
    work = into / f"{FETCHING}{name}"
    with _bucket() as (store, root):
        if name not in _names(store, root):
            raise RefusedError(f"the bucket has no backup {name}: fetch_backup without a name lists them")
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True, mode=0o700)
        try:
            for part in (MANIFEST, SEAL, DUMP):
                _get(store, f"{root}/{BACKUPS}/{name}/{part}", work / part)
            for path, file in manifests.read(work, trust=trust).media.items():
                if not manifests.contained(path):
                    raise RefusedError(f"the backup is damaged: {path!r} leads out of it; take another backup")
                _get(store, f"{root}/{FILES}/{file.sha256}", work / MEDIA / path)
            (work / FETCHED).touch()
            return work.rename(target)
        except BaseException:
            shutil.rmtree(work, ignore_errors=True)
            raise


def _prune(store: Any, root: str, newest: int, weeks: int) -> list[str]:
    """Remove old backups of this installation, and the files that no other backup holds, whoever sealed that one."""
    texts = {name: _read(store, f"{root}/{BACKUPS}/{name}/{MANIFEST}") for name in _names(store, root)}
    own = [name for name, text in texts.items() if _is_own(store, f"{root}/{BACKUPS}/{name}", text)]
    removed = to_remove(own, newest, weeks)
    if not removed:
        return []
    held: set[str] = set()
    for name in set(texts) - set(removed):
        try:
            held.update(manifests.digests_in(texts[name]))
        except ValueError as error:
            raise BackupError(
                f"nothing old is removed: the manifest of {name} in {settings.BACKUP_S3} can't be read ({error}), so "
                "nobody knows which files it holds; remove that backup"
            ) from error
    for name in removed:
        for part in (MANIFEST, SEAL, DUMP):
            store.delete_file(f"{root}/{BACKUPS}/{name}/{part}")
    for digest in set(_sizes(store, f"{root}/{FILES}")) - held:
        store.delete_file(f"{root}/{FILES}/{digest}")
    return removed


def _is_own(store: Any, folder: str, text: bytes) -> bool:
    try:
        seal = _read(store, f"{folder}/{SEAL}")
    except FileNotFoundError:
        return False
    return manifests.sealed_here(text, seal.decode("ascii", "replace"))


def _read(store: Any, key: str) -> bytes:
    with store.open_input_stream(key) as file:
        return bytes(file.read())


def _names(store: Any, root: str) -> list[str]:
    there = _sizes(store, f"{root}/{BACKUPS}")
    return sorted((name.partition("/")[0] for name in there if name.endswith(f"/{MANIFEST}")), reverse=True)


def _sizes(store: Any, folder: str) -> dict[str, int]:
    """Bytes of every object below a folder, by what follows it."""
    from pyarrow import fs

    found = store.get_file_info(fs.FileSelector(folder, recursive=True, allow_not_found=True))
    return {one.path.removeprefix(f"{folder}/"): one.size for one in found if one.type == fs.FileType.File}


def _put(store: Any, source: Path, key: str) -> None:
    with source.open("rb") as file, store.open_output_stream(key) as out:
        shutil.copyfileobj(file, out, CHUNK)


def _get(store: Any, key: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with store.open_input_stream(key) as file, target.open("wb") as out:
        shutil.copyfileobj(file, out, CHUNK)


@contextmanager
def _bucket() -> Iterator[tuple[Any, str]]:
    """The store, and the bucket with the prefix in it; whatever goes wrong there is told with the setting's name."""
    from pyarrow import fs

    scheme, _, root = settings.BACKUP_S3.rstrip("/").partition("://")
    if scheme != "s3" or not root:
        raise BackupError("MAPWRIGHT_BACKUPS_S3 must read s3://BUCKET or s3://BUCKET/PREFIX")
    protocol, _, endpoint = settings.S3_ENDPOINT.rpartition("://")
    given = {
        "access_key": settings.S3_ACCESS_KEY, "secret_key": settings.S3_SECRET_KEY, "region": settings.S3_REGION,
        "endpoint_override": endpoint, "scheme": protocol,
    }  # fmt: skip
    try:
        wanted = {name: value for name, value in given.items() if value}
        yield fs.S3FileSystem(**wanted, connect_timeout=10, request_timeout=SECONDS), root
    except (OSError, ValueError) as error:
        told = " ".join(str(error).split())
        raise BackupError(f"{settings.BACKUP_S3} does not work: {told}; check the bucket and MAPWRIGHT_S3_*") from error
