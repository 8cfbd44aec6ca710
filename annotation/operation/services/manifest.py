"""What a backup says of itself, sealed with the installation's secret, and the proof that it holds."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from django.conf import settings
from django.utils.crypto import salted_hmac

from annotation.operation.errors import RefusedError
from annotation.operation.services.server import Content

FORMAT, VERSION = "mapwright-backup", 1
MANIFEST, SEAL, DUMP, MEDIA = "manifest.json", "manifest.seal", "database.dump", "media"
FETCHED = "fetched"  # a file beside the manifest: somebody wanted this one here, so no rule removes it
SALT = "annotation.operation.backup"
CHUNK = 2**20


@dataclass(frozen=True)
class Stored:
    """One file of a backup: bytes, SHA-256, and the time of the file it was copied from."""

    bytes: int
    sha256: str
    mtime_ns: int = 0


@dataclass(frozen=True)
class Manifest:
    """Everything that a backup holds; `media` by path below the media folder, `tables` by name."""

    made_at: str
    postgres: int
    database: Stored
    tables: Mapping[str, Content]
    migrations: list[str]
    media: Mapping[str, Stored]
    absent: list[str] = field(default_factory=list)

    @property
    def bytes(self) -> int:
        return self.database.bytes + sum(file.bytes for file in self.media.values())


def write(folder: Path, manifest: Manifest) -> None:
    """Write manifest and seal; the last thing that a backup does before it gets its name."""
    text = json.dumps({"format": FORMAT, "version": VERSION, **asdict(manifest)}, indent=1, sort_keys=True).encode()
    (folder / MANIFEST).write_bytes(text)
    (folder / SEAL).write_text(_seal(text, settings.SECRET_KEY) + "\n", encoding="ascii")


def read(folder: Path, *, trust: bool = False) -> Manifest:
    """The manifest of the backup in `folder`.

    Args:
        trust: take one that another installation, or another secret key, sealed.

    Raises:
        RefusedError: there is none, it is of something else or of a newer version, or its seal is foreign.
    """
    try:
        text = (folder / MANIFEST).read_bytes()
        told = json.loads(text)
    except FileNotFoundError as error:
        raise RefusedError(f"{folder} holds no backup: give a folder that deploy/backup made") from error
    except (OSError, ValueError, RecursionError) as error:
        raise RefusedError(f"the manifest of {folder} can't be read ({error}): take another backup") from error
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        raise RefusedError(f"{folder} is no backup of Mapwright: give a folder that deploy/backup made")
    if told.get("version") != VERSION:
        raise RefusedError(
            f"the backup is of format {told.get('version')}, this Mapwright reads {VERSION}: use the one that made it"
        )
    if not trust and not _sealed_here(folder, text):
        raise RefusedError(
            "the backup was sealed with another secret key, or changed since: start with the MAPWRIGHT_SECRET_KEY that "
            "it was made under, or say --trust where you know where it comes from"
        )
    return _parsed(told, folder)


def prove(folder: Path, manifest: Manifest) -> None:
    """Read every file of the backup and compare it with the manifest.

    Raises:
        RefusedError: a file is missing, damaged, a link, or lies outside the backup.
    """
    for name in manifest.media:
        if not contained(name):
            raise RefusedError(f"the backup is damaged: {name!r} leads out of it; take another backup")
    files = {DUMP: manifest.database, **{f"{MEDIA}/{name}": file for name, file in manifest.media.items()}}
    for path, file in files.items():
        damaged = _fault_of(folder, path, file)
        if damaged:
            raise RefusedError(f"the backup is damaged: {path} {damaged}; take another backup")


def digest_of(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digests_in(text: bytes) -> set[str]:
    """SHA-256 of every media file that a manifest names, whoever sealed it.

    Raises:
        ValueError: it can't be read.
    """
    told = json.loads(text)
    try:
        return {str(file["sha256"]) for file in told["media"].values()}
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no manifest: {error}") from error


def sealed_here(text: bytes, seal: str) -> bool:
    """Whether this installation wrote the seal beside that manifest."""
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return any(hmac.compare_digest(seal.strip().encode(), _seal(text, key).encode()) for key in keys)


def contained(name: str) -> bool:
    """Whether a path of a manifest stays below the folder it belongs to."""
    path = PurePosixPath(name)
    return bool(name) and not path.is_absolute() and ".." not in path.parts and "\x00" not in name


def _fault_of(folder: Path, name: str, file: Stored) -> str:
    path = folder / name
    if path.is_symlink() or not path.is_file() or not path.resolve().is_relative_to(folder.resolve()):
        return "is missing, or no file"
    if path.stat().st_size != file.bytes:
        return f"has {path.stat().st_size:,} bytes instead of {file.bytes:,}"
    return "" if digest_of(path) == file.sha256 else "has another content than when it was made"


def _seal(text: bytes, key: str) -> str:
    return salted_hmac(SALT, text, secret=key, algorithm="sha256").hexdigest()


def _sealed_here(folder: Path, text: bytes) -> bool:
    try:
        return sealed_here(text, (folder / SEAL).read_text(encoding="ascii"))
    except (OSError, UnicodeDecodeError):
        return False


def _parsed(told: dict[str, Any], folder: Path) -> Manifest:
    try:
        return Manifest(
            made_at=str(told["made_at"]),
            postgres=int(told["postgres"]),
            database=Stored(**told["database"]),
            tables={str(name): Content(**table) for name, table in told["tables"].items()},
            migrations=[str(name) for name in told["migrations"]],
            media={str(name): Stored(**file) for name, file in told["media"].items()},
            absent=[str(name) for name in told["absent"]],
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RefusedError(f"the manifest of {folder} is incomplete ({error}): take another backup") from error
