"""What is kept of a picture, and how a picture is brought to the model's pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import cv2
import numpy as np
import torch
from torch import Tensor

from mlcore.errors import InvalidInputError
from mlcore.geolocation.config import CELL_PX, GeolocationConfig

Role = Literal["query", "base"]
LEAST_CELLS = 3
"""A scale at which a query would have fewer cells a side is left out, but for its own scale."""
LEAST_SIDE_PX = 32


@dataclass(frozen=True, eq=False)
class PictureFeatures:
    """Tokens of a picture and its descriptor.

    Attributes:
        coarse: (h, w, C) float16 or float32 unit tokens at 1/64 of the model's pixels.
        valid: (h, w) bool, tokens that show data.
        scale: the model's pixels per pixel of the picture.
        descriptor: (D,) float32 unit vector of the whole picture, the same however it is turned.
        origin_xy: the picture's pixel where the grid begins: not (0, 0) where only its middle is seen.
        others: the query at its other scales; a base has none.
    """

    coarse: np.ndarray
    valid: np.ndarray
    scale: float
    descriptor: np.ndarray
    origin_xy: tuple[float, float] = (0.0, 0.0)
    others: tuple[PictureFeatures, ...] = ()

    def centres(self) -> np.ndarray:
        """(h * w, 2) float64 pixels of the picture in which the tokens' cells have their centres, row by row."""
        rows, columns = self.valid.shape
        y, x = np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")
        cells = np.stack([x, y], axis=-1).reshape(-1, 2) + 0.5
        return cells * (CELL_PX / self.scale) + np.array(self.origin_xy)

    @property
    def scales(self) -> tuple[PictureFeatures, ...]:
        """The picture itself and at its other scales."""
        return (self, *self.others)


@dataclass(frozen=True, eq=False)
class Seen:
    """A picture in the model's pixels.

    Attributes:
        rgb: (H, W, 3) uint8, sides multiples of 64, black where it was filled up; valid: (H, W) bool.
        scale, origin_xy: as in PictureFeatures.
    """

    rgb: np.ndarray
    valid: np.ndarray
    scale: float
    origin_xy: tuple[float, float]


def checked(rgb: np.ndarray, valid: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """A picture that can be looked at, and where it has data.

    Raises:
        InvalidInputError: not such a picture, too small, or without data.
    """
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8:
        raise InvalidInputError(f"a picture must be (H, W, 3) uint8, not {rgb.shape} {rgb.dtype}")
    seen = np.ones(rgb.shape[:2], bool) if valid is None else np.asarray(valid, bool)
    if seen.shape != rgb.shape[:2]:
        raise InvalidInputError(f"valid must be {rgb.shape[:2]} as the picture, not {seen.shape}")
    if min(rgb.shape[:2]) < LEAST_SIDE_PX:
        raise InvalidInputError(f"a picture of {rgb.shape[1]} x {rgb.shape[0]} px is too small: {LEAST_SIDE_PX} a side")
    return rgb, seen


def seen_at(rgb: np.ndarray, valid: np.ndarray, scale: float, most_px: int) -> Seen:
    """The picture at a scale; of more than `most_px` a side only the middle."""
    height, width = rgb.shape[:2]
    rows, columns = (min(side, int(most_px / scale)) for side in (height, width))
    top, left = (height - rows) // 2, (width - columns) // 2
    rgb, valid = rgb[top : top + rows, left : left + columns], valid[top : top + rows, left : left + columns]
    size = max(1, round(columns * scale)), max(1, round(rows * scale))
    if scale != 1.0:
        rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        valid = cv2.resize(valid.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    down, right = -size[1] % CELL_PX, -size[0] % CELL_PX
    rgb = cv2.copyMakeBorder(np.ascontiguousarray(rgb), 0, down, 0, right, cv2.BORDER_CONSTANT)
    valid = np.pad(valid, ((0, down), (0, right)))
    return Seen(np.where(valid[..., None], rgb, np.uint8(0)), valid, scale, (float(left), float(top)))


def views_of(rgb: np.ndarray, valid: np.ndarray, role: Role, config: GeolocationConfig) -> list[Seen]:
    """A base as it is (shrunk where it is too large); a query at its own scale first, then at the others."""
    if role not in get_args(Role):
        raise InvalidInputError(f"a picture is a query or a base, not {role!r}")
    longest = max(rgb.shape[:2])
    if role == "base":
        return [seen_at(rgb, valid, min(1.0, config.base_px / longest), config.base_px)]
    scales = [1.0, *(scale for scale in config.query_scales if scale != 1.0)]
    views = [seen_at(rgb, valid, scale, config.query_px) for scale in scales]
    enough = [view for view in views[1:] if min(_used(view)) >= LEAST_CELLS * CELL_PX]
    return [views[0], *enough]


def _used(view: Seen) -> tuple[int, int]:
    """Rows and columns that were not filled up."""
    return int(view.valid.any(axis=1).sum()), int(view.valid.any(axis=0).sum())


def to_images(pictures: list[np.ndarray] | np.ndarray, device: torch.device | str = "cpu") -> Tensor:
    """(H, W, 3) uint8 each, all of one size -> (B, 3, H, W) in 0..1, channels last in memory."""
    stacked = torch.from_numpy(np.stack([*pictures])).to(device).permute(0, 3, 1, 2).float() / 255.0
    return stacked.contiguous(memory_format=torch.channels_last)
