"""Trees, cars and containers as seen from above, with their shadows."""

from __future__ import annotations

import math

import cv2
import numpy as np

from mlcore.synthetic.ground import SHIFT, fixed
from mlcore.synthetic.noise import periodic_noise
from mlcore.synthetic.palette import Look
from mlcore.synthetic.scene import Scene

CAR_COLOURS = np.array([
    (226, 226, 224), (196, 198, 200), (150, 152, 156), (96, 98, 104), (52, 54, 58), (40, 42, 46),
    (236, 236, 234), (128, 40, 38), (52, 72, 110), (168, 160, 146),
])  # fmt: skip
BOX_COLOURS = np.array([(140, 74, 58), (66, 92, 122), (92, 112, 84), (168, 164, 158), (176, 132, 70), (120, 122, 126)])


def tree_shadows(mask: np.ndarray, scene: Scene, look: Look) -> None:
    """Draw crowns' ground shadows into the (H, W) mask."""
    scale = 1.0 / scene.resolution_m
    sun = np.array(look.sun_xy) * look.shadow_length
    for x, y, radius, tone in scene.trees.tolist():
        far = sun * radius * (1.0 + 0.7 * tone)
        near = (x + 0.35 * far[0], y + 0.35 * far[1])
        ends = fixed(np.array([near, (x + far[0], y + far[1])]) * scale)
        # A thick stroke has round ends: the shadow hangs together with the crown that throws it.
        cv2.polylines(mask, [ends], False, 225, max(1, round(1.75 * radius * scale)), cv2.LINE_AA, SHIFT)


class Crowns:
    """Draws tree crowns from a small set of seeded sprites."""

    def __init__(self, seed: int, look: Look) -> None:
        self.rng = np.random.default_rng([seed, 31])
        self.look = look
        self.leaf = [periodic_noise(self.rng, 96, sigma) for sigma in (1.1, 1.8)]
        self.lobes = [(self.rng.uniform(0.03, 0.12, 4), self.rng.uniform(0, 6.28, 4)) for _ in range(5)]
        self.cache: dict[tuple[int, int, int], tuple[np.ndarray, np.ndarray]] = {}

    def sprite(self, radius: int, variant: int, colour: int) -> tuple[np.ndarray, np.ndarray]:
        """(premultiplied RGB uint16, 256 - alpha uint16) of a crown of `radius` pixels."""
        key = radius, variant, colour
        if key not in self.cache:
            self.cache[key] = self._make(*key)
        return self.cache[key]

    def _make(self, radius: int, variant: int, colour: int) -> tuple[np.ndarray, np.ndarray]:
        half = radius + 2
        y, x = np.mgrid[-half : half + 1, -half : half + 1].astype(np.float32) / radius
        r, turn = np.hypot(x, y), np.arctan2(y, x)
        amplitude, phase = self.lobes[variant]
        edge = 0.88 + sum(a * np.sin((i + 2) * turn + p) for i, (a, p) in enumerate(zip(amplitude, phase, strict=True)))
        size = 2 * half + 1
        leaf = self.leaf[0 if radius < 9 else 1][variant * 7 : variant * 7 + size, variant * 5 : variant * 5 + size]
        alpha = np.clip((edge + 0.09 * leaf - r) * radius * 0.55 + 0.5, 0, 1) * 0.97
        dome = np.sqrt(np.clip(1 - (r / 1.08) ** 2, 0, 1))
        facing = -(x * self.look.sun_xy[0] + y * self.look.sun_xy[1])
        shade = np.clip(0.5 + 0.34 * dome + 0.42 * facing + 0.17 * leaf, 0.22, 1.55)
        weight = np.rint(alpha * 256).astype(np.uint16)[..., None]
        rgb = np.clip(shade[..., None] * self.look.trees[colour] * 1.35, 0, 255).astype(np.uint16)
        return rgb * weight, 256 - weight

    def draw(self, image: np.ndarray, scene: Scene) -> None:
        """Draw every crown in place, low ones first."""
        scale = 1.0 / scene.resolution_m
        height, width = image.shape[:2]
        for x, y, radius, tone in scene.trees[np.argsort(scene.trees[:, 2], kind="stable")].tolist():
            lift = radius * 1.4
            cx = round((x + self.look.view_xy[0] * lift) * scale)
            cy = round((y + self.look.view_xy[1] * lift) * scale)
            r = max(2, min(40, round(radius * scale)))
            half = r + 2
            x0, x1, y0, y1 = max(cx - half, 0), min(cx + half + 1, width), max(cy - half, 0), min(cy + half + 1, height)
            if x0 >= x1 or y0 >= y1:
                continue
            rgb, rest = self.sprite(r, int(tone * 997) % 5, int(tone * 12))
            part = (slice(y0 - cy + half, y1 - cy + half), slice(x0 - cx + half, x1 - cx + half))
            roi = image[y0:y1, x0:x1]
            roi[:] = (rgb[part] + roi * rest[part]) >> 8


