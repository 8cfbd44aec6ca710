"""Fine: one window of a set, cut from both pictures about where the coarse homography puts it, and matched."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mlcore.correspondences.hybrid.cleaning import Fingerprints, broken_rule, fingerprint
from mlcore.correspondences.hybrid.coarse import Coarse
from mlcore.correspondences.hybrid.config import SIZE_PX, HybridConfig
from mlcore.correspondences.hybrid.pictures import LargePicture, seen_through
from mlcore.correspondences.hybrid.sampling import SamplingPoint
from mlcore.correspondences.hybrid.views import Matchers, view
from mlcore.correspondences.robust import Registration, register
from mlcore.geometry.transform import Transform

CORNERS = np.array([[0, 0], [SIZE_PX, 0], [SIZE_PX, SIZE_PX], [0, SIZE_PX]], np.float64)
MIDDLE = np.full((1, 2), SIZE_PX / 2)
NEIGHBOURS, LEAST_NEIGHBOURS = 6, 3
MOST_POINTS = 60
"""So many points of a pair are kept; its transform stands on all of them."""
GLANCE_PX = 1024
"""Side at which both pictures are looked at as a whole."""


@dataclass(frozen=True)
class Proposal:
    """What became of a sampling point: the rule that it broke, or a transform.

    Attributes:
        rule: one of `cleaning.RULES`; empty for a window that is proposed.
        transform: from the map's window to the image's, pixels at 512 px; None where a rule is broken.
        prints: fingerprints of map and image, for windows that came so far.
        points: (N, 5) x and y on the map, x and y in the image, pixels at 512 px, and confidence 0..1: the surest of
            the points that agree with the transform.
    """

    number: int
    rule: str = ""
    transform: Transform | None = None
    inliers: int = 0
    needed_inliers: int = 0
    log10_nfa: float = 0.0
    rmse_px: float = 0.0
    prints: tuple[int, int] | None = None
    points: np.ndarray = field(default_factory=lambda: np.zeros((0, 5)))

    def to_json(self) -> dict[str, Any]:
        """JSON types, as a journal keeps them."""
        told: dict[str, Any] = {"number": self.number, "rule": self.rule, "prints": self.prints}
        if self.transform is None:
            return told
        return told | {
            "kind": self.transform.kind,
            "parameters": self.transform.parameters.tolist(),
            "covariance": self.transform.covariance.tolist(),
            "inliers": self.inliers,
            "needed_inliers": self.needed_inliers,
            "log10_nfa": self.log10_nfa,
            "rmse_px": self.rmse_px,
            "points": self.points.round(3).tolist(),
        }

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> Proposal:
        """What `to_json` gave; KeyError, TypeError or ValueError for anything else."""
        prints = None if told["prints"] is None else (int(told["prints"][0]), int(told["prints"][1]))
        if "kind" not in told:
            return cls(int(told["number"]), str(told["rule"]), prints=prints)
        transform = Transform(told["kind"], np.array(told["parameters"]), np.array(told["covariance"]))
        measured = {name: told[name] for name in ("inliers", "needed_inliers", "log10_nfa", "rmse_px")}
        points = np.array(told.get("points", []), np.float64).reshape(-1, 5)
        return cls(int(told["number"]), str(told["rule"]), transform, prints=prints, points=points, **measured)


@dataclass(frozen=True)
class Cut:
    """A window of both pictures.

    Attributes:
        map, image: (512, 512, 3) uint8 and (512, 512) bool where it is valid.
        map_matrix, image_matrix: (3, 3) from each picture's pixels to those of the window.
    """

    map: tuple[np.ndarray, np.ndarray]
    image: tuple[np.ndarray, np.ndarray]
    map_matrix: np.ndarray
    image_matrix: np.ndarray

    def map_to_image(self, transform: Transform) -> np.ndarray:
        """(3, 3) from pixels of the whole map to pixels of the whole image, of a window's transform."""
        whole = np.linalg.inv(self.image_matrix) @ transform.matrix @ self.map_matrix
        return np.asarray(whole / whole[2, 2])


def cut(image: LargePicture, drawn: LargePicture, coarse: Coarse, point: SamplingPoint, side: int) -> Cut:
    """The window of a sampling point, the map's brought into the image's frame by the coarse homography."""
    to_image = view(point.left + side / 2, point.top + side / 2, side)
    to_map = to_image @ coarse.transform.matrix
    return Cut(seen_through(drawn, to_map, SIZE_PX), seen_through(image, to_image, SIZE_PX), to_map, to_image)


