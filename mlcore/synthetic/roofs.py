"""Buildings as seen from above: facades by relief displacement, roofs shaded by the sun, clutter on flat roofs."""

from __future__ import annotations

import math

import cv2
import numpy as np
import shapely

from mlcore.synthetic.ground import SHIFT, fixed
from mlcore.synthetic.noise import window
from mlcore.synthetic.palette import Look
from mlcore.synthetic.scene import Building, Part

SUN_SIN = 0.72
PITCH = 0.62


def rings_px(footprint: shapely.Polygon, scale: float, shift_px: tuple[float, float] = (0.0, 0.0)) -> list[np.ndarray]:
    """Rings of a footprint in pixels, outer first, moved by `shift_px`."""
    rings = [footprint.exterior, *footprint.interiors]
    return [shapely.get_coordinates(ring)[:-1] * scale + shift_px for ring in rings]


def cast_shadow(mask: np.ndarray, building: Building, look: Look, scale: float) -> None:
    """Draw the ground shadow of a building into the (H, W) shadow mask."""
    reach = building.ground_height * look.shadow_length * scale
    offset = np.array(look.sun_xy) * reach
    for ring in rings_px(building.footprint, scale):
        edges = np.stack([ring, np.roll(ring, -1, axis=0), np.roll(ring, -1, axis=0) + offset, ring + offset], axis=1)
        for quad in edges:
            cv2.fillConvexPoly(mask, fixed(quad), 255, cv2.LINE_AA, SHIFT)
    cv2.fillPoly(mask, [fixed(r + offset) for r in rings_px(building.footprint, scale)], 255, cv2.LINE_AA, SHIFT)


