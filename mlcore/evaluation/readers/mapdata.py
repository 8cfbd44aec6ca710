"""MapData as it is published, and pairs laid out like it.

Source: the README of MapData (github.com/PeihaoWu/MapGlue). Every sampling point has a folder, in it up to three, each
with pictures of 512 px of the same names in `L` and `R`; in its samples the maps are in `L`:

    MapData/001/1/L/NAME.png   MapData/001/1/R/NAME.png        or        L/NAME.png   R/NAME.png   [H/NAME.txt]

The published pairs are aligned, so their truth is that nothing moves. Pairs of `write_pair` bring their homography from
map to image in `H`. `map` and `image`, with `homography`, may stand for `L`, `R` and `H`. A folder right below the one
that is given, such as a sampling point's, is a scene of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np

from mlcore.correspondences.exchange.pairs import read_homography
from mlcore.errors import InvalidInputError
from mlcore.evaluation.readers.crops import by_stem
from mlcore.evaluation.readers.matching_pairs import MatchingPair, read_rgb

SIDES = (("L", "R", "H"), ("map", "image", "homography"))
DEPTH = 3
MOST_FOLDERS = 20_000


def read_mapdata(root: Path) -> Iterator[MatchingPair]:
    """All pairs of a folder, read one by one, by the names of their folders and files.

    Raises:
        InvalidInputError: there is no pair, a picture has no other one, or two without a homography differ in size.
    """
    found = False
    for folder, (maps, images, homographies) in _places(root):
        drawn, seen = by_stem(folder / maps), by_stem(folder / images)
        if lone := sorted(set(drawn) ^ set(seen)):
            raise InvalidInputError(f"{lone[0]} is in only one of {maps} and {images} of {folder}: fetch the set again")
        for name in sorted(drawn):
            found = True
            below = folder.relative_to(root)
            pair = _pair(f"{below / name}", drawn[name], seen[name], folder / homographies)
            yield replace(pair, scene=below.parts[0] if below.parts else "")
    if not found:
        raise InvalidInputError(f"{root} holds no pairs in L and R (or map and image): give the data set's own folder")


def _pair(name: str, drawn: Path, seen: Path, homographies: Path) -> MatchingPair:
    map_rgb, image_rgb, beside = read_rgb(drawn), read_rgb(seen), homographies / f"{drawn.stem}.txt"
    if beside.is_file():
        return MatchingPair(name, map_rgb, image_rgb, read_homography(beside))
    if map_rgb.shape != image_rgb.shape:
        raise InvalidInputError(f"{name} has pictures of two sizes and no homography: put one into {homographies.name}")
    return MatchingPair(name, map_rgb, image_rgb, np.eye(3))


def _places(root: Path) -> Iterator[tuple[Path, tuple[str, str, str]]]:
    """Folders with both sides, the root or below it."""
    if not root.is_dir():
        raise InvalidInputError(f"there is no folder {root}: give the data set's own folder")
    below = [root, *(path for depth in range(1, DEPTH) for path in sorted(root.glob("/".join("*" * depth))))]
    for folder in islice((path for path in below if path.is_dir() and not path.is_symlink()), MOST_FOLDERS):
        yield from ((folder, sides) for sides in SIDES if all((folder / side).is_dir() for side in sides[:2]))
