"""A photograph as it came -> a small copy without its metadata, and what it says of where it was taken."""

from __future__ import annotations

import tempfile
from pathlib import Path

from django.utils import timezone

from mlcore.imagery.photo import PreparedPhoto
from mlcore.imagery.photo_metadata import PhotoMetadata
from mlcore.imagery.photo_values import TURNED_DEG
from mlcore.ingestion.apart import ApartLimits
from mlcore.ingestion.photos import photo_apart

MOST_PIXELS = 60_000_000
LIMITS = ApartLimits(memory_bytes=2 * 1024**3, cpu_s=20, wall_s=30, file_bytes=1024**3)


def prepare_photo(upload: Path, preview: Path, name: str) -> PreparedPhoto:
    """Write the copy, a WebP of at most 1600 px; a process with limits reads the file, whatever it is called.

    Raises:
        InvalidInputError: it is no picture that can be used, or costs too much to read.
        NoSpaceError: the disk is full.
    """
    preview.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="mapwright-photo-", dir=preview.parent) as folder:
        return photo_apart(
            upload, Path(folder) / "whole.tif", preview, timezone.now(), name=name, limits=LIMITS,
            most_pixels=MOST_PIXELS,
        )  # fmt: skip


def looks_to(metadata: PhotoMetadata) -> float | None:
    """Where the camera looked, degrees clockwise from north: unlike a picture from above, however it was held."""
    if metadata.heading_deg is None:
        return None
    return (metadata.heading_deg + TURNED_DEG[metadata.orientation]) % 360
