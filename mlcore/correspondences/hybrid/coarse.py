"""Coarse: one homography from a large map to a large image, by a georeference, by points, or by looking for it.

A map without a georeference is looked for in views: squares of both pictures, from the whole to quarters, each shown at
512 px. What a pair of views says is believed once windows all over the map, matched about where it puts them, agree on
one homography.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mlcore.correspondences.hybrid.cleaning import edge_share
from mlcore.correspondences.hybrid.config import SIZE_PX, HybridConfig
from mlcore.correspondences.hybrid.pictures import LargePicture, seen_through
from mlcore.correspondences.matches import Matcher, Matches
from mlcore.correspondences.robust import register, residuals, robust_fit
from mlcore.errors import InvalidInputError
from mlcore.geometry.transform import Transform, fit
from mlcore.progress import Progress, SilentProgress, stop_if_asked

FoundBy = Literal["georeference", "points", "matching"]
LEAST_SEEN = 0.25
"""Share of a view with data on it, below which it is not matched."""
ACROSS = 4
"""The root of how many windows, at most, have to agree."""
CLOSER, GLANCE_PX = 3, 16
"""They are taken from a grid so many times as close, of where a glance at so many pixels shows that there is data."""
AGREE_PX = 4.0
"""Of a window's 512: how near its points lie to the homography that all windows agree on."""
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


@dataclass(frozen=True)
class Coarse:
    """Where the image shows the map, as a whole.

    Attributes:
        transform: homography from pixels of the map to pixels of the image.
        rmse_px: of the points that agree, pixels of the image; not a number where none were measured.
        windows, agreeing: how many windows could be matched, and how many of them agree.
    """

    transform: Transform
    found_by: FoundBy
    rmse_px: float
    windows: int
    agreeing: int


def find_coarse(
    image: LargePicture,
    drawn: LargePicture,
    matchers: Matchers,
    config: HybridConfig,
    *,
    given: Transform | None = None,
    progress: Progress | None = None,
) -> Coarse:
    """The homography of a map and an image, refined as far as windows agree on it.

    Args:
        given: a first one, from points of people; it goes before georeferences.

    Raises:
        InvalidInputError: the map was not found.
        StoppedError: asked to stop.
    """
    progress = progress or SilentProgress()
    start, by = given, "points"
    if start is None and image.to_mercator is not None and drawn.to_mercator is not None:
        start, by = _of_georeferences(image, drawn), "georeference"
    if start is not None:
        first = Coarse(start, "points" if by == "points" else "georeference", math.nan, 0, 0)
        return refined(image, drawn, first, matchers, config, progress) or first
    for number, (seed, side) in enumerate(_seeds(image, drawn, matchers, config, progress), 1):
        progress.report(0.0, f"place {number} is looked at")
        found = _agreed(image, drawn, Coarse(seed, "matching", math.nan, 0, 0), side, matchers, progress)
        if found is not None:
            return refined(image, drawn, found, matchers, config, progress, side / 2) or found
    raise InvalidInputError(
        "the map was not found in the image: set some points in QGIS and give them with --points, say with --ratio how "
        "many pixels of the image one of the map is, or try more views with --tries"
    )


def refined(
    image: LargePicture,
    drawn: LargePicture,
    coarse: Coarse,
    matchers: Matchers,
    config: HybridConfig,
    progress: Progress,
    side: float | None = None,
) -> Coarse | None:
    """The same from smaller and smaller windows, down to those of the set; None where not even the largest agree."""
    found, best = coarse, None
    side = max(side or 4.0 * config.side, config.side)
    while True:
        if (better := _agreed(image, drawn, found, side, matchers, progress)) is not None:
            found = best = better
        elif best is not None:
            return best
        if side <= config.side:
            return best
        side = max(side / 2, config.side)


def view(x: float, y: float, side: float) -> np.ndarray:
    """(3, 3) from a picture to the square of `side` about a place of it, shown at SIZE_PX."""
    grow = SIZE_PX / side
    return np.array([[grow, 0, SIZE_PX / 2 - x * grow], [0, grow, SIZE_PX / 2 - y * grow], [0, 0, 1.0]])


