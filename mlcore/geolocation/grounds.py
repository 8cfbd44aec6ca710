"""Training pairs of the locator: a query and a base cut from one picture of the ground, turned, scaled and relit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from mlcore.errors import InvalidInputError
from mlcore.geolocation.config import GeolocationConfig

MARGIN = 1.3
"""The ground drawn for a pair is so many times as wide as the base: a query may reach beyond its base."""
LEAST_VALID = 0.4
TRIES = 20
PERSPECTIVE = 0.08
RESIDUAL_DEG, RESIDUAL_SCALE, RESIDUAL_SHARE = 6.0, 0.08, 0.1
"""How far two pictures still are apart that a rough place has laid upon each other."""
HALF = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1.0]])


class PictureGround:
    """Pictures of the ground from which pairs are cut.

    Args:
        pictures: (H, W, 3) uint8 each. Where they are too small for a pair, several are laid side by side.
        valid: (H, W) bool each; None: all of every picture.
        categories: (K,) shares of what each picture shows, for the distillation; None where nobody said.
        finest, coarsest: pictures are seen at a scale between these.

    Raises:
        InvalidInputError: no picture.
    """

    def __init__(
        self, pictures: Sequence[np.ndarray], valid: Sequence[np.ndarray] | None = None,
        categories: Sequence[np.ndarray | None] | None = None, *, finest: float = 1.0, coarsest: float = 1.0,
    ) -> None:  # fmt: skip
        if not pictures:
            raise InvalidInputError("there is no picture to learn from")
        self.pictures = list(pictures)
        self.valid = list(valid) if valid is not None else [np.ones(one.shape[:2], bool) for one in pictures]
        self.categories = list(categories) if categories is not None else [None] * len(self.pictures)
        self.spread = math.log(coarsest), math.log(finest)

    def draw(self, side_px: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """A square of the ground, where it shows data, and what its middle shows."""
        number = int(rng.integers(len(self.pictures)))
        scale = math.exp(rng.uniform(*self.spread))
        height, width = self.pictures[number].shape[:2]
        if min(height, width) * scale < side_px:
            scale = min(1.0, side_px / min(height, width))
        if min(height, width) * scale < side_px:
            return self._mosaic(number, side_px, rng)
        need = math.ceil(side_px / scale)
        for _ in range(TRIES):
            top, left = int(rng.integers(height - need + 1)), int(rng.integers(width - need + 1))
            part = slice(top, top + need), slice(left, left + need)
            if self.valid[number][part].mean() >= LEAST_VALID:
                break
        size = (side_px, side_px)
        rgb = cv2.resize(self.pictures[number][part], size, interpolation=cv2.INTER_AREA)
        valid = cv2.resize(self.valid[number][part].astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
        return rgb, valid, self.categories[number]

    def _mosaic(
        self, number: int, side_px: int, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Pictures side by side; the middle of the square lies in the one that was drawn."""
        patch = min(self.pictures[number].shape[:2])
        count = side_px // patch + 2
        canvas = np.zeros((count * patch, count * patch, 3), np.uint8)
        valid = np.zeros(canvas.shape[:2], bool)
        middle = count // 2
        for row in range(count):
            for column in range(count):
                here = number if row == column == middle else int(rng.integers(len(self.pictures)))
                rgb = self.pictures[here][:patch, :patch]
                at = (
                    slice(row * patch, row * patch + rgb.shape[0]),
                    slice(column * patch, column * patch + rgb.shape[1]),
                )
                canvas[at], valid[at] = rgb, self.valid[here][:patch, :patch]
        top, left = (int(middle * patch + rng.integers(patch) - side_px / 2) for _ in range(2))
        top, left = (min(max(0, start), count * patch - side_px) for start in (top, left))
        part = slice(top, top + side_px), slice(left, left + side_px)
        return canvas[part], valid[part], self.categories[number]


@dataclass(frozen=True, eq=False)
class TrainingPair:
    """A query and its base; and two pictures of the same ground that nearly lie on each other.

    Attributes:
        query, base: (S, S, 3) uint8, each of its own side; query_valid, base_valid: (S, S) bool.
        matrix: (3, 3) from the query's to the base's pixels.
        near_query, near_base: (F, F, 3) uint8; near_valid: (F, F) bool, where the query shows data.
        near_matrix: (3, 3) from near_query's to near_base's pixels.
        categories: (K,) shares of what the query shows, or None.
    """

    query: np.ndarray
    query_valid: np.ndarray
    base: np.ndarray
    base_valid: np.ndarray
    matrix: np.ndarray
    near_query: np.ndarray
    near_valid: np.ndarray
    near_base: np.ndarray
    near_matrix: np.ndarray
    categories: np.ndarray | None


