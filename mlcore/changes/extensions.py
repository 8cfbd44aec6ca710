"""A footprint and what stands beside it as one building, whose new walls run on from the old ones."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import shapely
from scipy.spatial import KDTree
from shapely import Polygon
from shapely.errors import GEOSException

from mlcore.changes.polygons import CORNERS_WORTH, HOLE_M2, KEEP_IOU, iou, least_wall_px, rounded_px, simplified
from mlcore.changes.walls import corners_of, fitted, turned, walls_of, without_jogs

GAP_M = 1.5  # what lies between a footprint and its part is filled where they are at most so far apart
SNAP_M = 1.0  # a new wall that is this close to the line of an old one runs on from it
LEAST_EDGE_M = 0.25
STRAIGHT_M = 0.1  # a corner between an old wall and a new one that is this flat is none
LEAST_TOUCH_M = 0.5  # along a wall
PARALLEL = np.radians(6)
OUTWARD = np.array([-1, -1, 1, 1])
GRID_PX, SAME_PX = 1e-5, 1e-4  # of the overlay, and how far it moves a corner at most


@dataclass(frozen=True)
class Edges:
    """Walls of a footprint in the part's frame, the building to the left of each.

    Attributes:
        starts, runs: (N, 2) corners and what leads from them to the next ones, in pixels.
    """

    starts: np.ndarray
    runs: np.ndarray


def extended(shape: Polygon, traced: Polygon, resolution_m: float) -> Polygon | None:
    """The footprint with a part beside it: walls at the angle of the wall it leans on, snapped to old walls' lines.

    Corners of `shape` stay exactly as they are, but for those that lie between an old wall and a new one that runs on
    from it, and those that the part covers.

    Args:
        shape, traced: the footprint, and the part as it was traced, in pixels.
        resolution_m: metres per pixel.

    Returns:
        None where that makes no single polygon without splinters: no new edge is shorter than LEAST_EDGE_M.
    """
    shape = shapely.orient_polygons(shape)
    angle = _leaning_angle(shape, traced, GAP_M / resolution_m)
    if angle is None:
        return None
    middle = np.array(traced.centroid.coords[0])
    house = _flat(shape, middle, -angle)
    edges = _edges(house)
    for plan in _plans(_flat(traced, middle, -angle), house, resolution_m):
        part = _snapped(plan, house, edges, resolution_m)
        if part is None:
            continue
        whole = _as_one(shape, _unflat(part, middle, angle), resolution_m)
        if whole is not None:
            return whole
    return None


def restored(shape: Polygon, original: Polygon, reach: float) -> Polygon:
    """The shape with every corner that is one of `original`'s, within `reach`, exactly where that has it."""
    corners = shapely.get_coordinates(original)
    tree = KDTree(corners)

    def back(xy: np.ndarray) -> np.ndarray:
        away, number = tree.query(xy)
        return np.where((away <= reach)[:, None], corners[number], xy)

    return shapely.transform(shape, back)


def _leaning_angle(shape: Polygon, part: Polygon, gap_px: float) -> float | None:
    """Direction of the wall that most of the part's border lies along, radians; None where it touches none."""
    lines = _edge_lines(shape)
    lines = lines[shapely.dwithin(lines, part, gap_px)]
    if not len(lines):
        return None
    near = shapely.clip_by_rect(part, *(shapely.total_bounds(lines) + 2 * gap_px * OUTWARD))  # no more can reach a line
    shared = shapely.length(shapely.intersection(lines, near.buffer(gap_px, quad_segs=2)))
    if not shared.max():
        return None
    (x0, y0), (x1, y1) = lines[int(shared.argmax())].coords
    return float(np.arctan2(y1 - y0, x1 - x0))


def _edge_lines(shape: Polygon) -> np.ndarray:
    rings = [shapely.get_coordinates(ring) for ring in (shape.exterior, *shape.interiors)]
    return shapely.linestrings(np.concatenate([np.stack([ring[:-1], ring[1:]], axis=1) for ring in rings]))


def _flat(shape: Polygon, middle: np.ndarray, angle: float) -> Polygon:
    return shapely.transform(shape, lambda xy: turned(xy - middle, angle))


def _unflat(shape: Polygon, middle: np.ndarray, angle: float) -> Polygon:
    return shapely.transform(shape, lambda xy: turned(xy, angle) + middle)


def _edges(shape: Polygon) -> Edges:
    rings = [np.asarray(ring.coords)[:, :2] for ring in (shape.exterior, *shape.interiors)]
    return Edges(
        np.concatenate([ring[:-1] for ring in rings]), np.concatenate([np.diff(ring, axis=0) for ring in rings])
    )


