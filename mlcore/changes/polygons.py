"""Turns masks into footprints: simple, closed polygons whose right angles are kept."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import shapely
import shapely.affinity
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

from mlcore.changes.walls import corners_of, fitted, turned, walls_of, without_jogs
from mlcore.maps.labels import draw_ids, polygons_of

RECTANGLE_IOU = 0.82  # a shape this close to its rectangle may become the rectangle,
CORNERS_WORTH = 0.06  # unless more corners bring it so much closer
KEEP_IOU = 0.75  # a regularised shape further than this from the mask is refused
HOLE_M2 = 20.0
LEAST_IOU, LEAST_GAIN = 0.5, 0.05  # of a shape that puts another right
LEAST_WALL_M, LEAST_WALL_PX = 1.5, 2.5  # shorter steps of an outline are noise
SIMPLIFY_M, SIMPLIFY_PX = 0.7, 1.0  # the outline wavers by so much; a mask's border goes in steps of a pixel
ROUNDED_M, ROUNDED_PX = 0.78, 1.5  # so far from a corner the outline is rounded and says little of the wall


def mask_polygon(mask: np.ndarray) -> Polygon:
    """The largest region of an (H, W) bool mask as a polygon along pixel borders, holes kept; may be empty.

    Pixels that touch by a corner alone are apart: the outline of a chequered mask would touch itself everywhere, and
    mending it takes seconds.
    """
    count, parts, boxes, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    if count > 2:
        mask = parts == 1 + int(np.argmax(boxes[1:, cv2.CC_STAT_AREA]))
    contours, levels = cv2.findContours(
        cv2.resize(mask.astype(np.uint8), None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST),
        cv2.RETR_CCOMP,
        cv2.CHAIN_APPROX_SIMPLE,
    )
    outer = [i for i in range(len(contours)) if levels[0][i][3] < 0 and len(contours[i]) >= 4]
    if not outer:
        return Polygon()
    best = max(outer, key=lambda i: cv2.contourArea(contours[i]))
    holes = [contours[i] for i in range(len(contours)) if levels[0][i][3] == best and len(contours[i]) >= 4]
    # contours run through centres of the doubled pixels, a quarter of a pixel inside their borders
    rings = [(np.asarray(ring, np.float64)[:, 0] + 0.5) / 2 for ring in (contours[best], *holes)]
    shape = Polygon(rings[0], rings[1:])
    if shape.is_valid:
        return _bordered(rings)
    shape = shapely.make_valid(shape).buffer(0.25, join_style="mitre")  # it touches itself by a corner
    return max(polygons_of(shape), key=lambda part: part.area, default=Polygon())


def _bordered(rings: Sequence[np.ndarray]) -> Polygon:
    """Contours, the outer one first, moved a quarter of a pixel away from what they bound: a buffer, of simple rings.

    OpenCV has what a contour bounds to the same hand all along.
    """
    moved = []
    for ring in rings:
        runs = np.roll(ring, -1, axis=0) - ring
        out = np.stack([-runs[:, 1], runs[:, 0]], axis=1) / np.hypot(*runs.T)[:, None]
        before = np.roll(out, 1, axis=0)
        moved.append(ring + 0.25 * (before + out) / (1 + (before * out).sum(axis=1, keepdims=True)))
    return Polygon(moved[0], moved[1:])


def regularise(polygon: Polygon, resolution_m: float) -> Polygon:
    """A footprint with right angles along the shape's dominant direction.

    Args:
        polygon: in pixels.
        resolution_m: metres per pixel.

    Returns:
        A valid polygon in pixels: a rectangle where that fits, else right-angled, else the simplified shape.
    """
    if polygon.is_empty:
        return polygon
    outer = _regular_ring(Polygon(polygon.exterior), resolution_m)
    least = HOLE_M2 / resolution_m**2
    holes = [_regular_ring(Polygon(ring), resolution_m) for ring in polygon.interiors if Polygon(ring).area >= least]
    shape = outer.difference(shapely.union_all(holes)) if holes else outer
    return max(polygons_of(shape), key=lambda part: part.area, default=outer)


def dominant_angle(polygon: Polygon) -> float:
    """Direction of the walls in radians, 0 <= angle < pi / 2: the mean over edges, weighted by squared length."""
    edges = np.diff(np.asarray(polygon.exterior.coords)[:, :2], axis=0)
    turned = np.exp(4j * np.arctan2(edges[:, 1], edges[:, 0])) * (edges**2).sum(axis=1)
    return float(np.angle(turned.sum()) / 4 % (np.pi / 2))


def iou(first: BaseGeometry, second: BaseGeometry) -> float:
    """Intersection over union of two shapes; 0 where both are empty."""
    shared = first.intersection(second).area
    union = first.area + second.area - shared
    return float(shared / union) if union > 0 else 0.0


def mends(proposal: BaseGeometry, drawn: BaseGeometry, truth: BaseGeometry) -> bool:
    """Whether a proposed shape is about the true one, and clearly nearer to it than what is drawn."""
    reached = iou(proposal, truth)
    return reached >= LEAST_IOU and reached >= iou(drawn, truth) + LEAST_GAIN


def simplified(polygon: Polygon, resolution_m: float) -> BaseGeometry:
    """A traced outline, in pixels, without what is noise."""
    return polygon.simplify(max(SIMPLIFY_M / resolution_m, SIMPLIFY_PX))


def least_wall_px(resolution_m: float) -> float:
    """Pixels of the shortest wall that an outline can show."""
    return max(LEAST_WALL_M / resolution_m, LEAST_WALL_PX)


def rounded_px(resolution_m: float) -> float:
    """Pixels by which an outline is rounded at a corner."""
    return max(ROUNDED_M / resolution_m, ROUNDED_PX)


def _regular_ring(polygon: Polygon, resolution_m: float) -> Polygon:
    plain = simplified(polygon, resolution_m)
    plain = plain if isinstance(plain, Polygon) and plain.is_valid and plain.area > 0 else polygon
    squared = squared_up(plain, polygon, least_wall_px(resolution_m), rounded_px(resolution_m))
    fit = iou(squared, polygon) if squared is not None else 0.0
    rectangle, of_rectangle = _best_rectangle(polygon, resolution_m)
    if rectangle is not None and of_rectangle + CORNERS_WORTH >= fit:
        return rectangle
    if squared is not None and fit >= KEEP_IOU:
        return squared
    return plain if iou(plain, polygon) >= KEEP_IOU else polygon


def _best_rectangle(polygon: Polygon, resolution_m: float) -> tuple[Polygon | None, float]:
    """The rectangle that a shape nearly is, fitted to its walls, and its overlap; None where it is none."""
    box = polygon.minimum_rotated_rectangle
    # its overlap is known: the smallest rectangle holds all of the shape
    if not isinstance(box, Polygon) or polygon.area < RECTANGLE_IOU * box.area:
        return None, 0.0
    # the smallest rectangle is too large where corners are rounded: keep the area
    factor = float(np.sqrt(polygon.area / box.area))
    scaled = shapely.affinity.scale(box, factor, factor)
    fitted_box = squared_up(box, polygon, 0.0, rounded_px(resolution_m))
    options = [scaled] if fitted_box is None else [scaled, fitted_box]
    fits = [iou(one, polygon) for one in options]
    best = int(np.argmax(fits))
    return options[best], fits[best]


def right_angled(polygon: Polygon) -> Polygon | None:
    """Every edge turned to the nearer of the two dominant directions; None where that gives no simple shape."""
    return squared_up(polygon, None, 0.0)


def squared_up(
    polygon: Polygon, traced: Polygon | None, least_px: float, rounded: float = ROUNDED_PX
) -> Polygon | None:
    """The right-angled shape of a simplified outline, its walls fitted to the outline as it was traced.

    Args:
        traced: None leaves the walls where the simplified outline has them.
        least_px: shorter steps are evened out.
        rounded: pixels of the outline on either side of a corner that say little of its walls.

    Returns:
        A valid polygon, or None where the walls give no simple shape.
    """
    angle = dominant_angle(polygon)
    middle = shapely.get_coordinates(polygon.centroid)[0]
    walls = walls_of(turned(shapely.get_coordinates(polygon.exterior) - middle, -angle))
    if not walls.closed:
        return None
    walls = without_jogs(walls, least_px)
    if traced is not None:
        about = shapely.linearrings(shapely.get_coordinates(traced.exterior) - middle)
        angle, walls = fitted(about, angle, walls, rounded_px=rounded)
    shape = Polygon(turned(corners_of(walls), angle) + middle)
    return shape if shape.is_valid and shape.area > 0 else None


def draw_mask(polygon: Polygon, height: int, width: int) -> np.ndarray:
    """(height, width) bool: pixels inside a polygon given in pixels."""
    return draw_ids([(1, polygon)], height, width) > 0
