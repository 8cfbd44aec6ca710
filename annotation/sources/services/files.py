"""Where uploaded and imported files lie, and how they get there."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from annotation.common.engine import MlcoreError
from annotation.common.errors import InvalidError
from annotation.sources.errors import DiskFullError
from annotation.sources.models import Imagery, MapSnapshot

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
CHUNK = 2**20


@dataclass(frozen=True)
class Upload:
    """A file that came in: where it lies now, its own name, its SHA-256, and whether it may be moved away."""

    path: Path
    name: str
    sha256: str
    movable: bool = False

    @classmethod
    def from_path(cls, path: Path) -> Upload:
        """A file of this machine; it stays where it is.

        Raises:
            InvalidError: there is no such file.
        """
        if not path.is_file():
            raise InvalidError(f"there is no file {path}: check the path")
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
        return cls(path, clean_name(path.name), digest.hexdigest())

    @classmethod
    def from_request(cls, file: UploadedFile) -> Upload:
        """A file of a request, as `annotation.sources.uploads.HashingUploadHandler` left it."""
        return cls(Path(file.temporary_file_path()), clean_name(file.name or ""), file.sha256, movable=True)  # type: ignore[attr-defined]


def clean_name(name: str) -> str:
    """The last part of a path without control characters: for showing only, never used as a path."""
    last = re.split(r"[/\\]", name)[-1]
    return "".join(c for c in last if c.isprintable())[-255:] or "unnamed"


def suffix_of(name: str, allowed: tuple[str, ...]) -> str:
    """The ending of the name that says the format.

    Raises:
        InvalidError: the ending is none of `allowed`.
    """
    for suffix in allowed:
        if name.lower().endswith(suffix):
            return suffix
    raise InvalidError(f"files named {Path(name).suffix or 'so'} can't be imported: give one of {', '.join(allowed)}")


def region_folder(region_id: int) -> Path:
    """Everything of a region: removed with it."""
    return Path(settings.MEDIA_ROOT) / "regions" / str(region_id)


def source_folder(source: Imagery | MapSnapshot) -> Path:
    """Everything of one source."""
    kind = "imagery" if isinstance(source, Imagery) else "maps"
    return region_folder(source.region_id) / kind / str(source.pk)


def relative(path: Path) -> str:
    """The path as rows keep it: below the media folder."""
    return str(path.relative_to(settings.MEDIA_ROOT))


def absolute(stored: str) -> Path:
    """The file that a row names."""
    return Path(settings.MEDIA_ROOT) / stored


@contextmanager
def room_on_disk() -> Iterator[None]:
    """Turn a full disk into an error that names the remedy."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise DiskFullError("the disk of this server is full: free some space, then try again") from error
        raise


@contextmanager
def called(upload: Path, original_name: str) -> Iterator[None]:
    """Errors about a stored file under the name that its person knows."""
    try:
        yield
    except MlcoreError as error:
        error.args = (str(error).replace(upload.name, original_name), *error.args[1:])
        raise


def take_in(upload: Upload, target: Path) -> None:
    """Put the uploaded file at `target`, whole or not at all: moved where it may be, else copied."""
    with room_on_disk():
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(target.name + ".partial")
        try:
            if upload.movable:
                shutil.move(upload.path, partial)
            else:
                shutil.copyfile(upload.path, partial)
            partial.chmod(0o640)
            partial.replace(target)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise


def remove_folder(folder: Path) -> None:
    """Remove a folder and all in it, where it exists."""
    shutil.rmtree(folder, ignore_errors=True)


def clear_folder(folder: Path, keep: set[str]) -> None:
    """Remove what an earlier, broken run left in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for entry in os.scandir(folder):
        if entry.name not in keep:
            shutil.rmtree(entry.path) if entry.is_dir(follow_symlinks=False) else Path(entry.path).unlink()
