"""Seeded noise: tileable textures that are cheap to lay over any window, and smooth fields over a whole town."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

TEXTURE_PX = 1024


def periodic_noise(rng: np.random.Generator, size: int, sigma: float) -> np.ndarray:
    """(size, size) float32 noise of unit deviation that wraps around; `sigma` is its blur in pixels."""
    noise = rng.standard_normal((size, size), dtype=np.float32)
    if sigma > 0:
        step = max(1, int(sigma // 3))
        small = noise[: size // step, : size // step]
        pad = int(sigma / step * 4) + 2
        wrapped = np.pad(small, pad, mode="wrap")
        blurred = cv2.GaussianBlur(wrapped, (0, 0), sigma / step)
        big = cv2.resize(blurred, None, fx=step, fy=step, interpolation=cv2.INTER_LINEAR)
        noise = np.asarray(big, dtype=np.float32)[pad * step : pad * step + size, pad * step : pad * step + size]
    return ((noise - noise.mean()) / (noise.std() + 1e-6)).astype(np.float32)


@lru_cache(maxsize=4)
def textures(seed: int) -> dict[str, np.ndarray]:
    """Tileable (1024, 1024) int8 textures, 32 units per standard deviation: `grain`, `clump`, `patch`."""
    rng = np.random.default_rng([seed, 101])
    fine = periodic_noise(rng, TEXTURE_PX, 0.7)
    clump = periodic_noise(rng, TEXTURE_PX, 3.0)
    patch = 0.7 * periodic_noise(rng, TEXTURE_PX, 14.0) + 0.7 * periodic_noise(rng, TEXTURE_PX, 45.0)
    return {name: _int8(field) for name, field in (("grain", fine), ("clump", clump), ("patch", patch))}


def _int8(field: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(field * 32), -127, 127).astype(np.int8)


def window(texture: np.ndarray, top: int, left: int, height: int, width: int) -> np.ndarray:
    """The tileable texture laid over a window of the mosaic, (height, width)."""
    size = texture.shape[0]
    top, left = top % size, left % size
    if top + height <= size and left + width <= size:
        return texture[top : top + height, left : left + width]
    rows = np.arange(top, top + height) % size
    columns = np.arange(left, left + width) % size
    return texture[np.ix_(rows, columns)]


class Waves:
    """A smooth scalar field over the plane: a few sine waves with seeded directions; value about -1..1."""

    def __init__(self, rng: np.random.Generator, wavelength_m: float, count: int = 4) -> None:
        angle = rng.uniform(0, 2 * np.pi, count)
        k = 2 * np.pi / (wavelength_m * rng.uniform(0.75, 1.5, count))
        self.kx, self.ky = k * np.cos(angle), k * np.sin(angle)
        self.phase = rng.uniform(0, 2 * np.pi, count)

    def __call__(self, xy: np.ndarray) -> np.ndarray:
        """(..., 2) scene metres -> (...) values."""
        xy = np.asarray(xy, dtype=np.float64)
        waves = np.sin(xy[..., 0, None] * self.kx + xy[..., 1, None] * self.ky + self.phase)
        return waves.sum(axis=-1) / np.sqrt(len(self.kx)) / 1.2
