"""One pair of pictures whose correspondence is known, and how its truth is read: untrusted, within bounds.

Truths say which pixels they count in. Here a pixel's place counts from the outer corner of the first one, whose centre
is (0.5, 0.5); `origin` is what the source calls that centre: 0 as OpenCV and NumPy do, 1 as MATLAB, 0.5 as here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mlcore.correspondences.matches import MOST_PIXELS
from mlcore.errors import InvalidInputError
from mlcore.imagery.picture import read_picture

MOST_LANDMARKS = 10_000
MOST_BYTES = 1024**2
OPENCV, MATLAB = 0.0, 1.0


@dataclass(frozen=True, eq=False)
class MatchingPair:
    """A map, or whatever stands for it, and an image of the same ground.

    Attributes:
        name: unique in the data set.
        map_rgb, image_rgb: (H, W, 3) uint8, of sizes of their own.
        truth: (3, 3) from pixels of the map to pixels of the image; None where the set doesn't say it.
        map_xy, image_xy: (N, 2) landmarks of both, pair by pair; None where the set has none.
        scene: pairs of different scenes show different places; empty: the set doesn't say.
    """

    name: str
    map_rgb: np.ndarray
    image_rgb: np.ndarray
    truth: np.ndarray | None = None
    map_xy: np.ndarray | None = None
    image_xy: np.ndarray | None = None
    scene: str = ""


def read_rgb(path: Path) -> np.ndarray:
    """(H, W, 3) uint8 of a picture that may be matched whole."""
    return read_picture(path, MOST_PIXELS).rgb


def from_origin(xy: np.ndarray, origin: float) -> np.ndarray:
    """Places counted from `origin` -> places counted from the outer corner."""
    return np.asarray(xy, np.float64) + (0.5 - origin)


def matrix_from_origin(matrix: np.ndarray, origin: float) -> np.ndarray:
    """(3, 3) between places counted from `origin` -> between places counted from the outer corner."""
    move = np.array([[1, 0, 0.5 - origin], [0, 1, 0.5 - origin], [0, 0, 1.0]])
    moved = move @ np.asarray(matrix, np.float64) @ np.linalg.inv(move)
    return np.asarray(moved / moved[2, 2])


def checked_matrix(matrix: np.ndarray, what: str) -> np.ndarray:
    """The (3, 3) with 1 in its corner.

    Raises:
        InvalidInputError: not finite, or it flattens the plane.
    """
    values = np.asarray(matrix, np.float64)
    if values.shape != (3, 3) or not np.isfinite(values).all() or not abs(values[2, 2]) > 1e-12:
        raise InvalidInputError(f"{what} is no transform of the plane: nine finite numbers are needed")
    values = values / values[2, 2]
    if not abs(np.linalg.det(values)) > 1e-12:
        raise InvalidInputError(f"{what} flattens the plane: fetch the set again")
    return values


def checked_landmarks(xy: np.ndarray, what: str) -> np.ndarray:
    """(N, 4) finite float64: x, y of the first picture, x, y of the second."""
    values = np.asarray(xy, np.float64)
    if values.ndim != 2 or values.shape[1] != 4 or not np.isfinite(values).all():
        raise InvalidInputError(f"{what} holds no landmarks: four finite numbers are needed for each, x, y and x, y")
    if not 0 < len(values) <= MOST_LANDMARKS:
        raise InvalidInputError(f"{what} holds {len(values):,} landmarks: 1 to {MOST_LANDMARKS:,} are read")
    return values


def read_landmarks(path: Path) -> np.ndarray:
    """(N, 4) of a text of four columns, parted by commas, semicolons, blanks or tabs, with or without a header.

    Raises:
        InvalidInputError: it is too long or holds anything else.
    """
    lines = [line for line in read_text(path).splitlines() if line.strip() and not line.lstrip().startswith(("#", "%"))]
    rows = [[_number(word) for word in line.replace(",", " ").replace(";", " ").split()] for line in lines]
    if rows and any(math.isnan(number) for number in rows[0]):
        rows.pop(0)
    if any(len(row) != 4 for row in rows):
        raise InvalidInputError(
            f"{path.name} holds no landmarks: write x, y of the first and x, y of the second picture"
        )
    return checked_landmarks(np.array(rows, np.float64).reshape(-1, 4), path.name)


def read_text(path: Path) -> str:
    """A text of a bounded size."""
    if not path.is_file() or path.stat().st_size > MOST_BYTES:
        raise InvalidInputError(f"there is no text of {MOST_BYTES // 1024} KB or less in {path.name}: check the path")
    return path.read_text(encoding="utf-8-sig", errors="replace")


def _number(word: str) -> float:
    try:
        return float(word) if word.isascii() else math.nan
    except ValueError:
        return math.nan
