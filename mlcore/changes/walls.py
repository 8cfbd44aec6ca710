"""The walls of a right-angled footprint: found on its simplified outline, fitted to the outline as it was traced."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from shapely import LinearRing

STEP_PX = 0.5  # of the points that walls are fitted to
ROUNDS = 3
LEAST_POINTS = 4  # of the outline, that a wall is fitted to
MOST_LEAN = 0.2


@dataclass(frozen=True)
class Walls:
    """Straight runs of an outline in a frame turned along the house, in order; they run along x and along y in turn.

    Attributes:
        across: whether the first runs along x; every second one does, the others along y.
        offsets: (N,) the y of a wall along x, the x of one along y, in pixels; N is even but where it is no outline.
        lengths: (N,) in pixels, as the outline has them.
    """

    across: bool
    offsets: np.ndarray
    lengths: np.ndarray

    def __len__(self) -> int:
        return len(self.offsets)

    @property
    def along_x(self) -> np.ndarray:
        """(N,) bool."""
        return (np.arange(len(self)) % 2 == 0) == self.across

    @property
    def closed(self) -> bool:
        """Whether they can bound a building."""
        return len(self) >= 4 and len(self) % 2 == 0


def walls_of(ring: np.ndarray) -> Walls:
    """Walls of an outline in the house's frame; runs in one direction are one wall at their mean.

    Args:
        ring: (N + 1, 2) corners, the first again at the end.
    """
    runs = np.abs(np.diff(ring, axis=0))
    across = runs[:, 0] >= runs[:, 1]
    middles = np.where(across, ring[:-1, 1] + ring[1:, 1], ring[:-1, 0] + ring[1:, 0]) / 2
    lengths = np.hypot(runs[:, 0], runs[:, 1])
    starts = np.flatnonzero(np.concatenate([[True], across[1:] != across[:-1]]))
    whole = np.add.reduceat(lengths, starts)
    moments = np.add.reduceat(middles * lengths, starts)
    if len(starts) > 4 and across[starts[0]] == across[starts[-1]]:
        moments[0] += moments[-1]
        whole[0] += whole[-1]
        moments, whole = moments[:-1], whole[:-1]
    return Walls(bool(across[0]), moments / np.maximum(whole, 1e-9), whole)


def corners_of(walls: Walls) -> np.ndarray:
    """(N, 2) corners in the house's frame; corner i ends wall i and starts the next."""
    return _corners(walls.offsets, walls.along_x)


def _corners(offsets: np.ndarray, along_x: np.ndarray) -> np.ndarray:
    after = np.concatenate([offsets[1:], offsets[:1]])
    return np.where(along_x[:, None], np.stack([after, offsets], axis=1), np.stack([offsets, after], axis=1))


def without_jogs(walls: Walls, least_px: float) -> Walls:
    """Steps shorter than `least_px` taken out, the shortest first: the walls beside each become one.

    A wall is as long as its neighbours leave it.
    """
    offsets, across = walls.offsets.tolist(), walls.across
    while True:
        count = len(offsets)
        lengths = [abs(offsets[(i + 1) % count] - offsets[i - 1]) for i in range(count)]
        at = min(range(count), key=lengths.__getitem__)
        if count <= 4 or lengths[at] >= least_px:
            return Walls(across, np.array(offsets), np.array(lengths))
        order, long = offsets[at:] + offsets[:at], lengths[at:] + lengths[:at]
        both = long[-1] + long[1]
        one = (order[-1] * long[-1] + order[1] * long[1]) / max(both, 1e-9)
        across = across != (at % 2 == 0)  # the walls beside the step run the other way
        offsets = [one, *order[2:-1]]


def fitted(
    traced: LinearRing, angle: float, walls: Walls, *, rounded_px: float, turn: bool = True
) -> tuple[float, Walls]:
    """Turn and move the walls onto the traced outline: one angle for all, then each wall by itself.

    Args:
        traced: the outline in pixels, about the origin.
        angle: of the house's frame, radians.
        rounded_px: so far from a corner the outline is rounded and says little of the wall.
        turn: False keeps the angle.

    Returns:
        The angle and walls that fit better; walls that few points of the outline belong to keep their place.
    """
    outline = shapely.get_coordinates(shapely.segmentize(traced, STEP_PX))
    along_x, offsets, count = walls.along_x, walls.offsets, len(walls)
    sign = np.where(along_x, 1.0, -1.0)
    for _ in range(ROUNDS):
        points = turned(outline, -angle)
        ends = _corners(offsets, along_x)
        low, high = _span(ends, along_x)
        owner, along, off = _nearest_wall(points, offsets, along_x, low, high)
        trim = np.minimum(rounded_px, (high - low) / 4)
        inner = (along >= (low + trim)[owner]) & (along <= (high - trim)[owner])
        owner, along, off = owner[inner], along[inner], off[inner]
        number = np.bincount(owner, minlength=count)
        enough, many = number >= LEAST_POINTS, np.maximum(number, 1)
        mean_along, mean_off = (np.bincount(owner, one, minlength=count) / many for one in (along, off))
        lean = _lean(owner, along, off, enough, (mean_along, mean_off), sign) if turn else 0.0
        angle += lean
        cos, sin = np.cos(lean), np.sin(lean)
        middles = turned((ends + np.roll(ends, 1, axis=0)) / 2, -lean)
        kept = np.where(along_x, middles[:, 1], middles[:, 0])
        offsets = np.where(enough, cos * mean_off - sign * sin * mean_along, kept)
    return angle, Walls(walls.across, offsets, walls.lengths)


def turned(points: np.ndarray, angle: float) -> np.ndarray:
    """(N, 2) points turned about the origin, radians."""
    c, s = np.cos(angle), np.sin(angle)
    return points @ np.array([[c, s], [-s, c]])


def _span(ends: np.ndarray, along_x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(N,) each: where every wall begins and ends along its own direction."""
    both = np.stack([np.concatenate([ends[-1:], ends[:-1]]), ends])
    reached = np.where(along_x, both[..., 0], both[..., 1])
    return reached.min(axis=0), reached.max(axis=0)


def _nearest_wall(
    points: np.ndarray, offsets: np.ndarray, along_x: np.ndarray, low: np.ndarray, high: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(N,) each: the wall that a point is nearest to, where it lies along it, and its own offset."""
    x, y = points[:, :1], points[:, 1:]
    along, off = np.where(along_x, x, y), np.where(along_x, y, x)  # (N, M)
    beyond = along - np.clip(along, low, high)
    away = (off - offsets) ** 2 + beyond**2
    owner = np.round(away, 9).argmin(axis=1)  # of two at their corner, the first
    each = np.arange(len(points))
    return owner, along[each, owner], off[each, owner]


def _lean(
    owner: np.ndarray,
    along: np.ndarray,
    off: np.ndarray,
    enough: np.ndarray,
    means: tuple[np.ndarray, np.ndarray],
    sign: np.ndarray,
) -> float:
    """The angle by which the points of all walls lean, radians: least squares with an offset for each wall.

    Args:
        enough: (M,) walls that count; means: (M,) of `along` and `off`; sign: (M,) which way a wall along y turns.
    """
    used = enough[owner]
    owner = owner[used]
    along, off = along[used] - means[0][owner], off[used] - means[1][owner]
    weight = float((along**2).sum())
    lean = float((sign[owner] * along * off).sum())
    return float(np.clip(lean / weight, -MOST_LEAN, MOST_LEAN)) if weight > 0 else 0.0
