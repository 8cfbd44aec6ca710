"""Reads folders of photos: what each shows, and where it was taken where its EXIF or XMP says so."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Literal

import numpy as np

from mlcore.errors import InvalidInputError
from mlcore.geometry.webmercator import tile_at
from mlcore.imagery.photo_metadata import PhotoMetadata, read_photo_metadata
from mlcore.landmarks.readers.items import picture_of, pictures_in
from mlcore.landmarks.samples import Sample

PLACE_ZOOM = 16
"""Photos of one tile of this zoom (some 500 m) belong to one place."""


class PhotoFolder:
    """Photos of a folder and those below, by name; what can't be read is left out and told.

    Args:
        role: what they are: ground photos, or aerial ones.
        now: with a time zone; dates that are later are not believed.

    Attributes:
        left_out: a sentence about each file that can't be read.

    Raises:
        InvalidInputError: there is no such folder, or no photo in it that can be read.
    """

    def __init__(self, folder: Path, *, now: dt.datetime, role: Literal["ground", "aerial"] = "ground") -> None:
        self.folder, self.role, self.left_out = Path(folder), role, list[str]()
        self._photos = []
        for path in pictures_in(self.folder):
            try:
                self._photos.append((path, read_photo_metadata(path, now)))
            except InvalidInputError as error:
                self.left_out.append(str(error))
        if not self._photos:
            raise InvalidInputError(f"no photo of {folder} can be read: {self.left_out[0]}")

    def __len__(self) -> int:
        return len(self._photos)

    def files(self) -> list[tuple[Path, tuple[float, float] | None]]:
        """The files with their positions, by number."""
        return [(path, _lonlat(said)) for path, said in self._photos]

    def get(self, number: int) -> Sample:
        """The photo, upright, and its position."""
        path, said = self._photos[number]
        name = path.relative_to(self.folder).as_posix()
        gps = _lonlat(said)
        tile = tile_at(*gps, PLACE_ZOOM) if gps else None
        picture = picture_of(path, said.orientation)
        return Sample(
            name=name,
            place=f"{tile.z}/{tile.x}/{tile.y}" if tile else name,
            aerial=picture if self.role == "aerial" else None,
            ground=picture if self.role == "ground" else None,
            gps=gps,
        )


def upright_picture(path: Path, now: dt.datetime) -> np.ndarray:
    """(H, W, 3) uint8 of a photo as it is looked at, by its own orientation.

    Raises:
        InvalidInputError: it can't be read.
    """
    if not path.is_file():
        raise InvalidInputError(f"there is no photo {path}: check the path")
    return picture_of(path, read_photo_metadata(path, now).orientation)


def _lonlat(said: PhotoMetadata) -> tuple[float, float] | None:
    return (said.lon, said.lat) if said.lon is not None and said.lat is not None else None
