"""A photograph as it came -> a small copy without its metadata, and what it says of where it was taken."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from django.utils import timezone

from mlcore.errors import InvalidInputError
from mlcore.imagery.photo import PreparedPhoto
from mlcore.imagery.photo_metadata import PhotoMetadata
from mlcore.imagery.photo_values import TURNED_DEG
from mlcore.ingestion.apart import ApartLimits
from mlcore.ingestion.photos import photo_apart

OURS = (b"\xff\xd8\xff", b"\x89PNG", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""How a JPEG, a PNG and a TIFF begin."""
OTHERS = {
    "a HEIC picture, as phones take them": rb"....ftyp(hei[cfmsx]|hevc|mif1|msf1)",
    "an AVIF picture": rb"....ftypavi[fs]",
    "a film": rb"....ftyp",
    "a WebP picture": rb"RIFF....WEBP",
    "a GIF picture": rb"GIF8",
    "a BMP picture": rb"BM",
    "an SVG drawing": rb"(\xef\xbb\xbf)?\s*(<\?xml[^>]*>)?\s*(<!--.*?-->\s*)?(<!DOCTYPE svg[^>]*>)?\s*<svg",
    "a PDF": rb"%PDF",
    "an archive": rb"PK\x03\x04",
}
"""What else comes as a photo, by how it begins."""
HEAD = 1024
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


def why_unreadable(upload: Path, name: str, error: InvalidInputError) -> str:
    """Why a file is no photo, with the remedy that fits one: the reader's own words speak of rasters."""
    with upload.open("rb") as file:
        head = file.read(HEAD)
    if head.startswith(OURS):
        if any(word in str(error) for word in ("is damaged", "can't be read")):
            return f"{name} is damaged or did not come whole: send it again, or save it again as a JPEG"
        return str(error)
    kind = next((words for words, begins in OTHERS.items() if re.match(begins, head, re.DOTALL)), None)
    if kind is None:
        return f"{name} is no photo that can be read: use a JPEG, PNG or TIFF"
    return f"{name} is {kind}, which can't be read here: save or export it as a JPEG or PNG, and send that"


def looks_to(metadata: PhotoMetadata) -> float | None:
    """Where the camera looked, degrees clockwise from north: unlike a picture from above, however it was held."""
    if metadata.heading_deg is None:
        return None
    return (metadata.heading_deg + TURNED_DEG[metadata.orientation]) % 360
