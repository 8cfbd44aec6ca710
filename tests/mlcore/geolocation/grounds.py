"""Made ground: seeded texture that looks different everywhere, and rasters of it in any reference system."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import rasterio
from affine import Affine


def texture(seed: int, height: int = 512, width: int = 512) -> np.ndarray:
    """(height, width, 3) uint8 of blobs and blocks at several scales, never blank."""
    rng = np.random.default_rng(seed)
    picture = np.zeros((height, width, 3), np.float32)
    for cell, strength in ((64, 60), (24, 50), (8, 35)):
        shape = (height // cell + 2, width // cell + 2, 3)
        how = cv2.INTER_NEAREST if cell == 24 else cv2.INTER_CUBIC
        large = cv2.resize(
            rng.normal(size=shape).astype(np.float32), (shape[1] * cell, shape[0] * cell), interpolation=how
        )
        picture += strength * large[:height, :width]
    return np.clip(128 + picture, 1, 255).astype(np.uint8)


def write_raster(
    path: Path,
    rgb: np.ndarray,
    transform: Affine,
    crs: str = "EPSG:3857",
    *,
    mask: np.ndarray | None = None,
    **profile: object,
) -> Path:
    """A GeoTIFF of (H, W, 3), with a mask where one is given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width = rgb.shape[:2]
    size = {"driver": "GTiff", "height": height, "width": width, "count": 3, "dtype": "uint8", **profile}
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(path, "w", crs=crs, transform=transform, **size) as data,
    ):
        data.write(rgb.transpose(2, 0, 1))
        if mask is not None:
            data.write_mask(mask.astype(np.uint8) * 255)
    return path


def seen(rgb: np.ndarray, homography: np.ndarray, width: int, height: int) -> np.ndarray:
    """What a camera sees whose pixels the homography (3, 3) brings to those of the ground; corner-based pixels."""
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1.0]])
    inner = np.linalg.inv(half) @ homography @ half
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpPerspective(rgb, inner, (width, height), flags=flags, borderMode=cv2.BORDER_REFLECT)


def similarity(angle_deg: float, scale: float, middle: tuple[float, float], width: int, height: int) -> np.ndarray:
    """(3, 3) that lays a picture's middle on a place, turned clockwise and scaled."""
    angle = np.radians(angle_deg)
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = np.eye(3)
    matrix[:2, :2] = linear
    matrix[:2, 2] = np.array(middle) - linear @ (width / 2, height / 2)
    return matrix
