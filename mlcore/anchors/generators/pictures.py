"""Image and map of a tile as a model is shown them."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

from mlcore.anchors.generators.base import TileSource
from mlcore.errors import ConfigError
from mlcore.geometry.webmercator import TileAddress

SIDE_PX = 448
"""Side of each picture: 16 x 16 patches of 28 px, 256 tokens in Qwen2.5-VL."""


def pictures(tile: TileAddress, source: TileSource, side_px: int = SIDE_PX) -> tuple[Image.Image, Image.Image]:
    """Image and map of a tile, both side_px square RGB, pixel on pixel."""
    view = source.view(tile)
    return _resized(view.image, side_px), _resized(view.map, side_px)


def data_url(picture: Image.Image) -> str:
    """The picture as a base64 data URL of a PNG."""
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def check_side(side_px: int) -> int:
    """`side_px` if a model can use pictures of that size, else ConfigError."""
    if not 28 <= side_px <= 2048:
        raise ConfigError(f"pictures can't be {side_px} px wide: give 28..2048")
    return side_px


def _resized(pixels: np.ndarray, side_px: int) -> Image.Image:
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    return (
        picture if picture.size == (side_px, side_px) else picture.resize((side_px, side_px), Image.Resampling.BICUBIC)
    )
