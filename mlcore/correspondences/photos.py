"""Where a photograph lies on an image of the ground or a drawn map, where about where is known or little is searched.

Squares of the ground, nearest to where the photograph should be first, are matched with the whole photograph at any
angle; what chance does not explain is refined by parts of the photograph, each matched about where it should lie.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from mlcore.correspondences.hybrid.pictures import Box, LargePicture, Placing, seen_through
from mlcore.correspondences.hybrid.views import FREE_SPAN, LEAST_SEEN, ROOM, SMALLEST, STEP, view
from mlcore.correspondences.matches import Matcher, Matches
from mlcore.correspondences.robust import Registration, register
from mlcore.correspondences.search import SearchRange
from mlcore.errors import InvalidInputError
from mlcore.geometry.transform import Transform
from mlcore.progress import Progress, stop_if_asked

VIEW_PX = 512
PARTS = 3
"""The photograph's longer side is refined in so many parts."""
AGREE_PX = 3.0
"""Of a part's VIEW_PX: how near points lie that agree with the whole."""
BEYOND_DOUBT = -25.0
"""log10 of how many such fits chance gives: nothing looked at later will be better."""
SPAN = FREE_SPAN / SMALLEST
"""By how much a photograph's size may be wrong and it is found in one look."""


class HeldPicture:
    """A picture that is held in memory.

    Args:
        rgb: (H, W, 3) uint8; valid: (H, W) bool.
    """

    def __init__(self, rgb: np.ndarray, valid: np.ndarray) -> None:
        self.rgb, self.valid = rgb, valid
        self.height, self.width = rgb.shape[:2]
        self.to_mercator: Placing | None = None

    def read(self, box: Box, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
        left, top, right, bottom = box
        way = cv2.INTER_AREA if width < right - left else cv2.INTER_LINEAR
        rgb = cv2.resize(self.rgb[top:bottom, left:right], (width, height), interpolation=way)
        seen = self.valid[top:bottom, left:right].astype(np.uint8)
        valid = cv2.resize(seen, (width, height), interpolation=cv2.INTER_NEAREST) > 0
        return np.where(valid[..., None], rgb, np.uint8(0)), valid


class Free(Protocol):
    """Makes the matcher that finds a photograph within a range of angles and sizes."""

    def __call__(self, reach: SearchRange) -> Matcher: ...


@dataclass(frozen=True)
class Sought:
    """What is known of a photograph before it is looked for; metres are those of the ground's pixels, not of Earth.

    Attributes:
        middle_xy: (2,) pixels of the ground about which it lies; None: anywhere.
        reach_px: how far off that may be.
        scale: pixels of the ground per pixel of the photograph; None: between `scales`.
        turns_deg: by how much, clockwise, the photograph is turned before it is looked for, one after the other: by its
            heading where that is known, since maps are drawn, and matchers taught, with north above. From each all
            angles are tried.
        tries: looks at most.
    """

    middle_xy: np.ndarray | None
    reach_px: float
    scale: float | None
    scales: tuple[float, float]
    turns_deg: tuple[float, ...] = (0.0,)
    tries: int = 120


@dataclass(frozen=True)
class PhotoFit:
    """Where a photograph was found.

    Attributes:
        transform: homography from pixels of the photograph to pixels of the ground, with its covariance.
        photo_xy, ground_xy: (K, 2) the points it stands on; confidence: (K,).
        log10_nfa: of fits by chance as good, over one look; looks: how many there were.
        needed: points that would have to agree at least; asked: how many were compared.
        rmse_px: of the points, in pixels of the ground.
    """

    transform: Transform
    photo_xy: np.ndarray
    ground_xy: np.ndarray
    confidence: np.ndarray
    log10_nfa: float
    looks: int
    needed: int
    asked: int
    rmse_px: float

    @property
    def probability(self) -> float:
        """That it is no work of chance, over all looks."""
        return float(1 / (1 + self.looks * 10.0 ** min(self.log10_nfa, 3.0)))


def find_photo(
    photo: LargePicture, ground: LargePicture, sought: Sought, free: Free, near: Matcher, progress: Progress
) -> PhotoFit | None:
    """The best place of a photograph on the ground; None where nothing is better than chance.

    Raises:
        StoppedError: asked to stop.
    """
    long = max(photo.width, photo.height)
    shown = []
    for turn in sought.turns_deg:
        to_photo_view = _turned(turn) @ view(photo.width / 2, photo.height / 2, long)
        shown.append((to_photo_view, seen_through(photo, to_photo_view, VIEW_PX)[0]))
    matcher = free(SearchRange(180.0, (SMALLEST, FREE_SPAN)))
    best: tuple[float, Transform, Registration, np.ndarray, np.ndarray] | None = None
    looks = 0
    for x, y, side in _looks(ground, long, sought):
        to_view = view(x, y, side)
        rgb, valid = seen_through(ground, to_view, VIEW_PX)
        if valid.mean() < LEAST_SEEN / 2:
            continue
        for to_photo_view, photo_rgb in shown:
            stop_if_asked(progress)
            looks += 1
            progress.report(min(0.95, looks / sought.tries), f"look {looks} of {sought.tries} at most")
            found = register(matcher.match(photo_rgb, rgb), (VIEW_PX, VIEW_PX), kinds=("similarity", "affine"))
            if found.transform is not None and (best is None or found.log10_nfa < best[0]):
                whole = _joined(to_view, found.transform, to_photo_view)
                best = found.log10_nfa, whole, found, to_photo_view, to_view
        if looks >= sought.tries or (best is not None and best[0] <= BEYOND_DOUBT):
            break
    if best is None:
        return None
    nfa, transform, found, to_photo_view, to_view = best
    refined = _refined(photo, ground, transform, near, progress)
    if refined is not None:
        transform, found = refined
        photo_xy, ground_xy = found.matches.map_xy[found.inliers], found.matches.image_xy[found.inliers]
    else:
        agree = found.matches.only(found.inliers)
        photo_xy = _moved(np.linalg.inv(to_photo_view), agree.map_xy)
        ground_xy = _moved(np.linalg.inv(to_view), agree.image_xy)
    off = np.linalg.norm(transform.apply(photo_xy) - ground_xy, axis=1)
    return PhotoFit(
        transform, photo_xy, ground_xy, found.matches.confidence[found.inliers], min(nfa, found.log10_nfa), looks,
        found.needed_inliers, len(found.matches), float(np.sqrt((off**2).mean())),
    )  # fmt: skip


def _looks(ground: LargePicture, long: float, sought: Sought) -> Iterator[tuple[float, float, float]]:
    """Middle and side of squares of the ground, in its pixels; the nearest first, of sizes in turn."""
    if sought.scale is not None:
        sides = [long * sought.scale * ROOM]
    else:
        low, high = sought.scales
        count = max(1, math.ceil(math.log(high / low) / math.log(SPAN)))
        sides = [long * ROOM * low * (high / low) ** ((number + 0.5) / count) for number in range(count)]
    whole = np.array([ground.width, ground.height]) / 2
    middle = whole if sought.middle_xy is None else sought.middle_xy
    reach = math.hypot(*whole) if sought.middle_xy is None else sought.reach_px
    found = []
    for side in sides:
        step = STEP * side
        around = math.ceil(min(reach, math.hypot(*whole) * 2) / step)
        for row in range(-around, around + 1):
            for column in range(-around, around + 1):
                x, y = middle[0] + column * step, middle[1] + row * step
                distance = math.hypot(column, row) * step
                inside = -step <= x <= ground.width + step and -step <= y <= ground.height + step
                if inside and distance <= reach + step:
                    found.append((round(distance / side, 2), side, float(x), float(y)))
    for _, side, x, y in sorted(found):
        yield x, y, side


def _refined(
    photo: LargePicture, ground: LargePicture, coarse: Transform, near: Matcher, progress: Progress
) -> tuple[Transform, Registration] | None:
    """The homography of points of all parts of the photograph; None where they do not agree."""
    side = max(photo.width, photo.height) / PARTS
    taken: list[Matches] = []
    a, c = coarse.matrix[0, 0], coarse.matrix[1, 0]
    alike = _turned(math.degrees(math.atan2(c, a)))  # maps are drawn, and matchers taught, with north above
    for x, y in _parts(photo, side):
        stop_if_asked(progress)
        to_photo = alike @ view(x, y, side)
        rgb, valid = seen_through(photo, to_photo, VIEW_PX)
        try:
            other, seen = seen_through(ground, to_photo @ np.linalg.inv(coarse.matrix), VIEW_PX)
        except np.linalg.LinAlgError:
            return None
        if min(valid.mean(), seen.mean()) < LEAST_SEEN:
            continue
        found = register(near.match(rgb, other), (VIEW_PX, VIEW_PX))
        if found.transform is None:
            continue
        agree = found.matches.only(found.inliers)
        photo_xy = _moved(np.linalg.inv(to_photo), agree.map_xy)
        ground_xy = _moved(coarse.matrix @ np.linalg.inv(to_photo), agree.image_xy)
        grow = math.sqrt(abs(np.linalg.det(coarse.matrix[:2, :2]))) * side / VIEW_PX
        taken.append(Matches(photo_xy, ground_xy, agree.confidence, max(agree.reach_px2, 1.0) * grow**2))
    if not taken:
        return None
    grow = math.sqrt(abs(np.linalg.det(coarse.matrix[:2, :2]))) * side / VIEW_PX
    whole = Matches(
        np.concatenate([one.map_xy for one in taken]),
        np.concatenate([one.image_xy for one in taken]),
        np.concatenate([one.confidence for one in taken]),
        max(one.reach_px2 for one in taken),
    )
    # Seen in a frame of about the ground's pixels, so that what is sane of a map is sane here.
    scale = math.sqrt(abs(np.linalg.det(coarse.matrix[:2, :2])))
    enlarged = Matches(whole.map_xy * scale, whole.image_xy, whole.confidence, whole.reach_px2)
    size = (math.ceil(photo.width * scale), math.ceil(photo.height * scale))
    found = register(enlarged, size, kinds=("similarity", "affine", "homography"), threshold_px=AGREE_PX * grow)
    if found.transform is None or len(taken) < 2:
        return None
    transform = _joined(np.eye(3), found.transform, np.diag([scale, scale, 1.0]))
    return transform, Registration(transform, whole, found.inliers, found.log10_nfa, found.needed_inliers)


def _turned(degrees: float) -> np.ndarray:
    """(3, 3) that turns a view about its middle, clockwise as it is seen."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    half = VIEW_PX / 2
    return np.array(
        [[cos, -sin, half - cos * half + sin * half], [sin, cos, half - sin * half - cos * half], [0, 0, 1.0]]
    )


def _parts(photo: LargePicture, side: float) -> list[tuple[float, float]]:
    axes = []
    for length in (photo.width, photo.height):
        count = max(1, round(length / side))
        axes.append([length * (number + 0.5) / count for number in range(count)])
    return [(x, y) for y in axes[1] for x in axes[0]]


def _joined(to_view: np.ndarray, found: Transform, to_photo_view: np.ndarray) -> Transform:
    """From photograph to ground, of a transform between their views; the covariance comes along by first order."""
    whole = found.as_kind("homography")

    def joined(parameters: np.ndarray) -> np.ndarray:
        matrix = np.linalg.inv(to_view) @ np.append(parameters, 1.0).reshape(3, 3) @ to_photo_view
        if abs(matrix[2, 2]) < 1e-12:
            raise InvalidInputError("the photograph reaches beyond the horizon")
        return np.asarray((matrix / matrix[2, 2]).ravel()[:8])

    middle = joined(whole.parameters)
    steps = 1e-6 * np.maximum(np.abs(whole.parameters), 1e-6)
    jacobian = np.column_stack(
        [
            (joined(whole.parameters + step * unit) - joined(whole.parameters - step * unit)) / (2 * step)
            for step, unit in zip(steps, np.eye(8), strict=True)
        ]
    )
    return Transform("homography", middle, jacobian @ whole.covariance @ jacobian.T)


def _moved(matrix: np.ndarray, xy: np.ndarray) -> np.ndarray:
    places = np.column_stack([xy, np.ones(len(xy))]) @ matrix.T
    return np.asarray(places[:, :2] / places[:, 2:])