def _plans(flat: Polygon, house: Polygon, resolution_m: float) -> list[np.ndarray]:
    """Right-angled outlines of a traced part along the frame, the likelier one first, each (N, 2) counter-clockwise.

    What they share with the house counts for nothing: a part that is set against a round wall may reach into it.
    """
    simple = simplified(flat, resolution_m)
    found: list[tuple[float, np.ndarray]] = []
    for outline, bonus in ((flat.envelope, CORNERS_WORTH), (simple, 0.0)):
        if not isinstance(outline, Polygon) or outline.area == 0:
            continue
        walls = walls_of(shapely.get_coordinates(outline.exterior))
        if not walls.closed:
            continue
        walls = without_jogs(walls, least_wall_px(resolution_m))
        _, walls = fitted(flat.exterior, 0.0, walls, rounded_px=rounded_px(resolution_m), turn=False)
        ring = Polygon(corners_of(walls))
        fit = iou(ring.difference(house), flat) if ring.is_valid else 0.0
        if fit >= KEEP_IOU:
            found.append((fit + bonus, np.asarray(shapely.orient_polygons(ring).exterior.coords)[:-1]))
    return [corners for _, corners in sorted(found, key=lambda one: -one[0])]


def _snapped(corners: np.ndarray, house: Polygon, edges: Edges, resolution_m: float) -> Polygon | None:
    """The part with each wall on the line of the old wall that it faces or runs on from, if there is one.

    One that faces walls of another direction, as of a round tower, is set against them.
    """
    ends = np.roll(corners, -1, axis=0)
    points, runs = corners.copy(), ends - corners
    for number in range(len(corners)):
        found = _line_for(corners[number], ends[number], edges, resolution_m)
        if found is not None:
            points[number], runs[number] = edges.starts[found], edges.runs[found]
        else:
            points[number] += _gap_before(corners[number], ends[number], house, GAP_M / resolution_m)
    before_points, before_runs = np.roll(points, 1, axis=0), np.roll(runs, 1, axis=0)
    cross = before_runs[:, 0] * runs[:, 1] - before_runs[:, 1] * runs[:, 0]
    off = points - before_points
    along = (off[:, 0] * runs[:, 1] - off[:, 1] * runs[:, 0]) / np.where(cross == 0, np.nan, cross)
    met = before_points + along[:, None] * before_runs
    if not np.isfinite(met).all():
        return None
    part = Polygon(met)
    return part if part.is_valid and part.area > 0 and part.exterior.is_ccw else None


def _gap_before(start: np.ndarray, end: np.ndarray, house: Polygon, gap_px: float) -> np.ndarray:
    """What moves a wall across the gap into the house, where most of the wall faces it; else nothing."""
    along = (end - start) / max(float(np.hypot(*(end - start))), 1e-9)
    out = np.array([along[1], -along[0]]) * gap_px
    facing = Polygon([start, end, end + out, start + out]).intersection(house)
    across = shapely.get_coordinates(facing) @ along
    return out if len(across) and np.ptp(across) >= np.hypot(*(end - start)) / 2 else 0 * out


def _line_for(start: np.ndarray, end: np.ndarray, edges: Edges, resolution_m: float) -> int | None:
    """The old wall whose line a new wall takes: one that it faces across a gap, else one that it runs on from."""
    length = float(np.hypot(*(end - start)))
    if length == 0:
        return None
    along = (end - start) / length
    outward = np.array([along[1], -along[0]])  # the part lies to the left
    near, far = edges.starts - start, edges.starts + edges.runs - start
    first, last = near @ along, far @ along
    low, high = np.minimum(first, last), np.maximum(first, last)
    lengths = np.maximum(np.hypot(*edges.runs.T), 1e-9)
    parallel = np.abs(edges.runs @ outward) <= np.sin(PARALLEL) * lengths
    # where along the new wall the old one is nearest to it, and how far out its line lies there
    place = np.clip(np.clip((low + high) / 2, 0, length), low, high)
    slope = (far - near) @ outward / np.where(last == first, 1, last - first)
    out = near @ outward + (place - first) * slope
    apart = np.maximum(np.maximum(low - length, -high), 0)
    overlap = np.minimum(high, length) - np.maximum(low, 0)
    facing = parallel & (edges.runs @ along < 0) & (overlap >= min(LEAST_TOUCH_M / resolution_m, length / 2))
    facing &= (out >= -SNAP_M / resolution_m) & (out <= GAP_M / resolution_m)
    if facing.any():
        return int(np.where(facing, out, -np.inf).argmax())
    going = parallel & (edges.runs @ along > 0) & (apart <= GAP_M / resolution_m)
    going &= np.abs(out) <= SNAP_M / resolution_m
    return int(np.where(going, apart + np.abs(out), np.inf).argmin()) if going.any() else None