def _of_georeferences(image: LargePicture, drawn: LargePicture) -> Transform:
    if image.to_mercator is None or drawn.to_mercator is None:
        raise InvalidInputError("both pictures need a georeference")
    x, y = (np.linspace(0, size, 8) for size in (image.width, image.height))
    image_xy = np.array([(one, other) for one in x for other in y])
    ground = image.to_mercator(image_xy)
    corners = np.array([[0, 0], [drawn.width, 0], [0, drawn.height], [drawn.width, drawn.height]], np.float64)
    to_ground = fit("homography", corners, drawn.to_mercator(corners), 1.0)
    return fit("homography", to_ground.inverse().apply(ground), image_xy)


def _seeds(
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
                    yield _homography(matrix), side
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


def _agreed(
    image: LargePicture, drawn: LargePicture, coarse: Coarse, side: float, matchers: Matchers, progress: Progress
) -> Coarse | None:
    """The homography that windows of this side agree on, about where a first one puts them."""
    taken: list[Matches] = []
    looked = 0
    for x, y in _spread(image, drawn, coarse.transform, side):
        stop_if_asked(progress)
        to_image = view(x, y, side)
        to_map = to_image @ coarse.transform.matrix
        (map_rgb, map_valid), (rgb, valid) = (
            seen_through(one, matrix, SIZE_PX) for one, matrix in ((drawn, to_map), (image, to_image))
        )
        if min(map_valid.mean(), valid.mean()) < LEAST_SEEN or edge_share(map_rgb, map_valid) == 0:
            continue
        looked += 1
        found = register(matchers.near.match(map_rgb, rgb), (SIZE_PX, SIZE_PX))
        if found.transform is not None:
            agree = found.matches.only(found.inliers)
            taken.append(
                Matches(_moved(to_map, agree.map_xy), _moved(to_image, agree.image_xy), agree.confidence, side**2)
            )
    if not taken or len(taken) < min(3, looked):
        return None
    reach_px = AGREE_PX * side / SIZE_PX
    whole = Matches(
        np.concatenate([one.map_xy for one in taken]),
        np.concatenate([one.image_xy for one in taken]),
        np.concatenate([one.confidence for one in taken]),
        side**2,
    )
    fitted = robust_fit("homography", whole, reach_px)
    if fitted is None:
        return None
    transform, inliers = fitted
    agreeing = sum(int((residuals(transform, one) <= reach_px).mean() >= 0.5) for one in taken)
    if agreeing < max(1, math.ceil(len(taken) / 2)):
        return None
    off = residuals(transform, whole.only(inliers))
    return Coarse(transform, coarse.found_by, float(np.sqrt((off**2).mean())), looked, agreeing)


def _spread(image: LargePicture, drawn: LargePicture, transform: Transform, side: float) -> list[tuple[float, float]]:
    """Middles of windows all over the part of the image that the map covers, where the image has data."""
    corners = np.array([[0, 0], [drawn.width, 0], [drawn.width, drawn.height], [0, drawn.height]], np.float64)
    try:
        seen = transform.apply(corners)
    except InvalidInputError:  # beyond the horizon
        return []
    low = np.clip(seen.min(axis=0), 0, [image.width, image.height])
    high = np.clip(seen.max(axis=0), 0, [image.width, image.height])
    if (high - low).min() < side / 8:
        return []
    axes = []
    for start, stop in zip(low, high, strict=True):
        count = int(np.clip(round((stop - start) / side), 1, CLOSER * ACROSS))
        axes.append([float(start + (stop - start) * (number + 0.5) / count) for number in range(count)])
    places = [(x, y) for y in axes[1] for x in axes[0]]
    glance = np.diag([GLANCE_PX / SIZE_PX, GLANCE_PX / SIZE_PX, 1.0])
    shown = [one for one in places if seen_through(image, glance @ view(*one, side), GLANCE_PX)[1].mean() >= LEAST_SEEN]
    chosen = np.unique(np.linspace(0, len(shown) - 1, min(len(shown), ACROSS**2)).round().astype(int))
    return [shown[number] for number in chosen.tolist()]


def _moved(matrix: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """Points of a view back in its picture."""
    back = np.column_stack([xy, np.ones(len(xy))]) @ np.linalg.inv(matrix).T
    return np.asarray(back[:, :2] / back[:, 2:])


def _homography(matrix: np.ndarray) -> Transform:
    return Transform("homography", (matrix / matrix[2, 2]).ravel()[:8], np.zeros((8, 8)))
