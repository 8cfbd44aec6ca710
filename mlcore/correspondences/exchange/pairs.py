"""Pairs of pictures with a homography, in the layout in which MapData is published.

    FOLDER/L/NAME.png     the map          FOLDER/R/NAME.png     the image
    FOLDER/H/NAME.txt     the homography from the map to the image, three rows of three numbers

Source: the README of MapData (github.com/PeihaoWu/MapGlue): folders `L` and `R` hold pictures of 512 px with the same
names; the maps of its samples are in `L`. It publishes no homographies; the text here is one that `numpy.loadtxt` and
OpenCV take as it is: pixels as OpenCV counts them, (0, 0) the centre of the first one.
"""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np

from mlcore.correspondences.matches import checked_picture
from mlcore.errors import InvalidInputError
from mlcore.files import whole_file
from mlcore.geometry.transform import Transform

SIZE_PX = 512
MAPS, IMAGES, HOMOGRAPHIES = "L", "R", "H"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,120}\Z")
MOST_BYTES = 4096
TO_CENTRE = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1.0]])
"""From pixels that count from the first one's outer corner to pixels that count from its centre."""


def write_pair(folder: Path, name: str, map_rgb: np.ndarray, image_rgb: np.ndarray, transform: Transform) -> list[Path]:
    """Write a pair, as `pair_files` has it.

    Returns:
        The three files: map, image, homography.

    Raises:
        InvalidInputError: as of `pair_files`, or a file can't be written.
    """
    paths = []
    for below, content in pair_files(name, map_rgb, image_rgb, transform).items():
        path = folder / below
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(path) as scratch:
                scratch.write_bytes(content)
        except OSError as error:
            raise InvalidInputError(f"{below} can't be written: check the folder and its free space") from error
        paths.append(path)
    return paths


def pair_files(name: str, map_rgb: np.ndarray, image_rgb: np.ndarray, transform: Transform) -> dict[str, bytes]:
    """The three files of a pair, by their paths; squares of another size, the same for both, are brought to 512 px.

    Args:
        name: of the files, without ending.
        map_rgb, image_rgb: (S, S, 3) uint8 each.
        transform: brings pixels of the map to pixels of the image, both counted from the outer corner.

    Returns:
        Map, image and homography, in this order.

    Raises:
        InvalidInputError: a name that is none, or pictures that are no squares of one size.
    """
    if not NAME.match(name):
        raise InvalidInputError(f"{name!r} can't name a pair: use letters, digits, dots, dashes and underscores")
    pictures = [checked_picture(map_rgb, "map"), checked_picture(image_rgb, "image")]
    side = pictures[0].shape[0]
    if any(picture.shape != (side, side, 3) for picture in pictures):
        raise InvalidInputError("a pair needs two squares of one size: cut map and image to the same window first")
    if side != SIZE_PX:
        way = cv2.INTER_AREA if side > SIZE_PX else cv2.INTER_LINEAR
        pictures = [cv2.resize(picture, (SIZE_PX, SIZE_PX), interpolation=way) for picture in pictures]
        transform = transform.scaled(SIZE_PX / side)
    return {
        f"{MAPS}/{name}.png": png_of(pictures[0]),
        f"{IMAGES}/{name}.png": png_of(pictures[1]),
        f"{HOMOGRAPHIES}/{name}.txt": homography_text(transform.matrix).encode("ascii"),
    }


def png_of(rgb: np.ndarray) -> bytes:
    """A PNG of an (H, W, 3) uint8 picture."""
    written, content = cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    if not written:
        raise InvalidInputError("the picture can't be written as PNG: check its size")
    return bytes(content)


def homography_text(matrix: np.ndarray) -> str:
    """Three lines of three numbers, between pixels as OpenCV counts them.

    Args:
        matrix: (3, 3) between pixels counted from the outer corner.
    """
    centred = TO_CENTRE @ np.asarray(matrix, np.float64) @ np.linalg.inv(TO_CENTRE)
    return "".join(" ".join(repr(float(one)) for one in row) + "\n" for row in centred / centred[2, 2])


def homography_of(text: str, what: str) -> np.ndarray:
    """(3, 3) float64 between pixels counted from the outer corner, of a text in OpenCV's pixels.

    Args:
        what: the file, for the message.

    Raises:
        InvalidInputError: not nine finite numbers, parted by blanks, commas or semicolons, that flatten nothing.
    """
    words = re.split(r"[\s,;\[\]]+", text.strip(" \t\r\n[],;"))
    try:
        numbers = np.array([float(word) for word in words if word.isascii()])
    except ValueError:
        numbers = np.zeros(0)
    if len(words) != 9 or numbers.shape != (9,) or not np.isfinite(numbers).all():
        raise InvalidInputError(f"{what} is no homography: write three lines of three numbers with decimal points")
    matrix = np.linalg.inv(TO_CENTRE) @ numbers.reshape(3, 3) @ TO_CENTRE
    if not abs(matrix[2, 2]) > 1e-12 or not abs(np.linalg.det(matrix / matrix[2, 2])) > 1e-12:
        raise InvalidInputError(f"{what} holds a homography that flattens the plane: fit it again")
    return np.asarray(matrix / matrix[2, 2])


def read_homography(path: Path) -> np.ndarray:
    """`homography_of` a file of a bounded size."""
    if not path.is_file() or path.stat().st_size > MOST_BYTES:
        raise InvalidInputError(f"there is no homography of {MOST_BYTES} bytes or less in {path.name}: check the path")
    return homography_of(path.read_text(encoding="utf-8-sig", errors="replace"), path.name)
