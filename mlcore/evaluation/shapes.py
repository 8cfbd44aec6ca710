"""Measures how well footprints are traced: made houses at any turn, seen softly, against the polygons made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import cv2
import numpy as np
import shapely
import shapely.affinity
from shapely import Polygon

from mlcore.changes.polygons import draw_mask, iou, mask_polygon, regularise

FINE = 8  # a made house is drawn this much finer, then seen at one pixel
SIDE_PX = 200
SQUARE_DEGREES = 1.0


def rectangle(rng: np.random.Generator) -> Polygon:
    """8 x 6 to 20 x 14 m at 0.26 m a pixel."""
    return shapely.box(0, 0, rng.uniform(30, 76), rng.uniform(23, 54))


def l_shape(rng: np.random.Generator) -> Polygon:
    """Two wings that meet at a corner."""
    length, depth, across, along = rng.uniform(46, 80), rng.uniform(16, 30), rng.uniform(16, 30), rng.uniform(16, 34)
    return shapely.union(shapely.box(0, 0, length, depth), shapely.box(0, 0, across, depth + along))


def t_shape(rng: np.random.Generator) -> Polygon:
    """A wing in the middle of another."""
    length, depth, across = rng.uniform(54, 84), rng.uniform(16, 28), rng.uniform(16, 26)
    left = rng.uniform(14, length - across - 14)
    return shapely.union(
        shapely.box(0, 0, length, depth), shapely.box(left, depth - 1, left + across, depth + rng.uniform(14, 30))
    )


def u_shape(rng: np.random.Generator) -> Polygon:
    """Two wings about an open yard."""
    length, depth, yard, across = rng.uniform(60, 90), rng.uniform(40, 56), rng.uniform(18, 30), rng.uniform(16, 22)
    return shapely.box(0, 0, length, depth).difference(shapely.box(across, depth - yard, length - across, depth + 1))


def z_shape(rng: np.random.Generator) -> Polygon:
    """Two wings beside each other, one set back."""
    first, second, set_back = rng.uniform(26, 44), rng.uniform(26, 44), rng.uniform(10, 18)
    depth = rng.uniform(26, 40)
    return shapely.union(
        shapely.box(0, 0, first, depth), shapely.box(first - 1, set_back, first + second, depth + set_back)
    )


HOUSES: dict[str, Callable[[np.random.Generator], Polygon]] = {
    "rectangle": rectangle, "l": l_shape, "t": t_shape, "u": u_shape, "z": z_shape,
}  # fmt: skip


def turned(house: Polygon, degrees: float, rng: np.random.Generator) -> Polygon:
    """The house turned, at a place that is no whole pixel."""
    middle = SIDE_PX / 2 + rng.uniform(-1, 1, 2)
    there = shapely.affinity.rotate(house, degrees, origin="centroid")
    return shapely.affinity.translate(there, middle[0] - there.centroid.x, middle[1] - there.centroid.y)


def seen_mask(house: Polygon, rng: np.random.Generator, *, blur_px: float = 1.5, noise: float = 0.12) -> np.ndarray:
    """(SIDE_PX, SIDE_PX) bool: the house as thresholded evidence shows it, walls soft and wavering."""
    fine = draw_mask(shapely.affinity.scale(house, FINE, FINE, origin=(0, 0)), SIDE_PX * FINE, SIDE_PX * FINE)
    soft = cv2.resize(fine.astype(np.float32), (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)
    if blur_px:
        soft = cv2.GaussianBlur(soft, (0, 0), blur_px)
    wavering = cv2.GaussianBlur(rng.normal(size=(SIDE_PX, SIDE_PX)).astype(np.float32), (0, 0), 2.5)
    return np.asarray(soft + noise * wavering / float(wavering.std()) > 0.5)


def corner_angles(polygon: Polygon) -> np.ndarray:
    """(N,) degrees between the walls at each corner of the outline."""
    points = np.asarray(polygon.exterior.coords)[:-1]
    before, after = points - np.roll(points, 1, axis=0), np.roll(points, -1, axis=0) - points
    return np.degrees(
        np.abs(np.arctan2(before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0], (before * after).sum(axis=1)))
    )


def traced_houses(
    kind: str, *, count: int, seed: int = 0, blur_px: float = 1.5, noise: float = 0.12, resolution_m: float = 0.26
) -> Iterator[tuple[Polygon, Polygon]]:
    """(true, traced) footprints of `count` made houses of one kind, in pixels."""
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        house = turned(HOUSES[kind](rng), rng.uniform(0, 360), rng)
        mask = seen_mask(house, rng, blur_px=blur_px, noise=noise)
        yield house, regularise(mask_polygon(mask), resolution_m)


def shape_figures(*, count: int = 60, seed: int = 0, blur_px: float = 1.5, noise: float = 0.12) -> dict[str, float]:
    """Mean IoU, share with only right angles, share with the true number of corners, for each kind of house."""
    figures: dict[str, float] = {}
    for kind in HOUSES:
        pairs = list(traced_houses(kind, count=count, seed=seed, blur_px=blur_px, noise=noise))
        square = [bool((np.abs(corner_angles(found) - 90) <= SQUARE_DEGREES).all()) for _, found in pairs]
        corners = [len(found.exterior.coords) == len(true.simplify(0.01).exterior.coords) for true, found in pairs]
        figures[f"{kind}_iou"] = round(float(np.mean([iou(*pair) for pair in pairs])), 4)
        figures[f"{kind}_right_angled"] = round(float(np.mean(square)), 3)
        figures[f"{kind}_true_corners"] = round(float(np.mean(corners)), 3)
    return figures