def box_corners(x: float, y: float, angle: float, length: float, width: float, inset: float = 0.0) -> np.ndarray:
    """(4, 2) corners of a turned rectangle, shortened by `inset` (share of the length) at both ends."""
    c, s = math.cos(angle), math.sin(angle)
    a, b = length / 2 * (1 - inset), width / 2
    return np.array([(-a, -b), (a, -b), (a, b), (-a, b)]) @ np.array([[c, s], [-s, c]]) + (x, y)


def thing_shadows(mask: np.ndarray, scene: Scene, look: Look, cars: np.ndarray) -> None:
    """Shadows of cars and containers into the mask."""
    scale = 1.0 / scene.resolution_m
    sun = np.array(look.sun_xy) * look.shadow_length
    things = [(x, y, a, 4.3, 1.8, 1.3) for x, y, a, _, _ in cars.tolist()]
    things += [(x, y, a, length, width, height) for x, y, a, length, width, height, _ in scene.boxes.tolist()]
    for x, y, angle, length, width, height in things:
        corners = box_corners(x, y, angle, length, width)
        hull = cv2.convexHull(np.concatenate([corners, corners + sun * height]).astype(np.float32))[:, 0]
        cv2.fillConvexPoly(mask, fixed(hull * scale), 230, cv2.LINE_AA, SHIFT)


def draw_things(image: np.ndarray, shadow: np.ndarray, scene: Scene, look: Look, cars: np.ndarray) -> None:
    """Cars and containers in place, after the shadows were laid on the ground."""
    scale = 1.0 / scene.resolution_m
    height, width = image.shape[:2]
    for x, y, angle, tone, _ in cars.tolist():
        px, py = int(x * scale), int(y * scale)
        if not (0 <= px < width and 0 <= py < height):
            continue
        dim = 0.6 if shadow[py, px] > 250 else 1.0
        colour = CAR_COLOURS[int(tone * 4999) % len(CAR_COLOURS)] * dim
        long = 4.0 + 0.9 * tone
        for inset, shift, value in ((0.0, 0.0, colour), (0.62, 0.55, colour * 0.42), (0.45, -0.35, colour * 1.04)):
            at = x + math.cos(angle) * shift, y + math.sin(angle) * shift
            corners = box_corners(*at, angle, long, 1.8 - 0.35 * (inset > 0), inset)
            cv2.fillConvexPoly(
                image, fixed(corners * scale), tuple(float(min(v, 255)) for v in value), cv2.LINE_AA, SHIFT
            )
    for x, y, angle, length, wide, _, tone in scene.boxes.tolist():
        colour = BOX_COLOURS[int(tone * 4999) % len(BOX_COLOURS)]
        for inset, gain in ((0.0, 0.8), (0.04, 1.12)):
            corners = box_corners(x, y, angle, length, wide * (1 - inset * 3), inset)
            cv2.fillConvexPoly(
                image, fixed(corners * scale), tuple(float(v * gain) for v in colour), cv2.LINE_AA, SHIFT
            )
