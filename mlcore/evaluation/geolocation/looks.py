"""How another camera, hour or season would show the same ground: seeded changes of light, colour, blur and noise."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class Look:
    """One way to change a picture.

    Attributes:
        gains: of red, green, blue; offset: added to all, in shares of white.
        gamma: of the whole; saturation: 0 is grey, 1 as it was.
        blur_px: sigma; noise: sigma, in shares of white; seed: of the noise.
        quality: of JPEG.
    """

    gains: tuple[float, float, float] = (1.0, 1.0, 1.0)
    offset: float = 0.0
    gamma: float = 1.0
    saturation: float = 1.0
    blur_px: float = 0.0
    noise: float = 0.0
    seed: int = 0
    quality: int = 95

    def applied(self, rgb: np.ndarray) -> np.ndarray:
        """uint8 (H, W, 3) -> the same ground under this look."""
        picture = (
            np.clip(rgb.astype(np.float32) / 255 * np.array(self.gains, np.float32) + self.offset, 0, 1) ** self.gamma
        )
        grey = picture.mean(axis=2, keepdims=True)
        picture = grey + self.saturation * (picture - grey)
        if self.blur_px > 0:
            picture = cv2.GaussianBlur(picture, (0, 0), self.blur_px)
        if self.noise > 0:
            picture = picture + self.noise * np.random.default_rng(self.seed).standard_normal(
                picture.shape, dtype=np.float32
            )
        bgr = np.ascontiguousarray((np.clip(picture, 0, 1) * 255).round().astype(np.uint8)[:, :, ::-1])
        _, coded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, self.quality])
        decoded = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR))
        return np.ascontiguousarray(decoded[:, :, ::-1])


def draw_look(rng: np.random.Generator) -> Look:
    """A look at random: one in two is blurred, one in two has noise."""
    red, green, blue = (rng.uniform(0.75, 1.25) * rng.uniform(0.92, 1.08, 3)).tolist()
    blur, noise = rng.uniform(0.4, 1.5), rng.uniform(0.005, 0.03)
    return Look(
        (red, green, blue),
        float(rng.uniform(-0.08, 0.08)),
        float(rng.uniform(0.7, 1.4)),
        float(rng.uniform(0.5, 1.3)),
        float(blur) if rng.uniform() < 0.5 else 0.0,
        float(noise) if rng.uniform() < 0.5 else 0.0,
        int(rng.integers(2**31)),
        int(rng.integers(60, 96)),
    )