def draw_building(
    image: np.ndarray, building: Building, look: Look, noise: dict[str, np.ndarray], scale: float
) -> None:
    """Draw facades and roof in place."""
    lift = np.array(look.view_xy) * building.height * scale
    _facades(image, building, look, lift, scale)
    rings = rings_px(building.footprint, scale, (float(lift[0]), float(lift[1])))
    x0, y0 = np.maximum(np.floor(rings[0].min(axis=0)).astype(int) - 1, 0)
    x1, y1 = np.minimum(np.ceil(rings[0].max(axis=0)).astype(int) + 2, (image.shape[1], image.shape[0]))
    if x1 <= x0 or y1 <= y0:
        return
    canvas, origin_uv = _roof_canvas(building, look, noise, scale)
    c, s = math.cos(building.frame.angle), math.sin(building.frame.angle)
    corner = building.frame.to_scene(origin_uv) * scale + lift - (x0, y0)
    matrix = np.array([[c, -s, corner[0]], [s, c, corner[1]]])
    roof = cv2.warpAffine(canvas, matrix, (x1 - x0, y1 - y0), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    alpha = np.zeros((y1 - y0, x1 - x0), dtype=np.uint8)
    cv2.fillPoly(alpha, [fixed(r - (x0, y0)) for r in rings], 255, cv2.LINE_AA, SHIFT)
    if building.roof in ("flat", "metal", "saw"):
        edge = tuple(float(v) for v in np.clip(canvas[0, 0].astype(float) * 1.1 + 8, 0, 255))
        outline = [fixed(r - (x0, y0)) for r in rings]
        cv2.polylines(roof, outline, True, edge, 2 if building.roof == "flat" else 1, cv2.LINE_AA, SHIFT)
    weight = alpha[..., None].astype(np.uint16) + (alpha[..., None] >> 7)
    roi = image[y0:y1, x0:x1]
    roi[:] = (roof * weight + roi * (256 - weight)) >> 8


def _facades(image: np.ndarray, building: Building, look: Look, lift: np.ndarray, scale: float) -> None:
    wall = np.array((206, 196, 180)) * (0.72 + 0.35 * ((building.tone * 17) % 1))
    to_sun = -np.array(look.sun_xy)
    for ring in rings_px(building.footprint, scale):
        after = np.roll(ring, -1, axis=0)
        edge = after - ring
        normal = np.stack([edge[:, 1], -edge[:, 0]], axis=1) / np.maximum(np.hypot(*edge.T), 1e-6)[:, None]
        light = 0.62 + 0.38 * (normal @ to_sun)
        for i in range(len(ring)):
            if normal[i] @ lift >= 0:
                continue
            quad = np.array([ring[i], after[i], after[i] + lift, ring[i] + lift])
            colour = tuple(float(v) for v in wall * max(0.4, light[i]))
            cv2.fillConvexPoly(image, fixed(quad), colour, cv2.LINE_AA, SHIFT)


def _roof_canvas(
    building: Building, look: Look, noise: dict[str, np.ndarray], scale: float
) -> tuple[np.ndarray, np.ndarray]:
    """The roof drawn upright in its own frame, (h, w, 3) uint8, and the (u, v) metres of its first pixel."""
    u0, v0 = min(p.u0 for p in building.wings), min(p.v0 for p in building.wings)
    u1, v1 = max(p.u1 for p in building.wings), max(p.v1 for p in building.wings)
    pad = 2
    shape = math.ceil((v1 - v0) * scale) + 2 * pad, math.ceil((u1 - u0) * scale) + 2 * pad
    corner = np.array([u0, v0]) - pad / scale
    shade = np.ones(shape, dtype=np.float32)
    height = np.zeros(shape, dtype=np.float32)
    pitched = building.roof in ("gable", "hip", "metal")
    for wing in building.wings:
        if pitched:
            _shade_wing(shade, height, building, wing, corner, scale, look)
    if building.roof == "saw":
        period = 6.0 * scale
        shade *= np.where((np.arange(shape[1]) % period) < 0.35 * period, 0.72, 1.06).astype(np.float32)
    if building.roof == "metal":
        shade[:, :: max(3, round(1.1 * scale))] *= 0.93
    offset = int(building.tone * 9973)
    colours = look.roofs if building.roof in ("gable", "hip") else look.flats
    index = int(building.tone * 7919) % len(colours)
    colour = colours[index] * (0.86 + 0.26 * ((building.tone * 131) % 1))
    grain = window(noise["grain"], offset, offset * 3, *shape).astype(np.float32)
    blotch = window(noise["patch"], offset * 5, offset, *shape).astype(np.float32)
    rough = (5.0 if pitched and building.roof != "metal" else 3.0) / 32
    texture = grain * rough + blotch * (6.0 / 32)
    canvas = shade[..., None] * colour + texture[..., None]
    if building.roof == "flat":
        _clutter(canvas, building, look, scale)
    return np.clip(canvas, 0, 255).astype(np.uint8), corner


def _shade_wing(
    shade: np.ndarray, height: np.ndarray, building: Building, wing: Part, corner: np.ndarray, scale: float, look: Look
) -> None:
    """Lay one wing's planes where they are the highest so far."""
    low, high = (np.array([wing.u0, wing.v0]) - corner) * scale, (np.array([wing.u1, wing.v1]) - corner) * scale
    x0, y0 = np.floor(low).astype(int)
    x1, y1 = np.ceil(high).astype(int)
    u = (np.arange(x0, x1) + 0.5 - low[0]).astype(np.float32)
    v = (np.arange(y0, y1) + 0.5 - low[1]).astype(np.float32)
    du, dv = np.minimum(u, high[0] - low[0] - u)[None], np.minimum(v, high[1] - low[1] - v)[:, None]
    lit_u = np.where(u * 2 < high[0] - low[0], *_lit(building, look, (-1, 0)))[None]
    lit_v = np.where(v * 2 < high[1] - low[1], *_lit(building, look, (0, -1)))[:, None]
    size = (len(v), len(u))
    if building.roof == "hip":
        rise, lit = np.minimum(du, dv), np.where(du < dv, lit_u, lit_v)
    elif high[0] - low[0] >= high[1] - low[1]:
        rise, lit = np.broadcast_to(dv, size), np.broadcast_to(lit_v, size)
    else:
        rise, lit = np.broadcast_to(du, size), np.broadcast_to(lit_u, size)
    area = (slice(y0, y1), slice(x0, x1))
    win = rise > height[area]
    ridge = rise > float(rise.max()) - 0.8
    shade[area] = np.where(win, np.where(ridge, lit * 0.5 + 0.62, lit), shade[area])
    height[area] = np.where(win, rise, height[area])


def _lit(building: Building, look: Look, down_uv: tuple[int, int]) -> tuple[float, float]:
    """Brightness of the plane that falls towards `down_uv`, and of its opposite, against a flat roof's 1."""
    c, s = math.cos(building.frame.angle), math.sin(building.frame.angle)
    down = (c * down_uv[0] - s * down_uv[1], s * down_uv[0] + c * down_uv[1])
    facing = -(down[0] * look.sun_xy[0] + down[1] * look.sun_xy[1])
    slope = 0.22 if building.roof == "metal" else PITCH
    sun_cos = math.sqrt(1 - SUN_SIN**2)
    norm = math.hypot(1, slope)
    return tuple(0.25 + 0.75 * (SUN_SIN + slope * sign * facing * sun_cos) / norm / SUN_SIN for sign in (1, -1))  # type: ignore[return-value]


def _clutter(canvas: np.ndarray, building: Building, look: Look, scale: float) -> None:
    rng = np.random.default_rng(int(building.tone * 2**31))
    h, w = canvas.shape[:2]
    c, s = math.cos(-building.frame.angle), math.sin(-building.frame.angle)
    shadow = np.array([c * look.sun_xy[0] - s * look.sun_xy[1], s * look.sun_xy[0] + c * look.sun_xy[1]]) * scale
    for _ in range(int(rng.poisson(1 + h * w / scale**2 / 90))):
        size = rng.uniform(0.7, 2.6, 2) * scale
        at = rng.uniform((3, 3), (max(w - size[0] - 3, 4), max(h - size[1] - 3, 4)))
        value = float(rng.uniform(120, 235))
        for shift, colour in ((shadow * 1.1, None), (np.zeros(2), value)):
            x0, y0 = np.clip((at + shift).astype(int), 0, (w, h))
            x1, y1 = np.clip((at + shift + size).astype(int), 0, (w, h))
            if colour is None:
                canvas[y0:y1, x0:x1] *= 0.6
            else:
                canvas[y0:y1, x0:x1] = colour