def _as_one(shape: Polygon, part: Polygon, resolution_m: float) -> Polygon | None:
    """The union, with the corners of `shape` as they were, and without splinters; None where it has some."""
    try:
        whole = shapely.union(shape, part, grid_size=GRID_PX)
    except GEOSException:
        return None
    if not isinstance(whole, Polygon) or whole.area <= shape.area:
        return None
    whole = restored(whole, shape, SAME_PX)
    old = _old_edges(shape)
    holes = [ring for ring in whole.interiors if _is_old(ring, old) or Polygon(ring).area >= HOLE_M2 / resolution_m**2]
    rings = [_tidy(np.asarray(ring.coords)[:-1], old, resolution_m) for ring in (whole.exterior, *holes)]
    if any(ring is None for ring in rings):
        return None
    tidy = Polygon(rings[0], rings[1:])
    return tidy if tidy.is_valid and tidy.area > shape.area else None


Corner = tuple[float, float]


def _old_edges(shape: Polygon) -> set[frozenset[Corner]]:
    rings = (shape.exterior, *shape.interiors)
    return {frozenset(((x0, y0), (x1, y1))) for ring in rings for (x0, y0), (x1, y1) in pairwise(ring.coords)}


def _is_old(ring: shapely.LinearRing, old: set[frozenset[Corner]]) -> bool:
    return all(frozenset(((x0, y0), (x1, y1))) in old for (x0, y0), (x1, y1) in pairwise(ring.coords))


def _tidy(ring: np.ndarray, old: set[frozenset[Corner]], resolution_m: float) -> np.ndarray | None:
    """A ring without the corners that the overlay left on straight walls or too near another corner.

    Args:
        ring: (N, 2) without its closing corner.
        old: edges of the footprint, which are left alone.

    Returns:
        None where an edge that is not the footprint's stays shorter than LEAST_EDGE_M.
    """
    corners: list[Corner] = [(float(x), float(y)) for x, y in ring]
    known = {corner for edge in old for corner in edge}
    kept = known - set(_between(corners, old))
    while (found := _needless(corners, kept, known, resolution_m)) is not None:
        del corners[found]
    short = any(
        math.dist(start, end) < LEAST_EDGE_M / resolution_m and frozenset((start, end)) not in old
        for start, end in pairwise([*corners, corners[0]])
    )
    return None if short else np.array(corners)


def _between(corners: Sequence[Corner], old: set[frozenset[Corner]]) -> Iterator[Corner]:
    """The corners where a wall that is not, even in part, the footprint's begins or ends."""
    walls = shapely.linestrings([tuple(edge) for edge in old if len(edge) == 2])
    away = shapely.distance(walls[:, None], shapely.points(corners))  # (walls, corners)
    off = np.maximum(away, np.roll(away, -1, axis=1)).min(axis=0)
    for (start, end), far in zip(pairwise([*corners, corners[0]]), off, strict=True):
        if far > SAME_PX and frozenset((start, end)) not in old:
            yield from (start, end)


def _needless(corners: Sequence[Corner], kept: set[Corner], known: set[Corner], resolution_m: float) -> int | None:
    """The number of a corner that is none: on a straight wall, or new and a splinter's length from its neighbour.

    Args:
        kept: corners of the footprint between walls of its own; known: all corners of the footprint.
    """
    if len(corners) <= 4:
        return None
    for number, here in enumerate(corners):
        if here in kept:
            continue
        before, after = corners[number - 1], corners[(number + 1) % len(corners)]
        flat = before != after and _away(here, before, after) <= STRAIGHT_M / resolution_m
        near = min(math.dist(here, before), math.dist(here, after)) < LEAST_EDGE_M / resolution_m
        if flat or (near and here not in known):
            return number
    return None


def _away(here: Corner, start: Corner, end: Corner) -> float:
    """How far a corner lies from the straight line between two others."""
    (x, y), (x0, y0), (x1, y1) = here, start, end
    dx, dy = x1 - x0, y1 - y0
    along = min(max(((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy), 0.0), 1.0)
    return math.hypot(x0 + along * dx - x, y0 + along * dy - y)
