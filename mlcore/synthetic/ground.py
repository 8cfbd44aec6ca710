"""The ground of a town as seen from above: parcels, fields, streets, water and rails with their textures."""

from __future__ import annotations

import cv2
import numpy as np

from mlcore.synthetic import palette
from mlcore.synthetic.layout import along_line, bank_patches, water_patches
from mlcore.synthetic.noise import textures, window
from mlcore.synthetic.palette import Look
from mlcore.synthetic.scene import Patch, Scene

SHIFT = 4
BAND_PX = 1024


def fixed(xy_px: np.ndarray) -> np.ndarray:
    """Pixels -> OpenCV's fixed-point coordinates (pixel centres at integers)."""
    return np.rint((np.asarray(xy_px) - 0.5) * (1 << SHIFT)).astype(np.int32)


def ground_classes(scene: Scene, extra: list[Patch], shape: tuple[int, int]) -> np.ndarray:
    """(H, W) uint8 class of every ground pixel; `extra` are patches of one date."""
    classes = np.full(shape, palette.VERGE, dtype=np.uint8)
    scale = 1.0 / scene.resolution_m
    for patch in [*bank_patches(scene), *scene.patches, *extra, *water_patches(scene)]:
        rings = [fixed(patch.ring * scale)] + ([fixed(patch.hole * scale)] if patch.hole is not None else [])
        cv2.fillPoly(classes, rings, patch.ground, cv2.LINE_8, SHIFT)
    for rail in scene.rails:
        cv2.polylines(classes, [fixed(rail * scale)], False, palette.BALLAST, max(1, round(4.2 * scale)), 8, SHIFT)
    for extra_m, ground in ((3.2, palette.PAVEMENT), (0.0, palette.ASPHALT)):
        for street in sorted(scene.streets, key=lambda s: -s.level):
            width = max(1, round((street.width + extra_m) * scale))
            cv2.polylines(classes, [fixed(street.line * scale)], False, ground, width, cv2.LINE_8, SHIFT)
    return classes


def textured(classes: np.ndarray, look: Look, seed: int) -> np.ndarray:
    """(H, W, 3) uint8 colours of the ground, window by window."""
    height, width = classes.shape
    out = np.empty((height, width, 3), dtype=np.uint8)
    noise = textures(seed)
    for top in range(0, height, BAND_PX):
        for left in range(0, width, BAND_PX):
            part = classes[top : top + BAND_PX, left : left + BAND_PX]
            out[top : top + BAND_PX, left : left + BAND_PX] = _textured_window(part, look, noise, top, left)
    return out


def _textured_window(part: np.ndarray, look: Look, noise: dict[str, np.ndarray], top: int, left: int) -> np.ndarray:
    layers = {}
    # Other offsets per texture, so that the repeats of the three never fall together.
    for name, table, step in (("clump", look.clump, 0), ("grain", look.grain, 333), ("patch", look.patch, 711)):
        wave = window(noise[name], top + step, left + 2 * step, *part.shape)
        layers[name] = cv2.multiply(wave, cv2.LUT(part, table / 32.0), dtype=cv2.CV_32F)
    even = cv2.add(layers["clump"], layers["grain"])
    channels = []
    for c in range(3):
        tone = cv2.multiply(layers["patch"], cv2.LUT(part, np.ascontiguousarray(look.drift[:, c])))
        channels.append(cv2.add(cv2.add(cv2.LUT(part, np.ascontiguousarray(look.base[:, c])), even), tone))
    return cv2.GaussianBlur(cv2.convertScaleAbs(cv2.merge(channels)), (3, 3), 0.7)


def plough(image: np.ndarray, scene: Scene) -> None:
    """Rows of crops and furrows over the fields, in place."""
    scale = 1.0 / scene.resolution_m
    for index, (ring, angle) in enumerate(scene.fields):
        xy = ring * scale
        x0, y0 = np.maximum(np.floor(xy.min(axis=0)).astype(int), 0)
        x1, y1 = np.minimum(np.ceil(xy.max(axis=0)).astype(int), (image.shape[1], image.shape[0]))
        if x1 - x0 < 2 or y1 - y0 < 2:
            continue
        mask = np.zeros((y1 - y0, x1 - x0), dtype=np.uint8)
        cv2.fillPoly(mask, [fixed(xy - (x0, y0))], 255, cv2.LINE_8, SHIFT)
        period = (1.4, 2.2, 0.9, 6.0)[index % 4] * scale
        k = 2 * np.pi / period
        phase = (np.arange(x0, x1, dtype=np.float32) * -np.sin(angle) * k)[None] + (
            np.arange(y0, y1, dtype=np.float32) * np.cos(angle) * k
        )[:, None]
        rows = np.sin(phase + 0.35 * np.sin(phase * 0.13)) * (7.0 if index % 3 else 3.0)
        rows[mask == 0] = 0
        roi = image[y0:y1, x0:x1]
        roi[:] = cv2.add(roi, cv2.merge([rows.astype(np.int16)] * 3), dtype=cv2.CV_8U)


def draw_lines(image: np.ndarray, scene: Scene) -> None:
    """Rails, sleepers' shade, lane markings and parking bays, in place."""
    scale = 1.0 / scene.resolution_m
    for rail in scene.rails:
        t = np.gradient(rail, axis=0)
        t /= np.hypot(t[:, 0], t[:, 1])[:, None]
        for side in (-0.72, 0.72):
            line = rail + side * np.stack([-t[:, 1], t[:, 0]], axis=1)
            cv2.polylines(image, [fixed(line * scale)], False, (92, 82, 76), 1, cv2.LINE_AA, SHIFT)
    for street in scene.streets:
        if street.level > 1:
            continue
        points, normals = along_line(street.line, 6.0)
        tangent = np.stack([normals[:, 1], -normals[:, 0]], axis=1) * 1.4
        dashes = fixed(np.stack([points - tangent, points + tangent], axis=1) * scale)
        cv2.polylines(image, list(dashes), False, (198, 196, 190), 1, cv2.LINE_AA, SHIFT)
    for ends, _, _ in scene.lines:
        cv2.polylines(image, [fixed(ends * scale)], False, (186, 186, 184), 1, cv2.LINE_AA, SHIFT)