def proposed(
    window: Cut, point: SamplingPoint, matchers: Matchers, seen_before: Fingerprints, config: HybridConfig
) -> Proposal:
    """A window held against the rules one by one, and matched."""
    if rule := broken_rule(window.map, window.image, config):
        return Proposal(point.number, rule)
    prints = fingerprint(window.map[0]), fingerprint(window.image[0])
    if seen_before.seen(prints, config.duplicate_bits):
        return Proposal(point.number, "duplicate")
    found = register(matchers.near.match(window.map[0], window.image[0]), (SIZE_PX, SIZE_PX))
    if found.transform is None:
        return Proposal(point.number, "no_match", prints=prints)
    if moved_px(found.transform) > config.most_offset_px:
        return Proposal(point.number, "implausible", prints=prints)
    return Proposal(
        point.number,
        transform=found.transform,
        inliers=int(found.inliers.sum()),
        needed_inliers=found.needed_inliers,
        log10_nfa=found.log10_nfa,
        rmse_px=found.rmse_px,
        prints=prints,
        points=_surest(found),
    )


def _surest(found: Registration) -> np.ndarray:
    agreeing = found.matches.only(found.inliers)
    kept = agreeing.only(np.sort(np.argsort(-agreeing.confidence, kind="stable")[:MOST_POINTS]))
    return np.column_stack([kept.map_xy, kept.image_xy, np.clip(kept.confidence, 0.0, 1.0)])


def with_data(
    image: LargePicture, drawn: LargePicture, coarse: Coarse, config: HybridConfig
) -> Callable[[np.ndarray], np.ndarray]:
    """Tells of windows' corners, at a glance of both pictures, where image and map have data."""
    long_side = max(image.width, image.height)
    whole = np.diag([GLANCE_PX / long_side, GLANCE_PX / long_side, 1.0])
    _, image_valid = seen_through(image, whole, GLANCE_PX)
    _, map_valid = seen_through(drawn, whole @ coarse.transform.matrix, GLANCE_PX)
    sums = np.pad(np.cumsum(np.cumsum(image_valid & map_valid, axis=0), axis=1), [(1, 0), (1, 0)])

    def usable(corners: np.ndarray) -> np.ndarray:
        low = np.floor(corners * whole[0, 0]).astype(int)
        high = np.maximum(np.ceil((corners + config.side) * whole[0, 0]).astype(int), low + 1)
        high = np.minimum(high, GLANCE_PX)
        (x0, y0), (x1, y1) = low.T, high.T
        inside = sums[y1, x1] - sums[y0, x1] - sums[y1, x0] + sums[y0, x0]
        return np.asarray(inside >= config.least_valid * (x1 - x0) * (y1 - y0))

    return usable


def moved_px(transform: Transform) -> float:
    """How far the corner that is moved most is moved."""
    return float(np.linalg.norm(transform.apply(CORNERS) - CORNERS, axis=1).max())


def unlike_neighbours(proposals: Sequence[Proposal], points: Sequence[SamplingPoint], config: HybridConfig) -> set[int]:
    """Numbers of the windows whose middle is not moved as those of the windows about them.

    A window with fewer than three neighbours can't be told.
    """
    there = [one for one in proposals if one.transform is not None]
    if len(there) <= LEAST_NEIGHBOURS:
        return set()
    places = np.array([(points[one.number].left, points[one.number].top) for one in there], np.float64)
    moves = np.array([(one.transform.apply(MIDDLE) - MIDDLE)[0] for one in there if one.transform is not None])
    reach = 3 * config.side * max(1.0, config.stride)
    unlike = set()
    for place, one in enumerate(there):
        apart = np.linalg.norm(places - places[place], axis=1)
        apart[place] = math.inf
        near = np.argsort(apart, kind="stable")[:NEIGHBOURS]
        near = near[apart[near] <= reach]
        if len(near) < LEAST_NEIGHBOURS:
            continue
        if np.linalg.norm(moves[place] - np.median(moves[near], axis=0)) > config.most_apart_px:
            unlike.add(one.number)
    return unlike
