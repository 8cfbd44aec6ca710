"""One date of a town as an aerial image."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from mlcore.progress import Progress, SilentProgress, stop_if_asked
from mlcore.synthetic.dressing import Crowns, draw_things, thing_shadows, tree_shadows
from mlcore.synthetic.ground import BAND_PX, draw_lines, ground_classes, plough, textured
from mlcore.synthetic.noise import textures, window
from mlcore.synthetic.palette import Look, make_look
from mlcore.synthetic.roofs import cast_shadow, draw_building
from mlcore.synthetic.scene import Building, Patch, Scene

SHADE = (0.60, 0.56, 0.48)


def take_image(
    scene: Scene,
    buildings: Sequence[Building],
    extra_ground: list[Patch],
    shape: tuple[int, int],
    *,
    seed: int,
    date: int,
    progress: Progress | None = None,
) -> np.ndarray:
    """The town from above.

    Args:
        buildings: what stands at this date.
        extra_ground: ground of this date alone (cleared plots, building sites).
        shape: (height, width) in pixels.
        date: 0 earlier, 1 now; picks light, cars and noise.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    progress = progress or SilentProgress()
    look, noise, scale = make_look(seed, date), textures(seed), 1.0 / scene.resolution_m
    image = textured(ground_classes(scene, extra_ground, shape), look, seed)
    plough(image, scene)
    draw_lines(image, scene)
    stop_if_asked(progress)
    progress.report(0.3, "ground")
    keep = np.random.default_rng([seed, 41, date]).random(len(scene.cars)) < 0.72
    cars = scene.cars[keep]
    shadow = np.zeros(shape, dtype=np.uint8)
    thing_shadows(shadow, scene, look, cars)
    tree_shadows(shadow, scene, look)
    for building in buildings:
        cast_shadow(shadow, building, look, scale)
    _darken(image, shadow)
    draw_things(image, shadow, scene, look, cars)
    stop_if_asked(progress)
    progress.report(0.5, "shadows")
    for building in sorted(buildings, key=lambda b: b.height):
        draw_building(image, building, look, noise, scale)
    stop_if_asked(progress)
    progress.report(0.75, "buildings")
    Crowns(seed, look).draw(image, scene)
    _sensor(image, look, noise, date)
    progress.report(1.0, "image")
    return image


def _darken(image: np.ndarray, shadow: np.ndarray) -> None:
    """Lay the shadow mask on the ground, in place; its edge is soft and its light blue."""
    for top in range(0, len(image), BAND_PX):
        rows = slice(top, top + BAND_PX)
        soft = cv2.GaussianBlur(shadow[rows], (3, 3), 0.8)
        table = 256 - np.arange(256)[:, None] * np.array(SHADE) * (256 / 255)
        light = cv2.LUT(cv2.merge([soft] * 3), np.clip(table, 0, 255).astype(np.uint8)[None])
        image[rows] = cv2.multiply(image[rows], light, scale=1 / 255)


def _sensor(image: np.ndarray, look: Look, noise: dict[str, np.ndarray], date: int) -> None:
    """Optics and sensor in place: slight blur, colour balance, haze, noise."""
    levels = np.arange(256)[:, None] * np.array(look.gain) * (1 - look.haze) + look.haze * np.array((176, 186, 200))
    table = np.clip(np.rint(levels), 0, 255).astype(np.uint8)[None]
    above = image[:0].copy()
    for top in range(0, len(image), BAND_PX):
        bottom = min(top + BAND_PX, len(image))
        band = np.concatenate([above, image[top : bottom + 2]])
        above, skip = image[bottom - 2 : bottom].copy(), len(above)
        soft = cv2.GaussianBlur(band, (3, 3), 0.55)[skip : skip + bottom - top]
        grain = window(noise["grain"], top + 500 * date + 77, 500, bottom - top, image.shape[1])
        small = cv2.convertScaleAbs(grain, alpha=2.6 / 32).astype(np.int16) * np.sign(grain)
        image[top:bottom] = cv2.add(cv2.LUT(soft, table), cv2.merge([small] * 3), dtype=cv2.CV_8U)