def draw_pair(ground: PictureGround, config: GeolocationConfig, rng: np.random.Generator) -> TrainingPair:
    """A pair at any angle, up to `scale_spread` apart in scale, in another light."""
    base_px, query_px, near_px = config.train_base_px, config.train_query_px, config.train_fine_px
    side = math.ceil(base_px * MARGIN / 2) * 2
    rgb, valid, categories = ground.draw(side, rng)
    to_base = _upright(side, base_px, rng)
    scale = math.exp(rng.uniform(-1, 1) * math.log(config.scale_spread))
    reach = max(0.0, base_px / 2 - 0.3 * query_px / scale)
    middle = np.linalg.inv(to_base) @ np.append(base_px / 2 + rng.uniform(-reach, reach, 2), 1.0)
    to_query = _cut_matrix(middle[:2], rng.uniform(0, 2 * np.pi), scale, query_px, rng)
    query, query_valid = warped(rgb, valid, to_query, query_px)
    base, base_valid = warped(rgb, valid, to_base, base_px)
    spot = middle[:2] + rng.uniform(-0.2, 0.2, 2) * query_px
    spot = np.clip(spot, near_px / 2, side - near_px / 2)
    angle = rng.uniform(0, 2 * np.pi)
    to_near = _cut_matrix(spot, angle, 1.0, near_px, None)
    off = np.radians(rng.uniform(-RESIDUAL_DEG, RESIDUAL_DEG)), math.exp(rng.uniform(-1, 1) * RESIDUAL_SCALE)
    to_other = _cut_matrix(spot, angle + off[0], off[1], near_px, rng)
    to_other = _shift(rng.uniform(-1, 1, 2) * RESIDUAL_SHARE * near_px) @ to_other
    near_query, near_valid = warped(rgb, valid, to_other, near_px)
    near_base, _ = warped(rgb, valid, to_near, near_px)
    return TrainingPair(
        relit(query, rng), query_valid, relit(base, rng), base_valid, to_base @ np.linalg.inv(to_query),
        relit(near_query, rng), near_valid, relit(near_base, rng), to_near @ np.linalg.inv(to_other), categories,
    )  # fmt: skip


def warped(rgb: np.ndarray, valid: np.ndarray, matrix: np.ndarray, side_px: int) -> tuple[np.ndarray, np.ndarray]:
    """A picture under a homography of corner-based pixels; shrunk pictures are blurred first."""
    step = math.sqrt(abs(np.linalg.det(matrix[:2, :2])))
    if step < 0.9:
        rgb = cv2.GaussianBlur(rgb, (0, 0), 0.45 / step)
    inner = np.linalg.inv(HALF) @ matrix @ HALF
    cut = cv2.warpPerspective(rgb, inner, (side_px, side_px), flags=cv2.INTER_LINEAR)
    seen = cv2.warpPerspective(valid.astype(np.uint8), inner, (side_px, side_px), flags=cv2.INTER_NEAREST) > 0
    return np.where(seen[..., None], cut, np.uint8(0)), seen


def relit(rgb: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The picture by another camera at another hour: light, contrast, colours, shade, blur, noise, JPEG."""
    values: np.ndarray = rgb.astype(np.float32) / 255.0
    values = values ** math.exp(rng.uniform(-0.35, 0.35))
    mean = float(values.mean())
    values = (values - mean) * rng.uniform(0.7, 1.35) + mean + rng.uniform(-0.12, 0.12)
    values = values * rng.uniform(0.88, 1.12, 3).astype(np.float32)
    if rng.random() < 0.2:
        values = values + (values.mean(axis=2, keepdims=True) - values) * rng.uniform(0.3, 1.0)
    if rng.random() < 0.3:
        ramp = np.linspace(-1, 1, rgb.shape[1], dtype=np.float32)[None, :, None]
        values = values * (1 + rng.uniform(-0.25, 0.25) * (ramp if rng.random() < 0.5 else ramp.transpose(1, 0, 2)))
    if rng.random() < 0.3:
        values = cv2.GaussianBlur(values, (0, 0), rng.uniform(0.4, 1.6))
    if rng.random() < 0.4:
        values = values + rng.normal(0, rng.uniform(0.005, 0.04), rgb.shape).astype(np.float32)
    out: np.ndarray = (values.clip(0, 1) * 255).astype(np.uint8)
    if rng.random() < 0.3:
        coded = cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(35, 90))])[1]
        out = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR))
    return np.where((rgb == 0).all(axis=2, keepdims=True), np.uint8(0), out)


def _upright(side: int, base_px: int, rng: np.random.Generator) -> np.ndarray:
    """(3, 3) from the ground to a base in it: by quarter turns and mirrored or not, as maps of anywhere might lie."""
    angle, flip = rng.integers(4) * np.pi / 2, -1.0 if rng.random() < 0.5 else 1.0
    middle = side / 2 + rng.uniform(-1, 1, 2) * (side - base_px) / 2
    cos, sin = round(math.cos(angle)), round(math.sin(angle))
    linear = np.array([[cos, -sin], [sin, cos]]) @ np.diag([flip, 1.0])
    return np.vstack([np.column_stack([linear, base_px / 2 - linear @ middle]), [0, 0, 1]])


def _cut_matrix(
    middle: np.ndarray, turn: float, scale: float, side_px: int, rng: np.random.Generator | None
) -> np.ndarray:
    """(3, 3) from the ground to a picture around `middle`, with a little perspective where `rng` is given."""
    cos, sin = scale * math.cos(turn), scale * math.sin(turn)
    linear = np.array([[cos, -sin], [sin, cos]])
    about = np.vstack([np.column_stack([linear, -linear @ middle]), [0, 0, 1]])
    tilt = np.eye(3)
    if rng is not None:
        tilt[2, :2] = rng.uniform(-PERSPECTIVE, PERSPECTIVE, 2) / side_px
    return _shift(np.full(2, side_px / 2)) @ tilt @ about


def _shift(by: np.ndarray) -> np.ndarray:
    return np.array([[1, 0, by[0]], [0, 1, by[1]], [0, 0, 1.0]])
