"""One image as another sensor or day might show it. Made from real tiles, and called simulated wherever it is told.

`relit` is what training draws from: any curve of tones, any mixture of the channels. The named modalities are what the
protocol *other modality* measures; training never sees them.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

Modality = Callable[[np.ndarray, np.random.Generator], np.ndarray]
CURVE_POINTS = 5


def relit(rgb: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(H, W, 3) uint8 under a random curve of tones for each channel, mixed, sometimes grey, turned over or noisy."""
    values: np.ndarray = rgb.astype(np.float32) / 255
    mix = np.eye(3, dtype=np.float32) + rng.normal(0, 0.3, (3, 3)).astype(np.float32)
    values = values @ (mix / np.abs(mix).sum(axis=0)).astype(np.float32)
    if rng.random() < 0.3:
        values = np.repeat(values.mean(axis=2, keepdims=True), 3, axis=2)
    knots = np.linspace(0, 1, CURVE_POINTS)
    for channel in range(3):
        heights = np.clip(knots + rng.normal(0, 0.2, CURVE_POINTS), 0, 1)
        values[..., channel] = np.interp(values[..., channel], knots, heights)
    if rng.random() < 0.2:
        values = 1 - values
    if rng.random() < 0.3:
        values = values * rng.normal(1, rng.uniform(0, 0.25), values.shape[:2])[..., None]
    if rng.random() < 0.3:
        values = np.asarray(cv2.GaussianBlur(values, (0, 0), rng.uniform(0.3, 1.5)), np.float32)
    return _bytes(values)


def near_infrared(rgb: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Plants bright, water and roofs dark: by how green a pixel is, for want of the band itself."""
    red, green, blue = (rgb[..., band].astype(np.float32) / 255 for band in range(3))
    plants = np.clip((2 * green - red - blue) * 3, 0, 1)
    grey = 0.65 * (1 - plants) * (0.4 * red + 0.2 * green + 0.4 * blue) + 0.95 * plants
    return _grey(grey + rng.normal(0, 0.015, grey.shape))


def night(rgb: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Dark and noisy, with lamps on bright ground."""
    grey = rgb.mean(axis=2).astype(np.float32) / 255
    lamps = np.zeros_like(grey)
    places = np.argwhere(grey > np.quantile(grey, 0.7))
    for row, column in places[rng.integers(len(places), size=max(1, grey.size // 12000))]:
        lamps[row, column] = 1.0
    glow = cv2.GaussianBlur(lamps, (0, 0), 9) * 300
    values = grey * (0.12 + np.clip(glow, 0, 0.9)) + rng.normal(0, 0.02, grey.shape)
    return _bytes(values[..., None] * np.array([1.0, 0.85, 0.6]))


def radar(rgb: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """SAR-like: bright where walls face one side, dark where smooth, under multiplicative speckle of four looks."""
    grey = cv2.GaussianBlur(rgb.mean(axis=2).astype(np.float32) / 255, (0, 0), 1.2)
    across, down = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    rough = cv2.GaussianBlur(np.hypot(across, down), (0, 0), 2)
    back = 0.1 + 1.2 * np.clip(across, 0, None) + 1.5 * rough
    return _grey(np.sqrt(back * rng.gamma(4, 1 / 4, grey.shape)))


def hillshade(rgb: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A surface lit from the north-west, taking bright for high."""
    height = cv2.GaussianBlur(rgb.mean(axis=2).astype(np.float32) / 255, (0, 0), 1.5) * 14
    across, down = cv2.Sobel(height, cv2.CV_32F, 1, 0) / 8, cv2.Sobel(height, cv2.CV_32F, 0, 1) / 8
    lit = (0.5 * across + 0.5 * down + 0.7) / np.sqrt(1 + across**2 + down**2)
    return _grey(lit)


def other_season(rgb: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Another day: plants brown or green, longer shadows, haze."""
    values = rgb.astype(np.float32) / 255
    plants = np.clip((2 * values[..., 1] - values[..., 0] - values[..., 2]) * 4, 0, 1)[..., None]
    values = values * (1 - plants) + plants * values.mean(axis=2, keepdims=True) * np.array([1.25, 1.05, 0.7])
    reach = int(rng.integers(3, 9))
    shadow = np.roll(values.mean(axis=2) < 0.25, (reach, -reach), (0, 1))
    values = np.where(shadow[..., None], values * 0.6, values)
    return _bytes(values * 0.8 + 0.15)


MODALITIES: dict[str, Modality] = {
    "near_infrared": near_infrared,
    "night": night,
    "radar": radar,
    "hillshade": hillshade,
    "other_season": other_season,
}


def _grey(values: np.ndarray) -> np.ndarray:
    return np.repeat(_bytes(values)[..., None], 3, axis=2)


def _bytes(values: np.ndarray) -> np.ndarray:
    return np.asarray(np.clip(values * 255, 0, 255).astype(np.uint8))
