"""Public sets of multimodal pairs, as they lie on disk.

The database of "A review of multimodal image matching" (Jiang et al. 2021; github.com/StaRainJ), a folder for each
kind of pair, such as `RemoteSensing/Map_Optical`:

    MO1a.png   MO1b.png   MO1.mat        or        CS_1_a.png   CS_1_b.png   CS_1.mat

`a` is the fixed picture (the map, in Map_Optical), `b` the moving one; the .mat holds 20 landmarks and mostly a
transform. Sets of the kind of RIFT's (github.com/LJY-RS), a folder for each pair:

    map-optical/pair1.jpg   map-optical/pair2.jpg   [landmarks.csv | landmarks.txt | landmarks.mat]   [homography.txt]

RIFT publishes no truth; whoever measured one puts it beside: landmarks with x, y of pair1 and x, y of pair2, or the
homography from pair1 to pair2, both in OpenCV's pixels (in MATLAB's in a .mat).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

import numpy as np

from mlcore.correspondences.exchange.pairs import read_homography
from mlcore.errors import InvalidInputError
from mlcore.evaluation.readers.crops import by_stem
from mlcore.evaluation.readers.mat_files import read_mat_truth
from mlcore.evaluation.readers.matching_pairs import (
    MATLAB,
    OPENCV,
    MatchingPair,
    from_origin,
    matrix_from_origin,
    read_landmarks,
    read_rgb,
)

FIRST = re.compile(r"(?P<stem>.+?)_?a\Z")
MOST_FOLDERS = 20_000


def read_multimodal(root: Path, *, map_first: bool = True) -> Iterator[MatchingPair]:
    """All pairs of a folder and those below it, read one by one.

    Args:
        map_first: `a` and `pair1` stand for the map; else `b` and `pair2` do, and the truth is turned around.

    Raises:
        InvalidInputError: there is no pair, or a picture or a truth can't be read.
    """
    if not root.is_dir():
        raise InvalidInputError(f"there is no folder {root}: give the data set's own folder")
    found = False
    folders = (path for path in [root, *sorted(root.rglob("*"))] if path.is_dir() and not path.is_symlink())
    for folder in islice(folders, MOST_FOLDERS):
        pictures = by_stem(folder)
        prefix = "" if folder == root else f"{folder.relative_to(root)}/"
        alone = prefix.rstrip("/") or root.name
        for pair in chain(_lettered(folder, pictures, prefix), _numbered(folder, pictures, alone)):
            found = True
            yield pair if map_first else turned(pair)
    if not found:
        raise InvalidInputError(
            f"{root} holds no pairs named ..a and ..b, or pair1 and pair2: give the set's own folder"
        )


def turned(pair: MatchingPair) -> MatchingPair:
    """The same pair with its sides exchanged."""
    truth = None if pair.truth is None else np.linalg.inv(pair.truth)
    truth = None if truth is None else truth / truth[2, 2]
    return MatchingPair(pair.name, pair.image_rgb, pair.map_rgb, truth, pair.image_xy, pair.map_xy, pair.scene)


def _lettered(folder: Path, pictures: dict[str, Path], prefix: str) -> Iterator[MatchingPair]:
    """Pairs of the review's database in a folder."""
    for name, first in pictures.items():
        match = FIRST.match(name)
        second = pictures.get(f"{name[:-1]}b")
        if match is None or second is None:
            continue
        stem = match["stem"]
        mats = (folder / f"{stem}.mat", folder / f"{stem.replace('_', '')}.mat")  # VisionCS_0a goes with VisionCS0.mat
        mat = next((path for path in mats if path.is_file()), None)
        truth, map_xy, image_xy = _of_mat(mat) if mat is not None else (None, None, None)
        scene = prefix.rstrip("/")
        yield MatchingPair(prefix + stem, read_rgb(first), read_rgb(second), truth, map_xy, image_xy, scene)


def _numbered(folder: Path, pictures: dict[str, Path], name: str) -> Iterator[MatchingPair]:
    """The pair of a folder of its own."""
    if not {"pair1", "pair2"} <= set(pictures):
        return
    truth = map_xy = image_xy = None
    if (mat := folder / "landmarks.mat").is_file():
        truth, map_xy, image_xy = _of_mat(mat)
    for path in (folder / "landmarks.csv", folder / "landmarks.txt"):
        if path.is_file():
            both = from_origin(read_landmarks(path), OPENCV)
            map_xy, image_xy = both[:, :2], both[:, 2:]
    if (matrix := folder / "homography.txt").is_file():
        truth = read_homography(matrix)
    yield MatchingPair(name, read_rgb(pictures["pair1"]), read_rgb(pictures["pair2"]), truth, map_xy, image_xy, name)


def _of_mat(path: Path) -> tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None]:
    """Truth from the fixed to the moving picture, and the landmarks of both."""
    said = read_mat_truth(path)
    truth = None
    if said.moving_to_fixed is not None:
        truth = np.linalg.inv(matrix_from_origin(said.moving_to_fixed, MATLAB))
        truth = truth / truth[2, 2]
    if said.landmarks is None:
        return truth, None, None
    both = from_origin(said.landmarks, MATLAB)
    return truth, both[:, :2], both[:, 2:]
