"""Wrong shapes a careless map could have: wings too many or too few, moved, split and merged footprints (metres)."""

from __future__ import annotations

import cv2
import numpy as np
import shapely

MIN_PART_M2 = 20.0


def iou(first: shapely.Polygon, second: shapely.Polygon) -> float:
    """Intersection over union of two areas."""
    union = first.union(second).area
    return first.intersection(second).area / union if union > 0 else 0.0


def main_axis(polygon: shapely.Polygon) -> tuple[np.ndarray, np.ndarray, float, float]:
    """(centre, unit vector of the long side, length, width) of the tightest rectangle."""
    ring = shapely.get_coordinates(polygon.exterior)
    middle = ring.mean(axis=0)
    (cx, cy), (w, h), angle = cv2.minAreaRect((ring - middle).astype(np.float32))
    turn = np.radians(angle if w >= h else angle + 90)
    return middle + np.array([cx, cy]), np.array([np.cos(turn), np.sin(turn)]), float(max(w, h)), float(min(w, h))


def rectangle(centre: np.ndarray, axis: np.ndarray, length: float, width: float) -> shapely.Polygon:
    """A rectangle about `centre`, its length along `axis`."""
    across = np.array([-axis[1], axis[0]])
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * (length / 2, width / 2)
    return shapely.Polygon(centre + corners[:, :1] * axis + corners[:, 1:] * across)


def shifted(rng: np.random.Generator, polygon: shapely.Polygon, low_m: float, high_m: float) -> shapely.Polygon:
    """The same shape, `low_m` to `high_m` away in any direction."""
    turn, reach = rng.uniform(0, 2 * np.pi), rng.uniform(low_m, high_m)
    return shapely.transform(polygon, lambda xy: xy + reach * np.array([np.cos(turn), np.sin(turn)]))


def reshaped(rng: np.random.Generator, polygon: shapely.Polygon) -> shapely.Polygon | None:
    """A clearly different shape in the same place (IoU 0.35..0.75), or None when this try gave none."""
    centre, axis, length, width = main_axis(polygon)
    if rng.random() < 0.5:
        axis, length, width = np.array([-axis[1], axis[0]]), width, length
    end = 1.0 if rng.random() < 0.5 else -1.0
    if rng.random() < 0.5:
        share = rng.uniform(0.35, 0.6)
        cut = rectangle(centre + axis * end * length * (1 - share) / 2, axis, length * share, width * 1.4)
        result = polygon.difference(cut)
    else:
        reach, wide = rng.uniform(0.4, 0.9) * length, rng.uniform(0.6, 1.0) * width
        at = centre + axis * end * (length / 2 + reach / 2 - 0.5)
        at = at + np.array([-axis[1], axis[0]]) * rng.choice((-1, 1)) * (width - wide) / 2
        result = polygon.union(rectangle(at, axis, reach + 1.0, wide))
    result = _clean(result)
    if result is None or result.area < MIN_PART_M2 or not 0.35 <= iou(result, polygon) <= 0.75:
        return None
    return result


def halves(polygon: shapely.Polygon) -> tuple[shapely.Polygon, shapely.Polygon] | None:
    """The footprint cut across its middle with a gap of a metre, or None when it doesn't cut into two."""
    centre, axis, length, width = main_axis(polygon)
    parts = []
    for end in (-1.0, 1.0):
        reach = length / 2 - 0.5
        part = _clean(polygon.intersection(rectangle(centre + axis * end * (length + 1) / 4, axis, reach, width * 1.4)))
        if part is None or part.area < MIN_PART_M2:
            return None
        parts.append(part)
    return parts[0], parts[1]


def merged(first: shapely.Polygon, second: shapely.Polygon) -> shapely.Polygon | None:
    """Two near footprints drawn as one, or None when that needs more than the space between them."""
    whole = _clean(shapely.union_all([first, second]).buffer(1.6, join_style="mitre").buffer(-1.6, join_style="mitre"))
    if whole is None or whole.area > 1.35 * (first.area + second.area):
        return None
    return whole


def _clean(shape: shapely.Geometry) -> shapely.Polygon | None:
    shape = shapely.make_valid(shape).simplify(0.05)
    return shape if isinstance(shape, shapely.Polygon) and not shape.is_empty and shape.is_valid else None
