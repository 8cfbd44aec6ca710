"""The general model that ships, as a file of this installation: scans read it there as they read any other model."""

from __future__ import annotations

import shutil
from pathlib import Path

from django.conf import settings

from mlcore.digests import sha256_of
from mlcore.files import check_space, whole_file
from mlcore.weights import GENERAL_FILE


def general_there() -> bool:
    """Whether the general model was installed at all."""
    return GENERAL_FILE.is_file()


def take_general() -> tuple[str, str] | None:
    """Path below the media folder and digest of the general model, copied there the first time; None: none ships.

    A scan keeps to the file it was made with, also once an update of the application ships another.

    Raises:
        NoSpaceError: the disk of the media folder is full.
    """
    if not general_there():
        return None
    digest = sha256_of(GENERAL_FILE)
    path = Path("models", "general", f"model-{digest[:16]}.safetensors")
    target = Path(settings.MEDIA_ROOT) / path
    if not target.is_file() or sha256_of(target) != digest:
        target.parent.mkdir(parents=True, exist_ok=True)
        check_space(target, GENERAL_FILE.stat().st_size)
        with whole_file(target) as scratch:
            shutil.copyfile(GENERAL_FILE, scratch)
    return path.as_posix(), digest
