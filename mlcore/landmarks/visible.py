"""What is plainly visible in an aerial picture, measured on its pixels, and the words for it.

These words carry over to kinds of places that were never learnt: green is green on a golf course as in a forest.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

SIDE_PX = 256
VISIBLE = (
    "green", "bare", "grey", "white", "dark", "blue", "edges", "bright_spots", "dark_spots", "line", "aligned", "even",
    "brightness",
)  # fmt: skip
"""Shares of pixels (green plants, bare ground, grey paving, white roofs, shadow, blue, edges), counts of small bright
and dark things in hundreds, the longest straight line in sides, how far edges agree in direction, even areas, light."""
SMALLEST_SPOT_PX, LARGEST_SPOT_PX = 6, 110
PHRASES: tuple[tuple[str, float, float, tuple[str, ...]], ...] = (
    ("green", 0.60, math.inf, ("much green", "lots of green plants", "green grass and trees")),
    ("green", 0.25, 0.60, ("some green plants", "some green trees", "some lawn")),
    ("green", -math.inf, 0.06, ("hardly any green", "no plants")),
    ("bare", 0.35, math.inf, ("bare brown ground", "dry ground", "sandy ground")),
    ("grey", 0.50, math.inf, ("much grey pavement", "grey concrete")),
    ("white", 0.18, math.inf, ("white roofs or bright ground", "bright white areas")),
    ("dark", 0.25, math.inf, ("dark areas", "deep shadows or dark water")),
    ("blue", 0.33, math.inf, ("blue areas", "bluish water or roofs")),
    ("edges", 0.15, math.inf, ("many edges", "a busy texture")),
    ("bright_spots", 1.2, math.inf, ("many small bright things", "lots of small bright spots")),
    ("dark_spots", 1.6, math.inf, ("many small dark spots", "lots of shadows")),
    ("line", 0.80, math.inf, ("a long straight line", "long straight edges")),
    ("aligned", 0.60, math.inf, ("parallel lines", "everything in one direction")),
    ("even", 0.25, math.inf, ("smooth even areas", "a large even surface")),
)
"""What is measured, from, to, and what is said then."""


def measure(rgb: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 -> (13,) float32, the values of `VISIBLE`; the picture is brought to 256 px."""
    if rgb.shape[:2] != (SIDE_PX, SIDE_PX):
        rgb = cv2.resize(rgb, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)
    return np.array([*_colours(rgb.astype(np.float32)), *_shapes(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)),
                     rgb.mean() / 255], np.float32)  # fmt: skip


def phrases_of(values: np.ndarray) -> list[tuple[str, ...]]:
    """What can be said of a picture by its values of `VISIBLE`: ways to say it, for each thing that is so."""
    by_name = dict(zip(VISIBLE, values.tolist(), strict=True))
    return [ways for name, low, high, ways in PHRASES if low <= by_name[name] < high]


def _colours(rgb: np.ndarray) -> list[float]:
    red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    total = rgb.sum(axis=2) + 1e-3
    light, most = total / 3, rgb.max(axis=2)
    colourful = (most - rgb.min(axis=2)) / (most + 1e-3)
    excess = (2 * green - red - blue) / total
    masks = (
        (excess > 0.04) & (light > 25),
        (red > green * 1.05) & (green > blue * 1.03) & (light > 60) & (excess < 0.04),
        (colourful < 0.14) & (light > 70) & (light < 185),
        (colourful < 0.2) & (light >= 185),
        light < 55,
        (blue > red * 1.08) & (blue >= green * 0.98),
    )
    return [float(mask.mean()) for mask in masks]


def _shapes(grey: np.ndarray) -> list[float]:
    edges = (cv2.Canny(cv2.GaussianBlur(grey, (0, 0), 1.0), 60, 140) > 0).astype(np.uint8)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (13, 13))
    spots = [_spots(cv2.morphologyEx(grey, kind, disc)) for kind in (cv2.MORPH_TOPHAT, cv2.MORPH_BLACKHAT)]
    lines = cv2.HoughLinesP(edges, 1, np.pi / 180, 60, minLineLength=60, maxLineGap=6)
    ends = np.zeros((1, 4)) if lines is None else lines.reshape(-1, 4).astype(np.float64)
    longest = float(np.hypot(ends[:, 0] - ends[:, 2], ends[:, 1] - ends[:, 3]).max()) / SIDE_PX
    across, down = (cv2.Sobel(grey, cv2.CV_32F, *order) for order in ((1, 0), (0, 1)))
    energy = float((across**2 + down**2).sum()) + 1.0
    aligned = math.hypot(float((across**2 - down**2).sum()), 2 * float((across * down).sum())) / energy
    rough = cv2.blur(cv2.absdiff(grey, cv2.GaussianBlur(grey, (0, 0), 3)).astype(np.float32), (15, 15))
    return [float(edges.mean()), *spots, longest, aligned, float((rough < 3).mean())]


def _spots(contrast: np.ndarray) -> float:
    _, _, stats, _ = cv2.connectedComponentsWithStats((contrast > 45).astype(np.uint8), connectivity=8)
    areas = stats[1:, cv2.CC_STAT_AREA]
    return float(((areas >= SMALLEST_SPOT_PX) & (areas <= LARGEST_SPOT_PX)).sum()) / 100
