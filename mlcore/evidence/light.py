"""Other light, other cameras and other weather for training crops."""

from __future__ import annotations

import cv2
import numpy as np

GREY = 114


def relight(image: np.ndarray, rng: np.random.Generator, strength: float = 0.0) -> np.ndarray:
    """Change light, colour cast, saturation and sharpness of (H, W, 3) uint8 at random.

    Args:
        strength: 0 for the variety of one place, 1 for that of places and cameras never seen.
    """
    work: np.ndarray = image.astype(np.float32)
    work = work.mean(axis=2, keepdims=True) + (work - work.mean(axis=2, keepdims=True)) * _around(
        rng, 0.25, 0.45, strength
    )
    work = (work - GREY) * _around(rng, 0.16, 0.3, strength) + GREY + rng.uniform(-15, 15) * (1 + strength)
    work *= np.array([_around(rng, 0.05, 0.12, strength) for _ in range(3)], np.float32)
    chance = rng.random()
    if chance < 0.15 * strength:
        work = np.repeat(work.mean(axis=2, keepdims=True), 3, axis=2)
    elif chance < 0.35 * strength:
        work = np.ascontiguousarray(work[..., rng.permutation(3)])
    if rng.random() < 0.1 + 0.3 * strength:
        work = cv2.GaussianBlur(work, (0, 0), float(rng.uniform(0.4, 0.9 + 0.5 * strength)))
    if rng.random() < 0.5 * strength:
        work += rng.standard_normal(work.shape, np.float32) * rng.uniform(0, 8)
    return np.clip(work, 0, 255).astype(np.uint8)


def weathered(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(H, W, 3) uint8 with, at random, the shadow of a cloud or a block, haze, a coarser camera and compression."""
    work: np.ndarray = image.astype(np.float32)
    if rng.random() < 0.25:
        work *= 1 - float(rng.uniform(0.15, 0.6)) * _patch(image.shape[:2], rng)[..., None]
    if rng.random() < 0.2:
        veil = float(rng.uniform(0.05, 0.35)) * (0.5 + 0.5 * _patch(image.shape[:2], rng)[..., None])
        work = work * (1 - veil) + np.array([205, 212, 222], np.float32) * veil
    if rng.random() < 0.25:
        work = 255 * np.clip(work / 255, 0, 1) ** float(np.exp(rng.uniform(-0.45, 0.45)))
    if rng.random() < 0.2:
        height, width = image.shape[:2]
        smaller = float(rng.uniform(0.3, 0.8))
        coarse = cv2.resize(work, (round(width * smaller), round(height * smaller)), interpolation=cv2.INTER_AREA)
        work = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    out = np.clip(work, 0, 255).astype(np.uint8)
    if rng.random() < 0.25:
        _, packed = cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(30, 90))])
        out = cv2.imdecode(packed, cv2.IMREAD_COLOR)
    return out


def _patch(size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """(H, W) float32 in 0..1: one random quadrangle, its border sharp or soft."""
    height, width = size
    angles = np.sort(rng.uniform(0, 2 * np.pi, 4))
    reach = rng.uniform(0.15, 0.6, (4, 1)) * max(size)
    corners = np.stack([np.cos(angles), np.sin(angles)], 1) * reach + rng.uniform(0, 1, 2) * (width, height)
    drawn = np.zeros(size, np.float32)
    cv2.fillPoly(drawn, [corners.round().astype(np.int32)], 1.0)
    return cv2.GaussianBlur(drawn, (0, 0), float(np.exp(rng.uniform(-0.5, 3.2))))


def _around(rng: np.random.Generator, plain: float, strong: float, strength: float) -> float:
    """A factor near 1: within 1 +- `plain`, or 1 +- `strong` at full strength."""
    reach = plain + (strong - plain) * strength
    return float(rng.uniform(1 - reach, 1 + reach))
