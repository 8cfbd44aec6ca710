"""Streets, river and railway of a town: recursive cuts of the land, bent by a smooth warp where the town is old."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import cv2
import numpy as np
import shapely

from mlcore.synthetic.noise import Waves
from mlcore.synthetic.scene import Zone

MARGIN_M = 70.0
BLOCK_AREA_M2: dict[Zone, float] = {"core": 7500, "row": 8500, "detached": 11000, "industrial": 24000, "rural": 42000}
WIDTHS = (11.0, 9.0, 7.2, 6.0)
HIGHWAYS = ("primary", "secondary", "tertiary", "residential")


@dataclass
class Cut:
    """One road: a straight segment before the warp, with the junctions that later cuts made on it."""

    start: np.ndarray
    end: np.ndarray
    level: int
    junctions: list[np.ndarray] = field(default_factory=list)


@dataclass(frozen=True)
class Leaf:
    """A convex block before the warp; `roads[i]` is the cut along the edge from vertex i to i + 1, or -1."""

    ring: np.ndarray
    roads: list[int]


class Plan:
    """Zones and warp of a town: which kind of quarter lies where, and how crooked its streets are."""

    def __init__(self, rng: np.random.Generator, width_m: float, height_m: float) -> None:
        self.centre = np.array([width_m, height_m]) * rng.uniform(0.4, 0.6, 2)
        self.reach = 0.5 * max(width_m, height_m, 300.0)
        self.jitter = Waves(rng, 0.9 * self.reach)
        self.old = Waves(rng, 700.0, 3)
        self.bend = (Waves(rng, 330.0, 3), Waves(rng, 330.0, 3))
        self.industry = rng.uniform(0, 2 * np.pi)
        self.angle = rng.uniform(0.05, 1.5)

    def zone(self, xy: np.ndarray) -> Zone:
        dx, dy = np.asarray(xy) - self.centre
        distance = np.hypot(dx, dy) / self.reach + 0.16 * float(self.jitter(xy))
        turn = np.cos(np.arctan2(dy, dx) - self.industry)
        if distance > 0.45 and turn > 0.72 and distance < 1.15:
            return "industrial"
        if distance < 0.26:
            return "core"
        if distance < 0.48:
            return "row"
        return "detached" if distance < 1.12 else "rural"

    def warp(self, xy: np.ndarray) -> np.ndarray:
        """(..., 2) planned -> built: crooked in the old quarters, almost straight in the grid."""
        strength = 2.0 + 24.0 * np.clip(self.old(xy) * 1.4 + 0.35, 0, 1)
        return xy + np.stack([self.bend[0](xy), self.bend[1](xy)], axis=-1) * np.asarray(strength)[..., None]


def cut_land(
    rng: np.random.Generator, plan: Plan, width_m: float, height_m: float
) -> tuple[list[Cut], list[tuple[Leaf, Zone]]]:
    """Cut the land into blocks; every cut is a road."""
    half = 0.5 * np.hypot(width_m, height_m) + MARGIN_M
    c, s = np.cos(plan.angle), np.sin(plan.angle)
    square = np.array([(-half, -half), (half, -half), (half, half), (-half, half)]) @ np.array([[c, s], [-s, c]])
    window = shapely.box(-MARGIN_M, -MARGIN_M, width_m + MARGIN_M, height_m + MARGIN_M)
    cuts: list[Cut] = []
    leaves: list[tuple[Leaf, Zone]] = []
    stack = [(Leaf(square + np.array([width_m, height_m]) / 2, [-1] * 4), 0)]
    while stack:
        leaf, depth = stack.pop()
        polygon = shapely.Polygon(leaf.ring)
        if not polygon.intersects(window):
            continue
        middle = leaf.ring.mean(axis=0)
        zone = plan.zone(middle)
        if polygon.area < BLOCK_AREA_M2[zone] * rng.uniform(0.75, 1.5):
            leaves.append((leaf, zone))
            continue
        for child in _cut(rng, plan, leaf, cuts, depth):
            stack.append((child, depth + 1))
    return cuts, leaves


def _cut(rng: np.random.Generator, plan: Plan, leaf: Leaf, cuts: list[Cut], depth: int) -> list[Leaf]:
    (cx, cy), (w, h), angle = cv2.minAreaRect(leaf.ring.astype(np.float32))
    along = np.radians(angle if w >= h else angle + 90)
    crooked = float(np.clip(plan.old(np.array([cx, cy])) + 0.3, 0.05, 1))
    turn = along + rng.normal(0, 0.16 * crooked if depth > 1 else 0.05)
    axis = np.array([np.cos(turn), np.sin(turn)])
    point = np.array([cx, cy]) + axis * max(w, h) * rng.uniform(-0.13, 0.13)
    side = (leaf.ring - point) @ axis
    level = 0 if depth == 0 else 1 if depth < 3 else 2 if depth < 5 else 3
    index, n = len(cuts), len(side)
    halves: tuple[list, list] = ([], [])
    crossings: list[np.ndarray] = []
    for i in range(n):
        j = (i + 1) % n
        here = 0 if side[i] < 0 else 1
        halves[here].append((leaf.ring[i], leaf.roads[i]))
        if (side[i] < 0) != (side[j] < 0):
            x = leaf.ring[i] + (leaf.ring[j] - leaf.ring[i]) * side[i] / (side[i] - side[j])
            crossings.append(x)
            if leaf.roads[i] >= 0:
                cuts[leaf.roads[i]].junctions.append(x)
            halves[here].append((x, index))
            halves[1 - here].append((x, leaf.roads[i]))
    cuts.append(Cut(crossings[0], crossings[1], level))
    return [Leaf(np.array([p for p, _ in part]), [r for _, r in part]) for part in halves]


def built_line(cut: Cut, plan: Plan, step_m: float = 14.0) -> np.ndarray:
    """(n, 2) scene metres of a road's centre line through all its junctions, after the warp."""
    points = _densified(
        [cut.start, *sorted(cut.junctions, key=lambda p: float(np.hypot(*(p - cut.start)))), cut.end], step_m
    )
    return plan.warp(points)


def built_block(leaf: Leaf, plan: Plan) -> shapely.Polygon:
    """The block up to the centre lines of its roads, after the warp."""
    return shapely.Polygon(plan.warp(_densified([*leaf.ring, leaf.ring[0]], 14.0)[:-1])).buffer(0)


def _densified(points: list[np.ndarray], step_m: float) -> np.ndarray:
    out = []
    for a, b in pairwise(points):
        count = max(1, round(float(np.hypot(*(b - a))) / step_m))
        out.append(a + (b - a) * (np.arange(count) / count)[:, None])
    return np.concatenate([*out, points[-1][None]])


def crossing_curve(
    rng: np.random.Generator, width_m: float, height_m: float, wander_m: float, offset: float
) -> np.ndarray:
    """(n, 2) a curve right across the town, passing its middle at `offset` times its half size."""
    reach = 0.5 * np.hypot(width_m, height_m) + MARGIN_M
    s = np.arange(-reach, reach + 12.0, 12.0)
    swing = wander_m * (
        np.sin(s / rng.uniform(110, 170) + rng.uniform(0, 6)) + 0.6 * np.sin(s / 61 + rng.uniform(0, 6))
    )
    angle = rng.uniform(0, np.pi)
    c, n = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    middle = np.array([width_m, height_m]) / 2
    return middle + s[:, None] * c + (swing + offset * 0.5 * min(width_m, height_m))[:, None] * n
