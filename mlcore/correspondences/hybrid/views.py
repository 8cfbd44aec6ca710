"""Views: squares of both pictures, each shown at 512 px, in which a map without a georeference is looked for."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mlcore.correspondences.hybrid.cleaning import edge_share
from mlcore.correspondences.hybrid.config import SIZE_PX, HybridConfig
from mlcore.correspondences.hybrid.pictures import LargePicture, seen_through
from mlcore.correspondences.matches import Matcher
from mlcore.correspondences.robust import register
from mlcore.geometry.transform import Transform
from mlcore.progress import Progress, stop_if_asked

LEAST_SEEN = 0.25
"""Share of a view with data on it, below which it is not matched."""
MAP_VIEWS = 2
LEVELS = ((0, 0), (1, 0), (1, 1), (0, 1), (2, 1), (2, 0), (2, 2), (3, 0), (3, 1), (3, 2), (4, 0))
"""How often image and map are halved, in the order in which they are tried."""
STEP = 0.3
"""Of views, in sides: one whose middle lies farther off is hardly found."""
ROOM = 1.3
"""By how much a view of the image is larger than that of the map, where both can be known."""
SMALLEST, FREE_SPAN = 0.65, 1.45
"""A free matcher finds a map at so many times the size at which it is shown."""


@dataclass(frozen=True)
class Matchers:
    """Who matches.

    Attributes:
        free: finds a view at any angle; near: finds a window that is nearly placed.
        name, digest: of both, for the proposals: the matcher and the SHA-256 of its weights.
    """

    free: Matcher
    near: Matcher
    name: str
    digest: str


def view(x: float, y: float, side: float) -> np.ndarray:
    """(3, 3) from a picture to the square of `side` about a place of it, shown at SIZE_PX."""
    grow = SIZE_PX / side
    return np.array([[grow, 0, SIZE_PX / 2 - x * grow], [0, grow, SIZE_PX / 2 - y * grow], [0, 0, 1.0]])


def seeds(
    image: LargePicture, drawn: LargePicture, matchers: Matchers, config: HybridConfig, progress: Progress
) -> Iterator[tuple[Transform, float]]:
    """Similarities that pairs of views suggest, with the side of the image's view."""
    tries = 0
    for side, map_side in _view_sides(image, drawn, config):
        for map_matrix, map_rgb in _richest(drawn, map_side):
            for image_matrix in _from_the_middle(image, side):
                image_rgb, valid = seen_through(image, image_matrix, SIZE_PX)
                if valid.mean() < LEAST_SEEN * min(1.0, image.width / side, image.height / side):
                    continue
                stop_if_asked(progress)
                tries += 1
                progress.report(0.0, f"view {tries} of {config.tries} at most is matched")
                matches = matchers.free.match(map_rgb, image_rgb)
                found = register(matches, (SIZE_PX, SIZE_PX), kinds=("similarity",))
                if found.transform is not None:
                    matrix = np.linalg.inv(image_matrix) @ found.transform.matrix @ map_matrix
                    yield homography_of(matrix), side
                if tries >= config.tries:
                    return


def _view_sides(image: LargePicture, drawn: LargePicture, config: HybridConfig) -> Iterator[tuple[float, float]]:
    """Sides of the views of image and map, from the whole to small parts."""
    long_image, long_map = max(image.width, image.height), max(drawn.width, drawn.height)
    for halved_image, halved_map in LEVELS:
        side, map_side = long_image / 2**halved_image, long_map / 2**halved_map
        if max(side, map_side) < config.side / 2:
            return
        if config.ratio is None:
            yield side, map_side
        elif halved_map == 0:
            map_side = min(long_map, side / (ROOM * config.ratio))
            if map_side * config.ratio / side >= SMALLEST:
                yield side, map_side


def _richest(drawn: LargePicture, side: float) -> list[tuple[np.ndarray, np.ndarray]]:
    """The views of a map that show most."""
    found = []
    for matrix in _from_the_middle(drawn, side):
        rgb, valid = seen_through(drawn, matrix, SIZE_PX)
        found.append((edge_share(rgb, valid) * valid.mean(), matrix, rgb))
    found.sort(key=lambda one: -one[0])
    return [(matrix, rgb) for share, matrix, rgb in found[:MAP_VIEWS] if share > 0]


def _from_the_middle(picture: LargePicture, side: float) -> list[np.ndarray]:
    """Matrices of views all over a picture, those in its middle first."""
    places = [(x, y) for y in _middles(picture.height, side) for x in _middles(picture.width, side)]
    places.sort(key=lambda one: math.hypot(one[0] - picture.width / 2, one[1] - picture.height / 2))
    return [view(x, y, side) for x, y in places]


def _middles(length: float, side: float) -> list[float]:
    if length <= side:
        return [length / 2]
    count = math.ceil((length - side) / (STEP * side)) + 1
    return [float(one) for one in np.linspace(side / 2, length - side / 2, count)]


def homography_of(matrix: np.ndarray) -> Transform:
    """A (3, 3) as a homography whose covariance nobody knows."""
    return Transform("homography", (matrix / matrix[2, 2]).ravel()[:8], np.zeros((8, 8)))
