"""Items of one modality by number, each with its owner: what queries and galleries are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mlcore.errors import InvalidInputError
from mlcore.imagery.photo import upright
from mlcore.imagery.picture import read_picture
from mlcore.landmarks.samples import Modality

MOST_PIXELS = 100_000_000
PICTURES = (".jpg", ".jpeg", ".png", ".tif", ".tiff")


@dataclass(frozen=True, eq=False)
class Items:
    """Items that are read when they are asked for.

    Attributes:
        modality: of all of them.
        owners: (N,) number of the landmark, -1 for one that is nobody's.
        read: the item of a number: a picture (H, W, 3) uint8, a text, or (lon, lat).
    """

    modality: Modality
    owners: np.ndarray
    read: Callable[[int], Any]

    def __len__(self) -> int:
        return len(self.owners)

    def joined(self, other: Items) -> Items:
        """These, and others behind them."""
        if other.modality != self.modality:
            raise InvalidInputError(f"{self.modality} and {other.modality} can't be one gallery")
        mine = len(self)

        def read(number: int) -> Any:
            return self.read(number) if number < mine else other.read(number - mine)

        return Items(self.modality, np.concatenate([self.owners, other.owners]), read)


def picture_of(path: Path, orientation: int = 1, most_pixels: int = MOST_PIXELS) -> np.ndarray:
    """(H, W, 3) uint8 of a GeoTIFF, PNG or JPEG, as it is looked at.

    Raises:
        InvalidInputError: it is not there, can't be read or is too large.
    """
    if not path.is_file():
        raise InvalidInputError(f"there is no picture {path.name[:80]!r}: check the path")
    try:
        rgb = read_picture(path, most_pixels).rgb
    except InvalidInputError as error:  # what it advises is for rasters of a region
        raise InvalidInputError(
            f"{path.name} can't be read as a picture: save it as JPEG or PNG, with {most_pixels:,} pixels or fewer"
        ) from error
    return upright(rgb, orientation)


def pictures_in(folder: Path) -> list[Path]:
    """All pictures of a folder and those below, by name.

    Raises:
        InvalidInputError: there is no such folder, or no picture in it.
    """
    if not folder.is_dir():
        raise InvalidInputError(f"there is no folder {folder}: check the path")
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURES and path.is_file())
    if not found:
        raise InvalidInputError(f"{folder} holds no picture: {', '.join(PICTURES)} are read")
    return found


def sentences_in(text: str, most: int) -> tuple[str, ...]:
    """The first sentences of a text, white space evened out; what has no letter is passed over."""
    found: list[str] = []
    for paragraph in text.splitlines():
        for sentence in paragraph.split(". "):
            words = " ".join(sentence.split()).strip(" .")
            if any(letter.isalpha() for letter in words):
                found.append(words + ".")
            if len(found) >= most:
                return tuple(found)
    return tuple(found)
