"""The walls of a right-angled footprint: found on its simplified outline, fitted to the outline as it was traced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import shapely
import shapely.affinity
from shapely import Polygon

STEP_PX = 0.5  # of the points that walls are fitted to
ROUNDS = 3


@dataclass(frozen=True)
class Wall:
    """A straight run of the outline in a frame turned along the house.

    Attributes:
        across: runs along x; else along y.
        offset: its y if it runs along x, else its x, in pixels.
        length: in pixels.
    """

    across: bool
    offset: float
    length: float


def walls_of(flat: Polygon) -> list[Wall]:
    """Walls of an outline in the house's frame, in order; runs in one direction are one wall at their mean."""
    walls: list[Wall] = []
    for (x0, y0), (x1, y1) in pairwise(np.asarray(flat.exterior.coords)[:, :2]):
        across = bool(abs(x1 - x0) >= abs(y1 - y0))
        wall = Wall(across, float((y0 + y1) / 2 if across else (x0 + x1) / 2), float(np.hypot(x1 - x0, y1 - y0)))
        walls.append(_joined(walls.pop(), wall) if walls and walls[-1].across == across else wall)
    if len(walls) > 4 and walls[0].across == walls[-1].across:
        walls[0] = _joined(walls.pop(), walls[0])
    return walls


def _joined(first: Wall, second: Wall) -> Wall:
    length = first.length + second.length
    offset = (first.offset * first.length + second.offset * second.length) / max(length, 1e-9)
    return Wall(first.across, offset, length)


def corners_of(walls: Sequence[Wall]) -> np.ndarray:
    """(N, 2) corners in the house's frame; corner i ends wall i and starts the next."""
    return np.array(
        [
            (second.offset, first.offset) if first.across else (first.offset, second.offset)
            for first, second in zip(walls, [*walls[1:], *walls[:1]], strict=True)
        ]
    )


def measured(walls: Sequence[Wall]) -> list[Wall]:
    """The walls with the lengths that their neighbours leave them."""
    ends = corners_of(walls)
    lengths = np.hypot(*(ends - np.roll(ends, 1, axis=0)).T)
    return [replace(wall, length=float(length)) for wall, length in zip(walls, lengths, strict=True)]


def without_jogs(walls: Sequence[Wall], least_px: float) -> list[Wall]:
    """Steps shorter than `least_px` taken out, the shortest first: the walls beside each become one."""
    kept = measured(walls)
    while len(kept) > 4:
        at = min(range(len(kept)), key=lambda i: kept[i].length)
        if kept[at].length >= least_px:
            break
        kept = [*kept[at:], *kept[:at]]  # the step first, its neighbours second and last
        kept = measured([_joined(kept[-1], kept[1]), *kept[2:-1]])
    return kept


def fitted(
    traced: Polygon, angle: float, walls: Sequence[Wall], *, rounded_px: float, turn: bool = True
) -> tuple[float, list[Wall]]:
    """Turn and move the walls onto the traced outline: one angle for all, then each wall by itself.

    Args:
        traced: the outline in pixels, about the origin.
        angle: of the house's frame, radians.
        rounded_px: so far from a corner the outline is rounded and says little of the wall.
        turn: False keeps the angle.

    Returns:
        The angle and walls that fit better; walls that few points of the outline belong to keep their place.
    """
    outline = shapely.get_coordinates(shapely.segmentize(traced.exterior, STEP_PX))
    kept = list(walls)
    for _ in range(ROUNDS):
        points = _turned(outline, -angle)
        ends = corners_of(kept)
        owner = _nearest_wall(points, ends)
        mine = [_inner(points[owner == number], wall, ends, number, rounded_px) for number, wall in enumerate(kept)]
        lean = _lean(mine, kept) if turn else 0.0
        angle += lean
        middles = _turned((ends + np.roll(ends, 1, axis=0)) / 2, -lean)
        kept = [
            replace(wall, offset=float(np.mean(_turned(some, -lean)[:, int(wall.across)])))
            if len(some) >= 4
            else replace(wall, offset=float(middle[int(wall.across)]))
            for wall, some, middle in zip(kept, mine, middles, strict=True)
        ]
    return angle, kept


def _turned(points: np.ndarray, angle: float) -> np.ndarray:
    c, s = np.cos(angle), np.sin(angle)
    return points @ np.array([[c, s], [-s, c]])


def _nearest_wall(points: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """(N,) the wall that each point is nearest to."""
    starts = np.roll(ends, 1, axis=0)
    runs = ends - starts
    off = points[:, None] - starts  # (N, M, 2)
    along = (off * runs).sum(axis=2) / np.maximum((runs**2).sum(axis=1), 1e-12)
    away = off - np.clip(along, 0, 1)[..., None] * runs
    return np.asarray(np.round((away**2).sum(axis=2), 9).argmin(axis=1))  # of two at their corner, the first


def _inner(points: np.ndarray, wall: Wall, ends: np.ndarray, number: int, rounded_px: float) -> np.ndarray:
    """Points of a wall away from its rounded corners."""
    axis = 0 if wall.across else 1
    low, high = sorted((ends[number - 1, axis], ends[number, axis]))
    trim = min(rounded_px, (high - low) / 4)
    along = points[:, axis]
    return points[(along >= low + trim) & (along <= high - trim)]


def _lean(mine: Sequence[np.ndarray], walls: Sequence[Wall]) -> float:
    """The angle by which the points of all walls lean, radians: least squares with an offset for each wall."""
    lean = weight = 0.0
    for points, wall in zip(mine, walls, strict=True):
        if len(points) < 4:
            continue
        x, y = (points - points.mean(axis=0)).T
        along, off = (x, y) if wall.across else (y, -x)
        lean += float((along * off).sum())
        weight += float((along**2).sum())
    return float(np.clip(lean / weight, -0.2, 0.2)) if weight > 0 else 0.0
