"""Draws tiles for the browser: image, map and footprints, at every zoom."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from django.conf import settings
from django.core.cache import cache
from PIL import Image
from redis.exceptions import RedisError

from annotation.sources.models import Imagery, MapSnapshot
from annotation.tiles.engine import MapIndex, TileAddress, image_reader, render_map
from annotation.tiles.nearby import features_on

logger = logging.getLogger(__name__)
SIZES = (256, 512)
WEBP_QUALITY = 85


def image_tile(imagery: Imagery, address: TileAddress, size_px: int) -> bytes:
    """The image of a tile as WebP; transparent where it has no data."""
    key = f"tile:image:{imagery.pk}:{imagery.sha256[:16]}:{address.z}/{address.x}/{address.y}@{size_px}"
    return _kept(key, lambda: _draw_image(imagery, address, size_px))


def map_tile(snapshot: MapSnapshot, address: TileAddress, size_px: int, style: str) -> bytes:
    """The electronic map of a tile as PNG; `style` is the digest of the style it is drawn in."""
    key = f"tile:map:{snapshot.pk}:{snapshot.sha256[:16]}:{style}:{address.z}/{address.x}/{address.y}@{size_px}"
    return _kept(key, lambda: _draw_map(snapshot, address, size_px))


def _draw_image(imagery: Imagery, address: TileAddress, size_px: int) -> bytes:
    tile = image_reader(imagery).read_tile(address, size_px)
    if not tile.valid.any():
        return transparent(size_px)
    if tile.valid.all():
        return _encoded(Image.fromarray(tile.rgb), "WEBP", quality=WEBP_QUALITY, method=1)
    alpha = tile.valid.astype(np.uint8)[..., None] * 255
    return _encoded(Image.fromarray(np.concatenate([tile.rgb, alpha], axis=2)), "WEBP", quality=WEBP_QUALITY, method=1)


@lru_cache(maxsize=len(SIZES))
def transparent(size_px: int) -> bytes:
    """A tile of nothing."""
    return _encoded(Image.new("RGBA", (size_px, size_px)), "WEBP", lossless=True)


def _draw_map(snapshot: MapSnapshot, address: TileAddress, size_px: int) -> bytes:
    drawn = render_map(address, MapIndex(features_on(snapshot, address)), size_px)
    return _encoded(Image.fromarray(drawn), "PNG", compress_level=3)


def _encoded(image: Image.Image, format_: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format_, **options)
    return buffer.getvalue()


def _kept(key: str, draw: Callable[[], bytes]) -> bytes:
    """From the cache, or drawn and kept; a cache that is away only costs time."""
    data: bytes | None = None
    try:
        data = cache.get(key)
        if data is None:
            data = draw()
            cache.set(key, data, settings.TILE_CACHE_SECONDS)
    except RedisError:
        logger.warning("tiles are drawn without a cache: redis does not answer")
    return draw() if data is None else data
