"""Coarse: one homography from a large map to a large image, by a georeference, by points, or by looking for it.

A map without a georeference is looked for in views: squares of both pictures, from the whole to quarters, each shown at
512 px. What a pair of views says is believed once windows all over the map, matched about where it puts them, agree on
one homography.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mlcore.correspondences.hybrid.cleaning import edge_share
from mlcore.correspondences.hybrid.config import SIZE_PX, HybridConfig
from mlcore.correspondences.hybrid.pictures import LargePicture, seen_through
from mlcore.correspondences.hybrid.views import LEAST_SEEN, Matchers, homography_of, seeds, view
from mlcore.correspondences.matches import Matches
from mlcore.correspondences.robust import register, residuals, robust_fit
from mlcore.errors import InvalidInputError
from mlcore.geometry.transform import Transform, TransformKind, fit
from mlcore.progress import Progress, SilentProgress, stop_if_asked

FoundBy = Literal["georeference", "points", "matching"]
ACROSS = 4
"""The root of how many windows, at most, have to agree."""
CLOSER, GLANCE_PX = 3, 16
"""They are taken from a grid so many times as close, of where a glance at so many pixels shows that there is data."""
AGREE_PX = 4.0
"""Of a window's 512: how near its points lie to the homography that all windows agree on."""
BY_WINDOWS: tuple[tuple[float, TransformKind], ...] = (
    (1, "shift"),
    (3, "similarity"),
    (5, "affine"),
    (math.inf, "homography"),
)
"""How a first homography is corrected by so many windows at most."""


@dataclass(frozen=True)
class Coarse:
    """Where the image shows the map, as a whole.

    Attributes:
        transform: homography from pixels of the map to pixels of the image; without a covariance where fewer than six
            windows were matched.
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
    for number, (seed, side) in enumerate(seeds(image, drawn, matchers, config, progress), 1):
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


def _of_georeferences(image: LargePicture, drawn: LargePicture) -> Transform:
    if image.to_mercator is None or drawn.to_mercator is None:
        raise InvalidInputError("both pictures need a georeference")
    x, y = (np.linspace(0, size, 8) for size in (image.width, image.height))
    image_xy = np.array([(one, other) for one in x for other in y])
    ground = image.to_mercator(image_xy)
    corners = np.array([[0, 0], [drawn.width, 0], [0, drawn.height], [drawn.width, drawn.height]], np.float64)
    to_ground = fit("homography", corners, drawn.to_mercator(corners), 1.0)
    return fit("homography", to_ground.inverse().apply(ground), image_xy)


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
    fitted = _refitted(coarse.transform, whole, len(taken), reach_px)
    if fitted is None:
        return None
    transform, inliers = fitted
    agreeing = sum(int((residuals(transform, one) <= reach_px).mean() >= 0.5) for one in taken)
    if agreeing < max(1, math.ceil(len(taken) / 2)):
        return None
    off = residuals(transform, whole.only(inliers))
    return Coarse(transform, coarse.found_by, float(np.sqrt((off**2).mean())), looked, agreeing)


def _refitted(before: Transform, whole: Matches, windows: int, reach_px: float) -> tuple[Transform, np.ndarray] | None:
    """The homography of the points of many windows; of few, the one before, moved as they can tell.

    Few windows lie in a part of the picture, and a homography of theirs alone goes astray elsewhere.
    """
    kind = next(kind for most, kind in BY_WINDOWS if windows <= most)
    if kind == "homography":
        return robust_fit(kind, whole, reach_px)
    placed = Matches(before.apply(whole.map_xy), whole.image_xy, whole.confidence, whole.reach_px2)
    fitted = robust_fit(kind, placed, reach_px)
    if fitted is None:
        return None
    correction, inliers = fitted
    return homography_of(correction.matrix @ before.matrix), inliers


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
