"""Made ground that keypoints find: blocks of many sizes and shades, as GeoTIFFs and as plain pictures."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from tests.mlcore.source_makers import write_tiff

CRS, WEST, NORTH = "EPSG:32737", 682_000.0, 8_388_000.0


def blocks(height: int, width: int, seed: int) -> np.ndarray:
    """(H, W, 3) uint8; another ground for each seed."""
    rng = np.random.default_rng(seed)
    picture = np.full((height, width, 3), 110, np.uint8)
    for _ in range(height * width // 300):
        x, y = int(rng.integers(width)), int(rng.integers(height))
        size = (int(rng.integers(4, 24)), int(rng.integers(4, 24)))
        box = cv2.boxPoints(((x, y), size, float(rng.uniform(0, 90)))).astype(np.int32)
        cv2.fillPoly(picture, [box], rng.integers(20, 240, 3).tolist())
    return cv2.GaussianBlur(picture, (0, 0), 0.8)


def write_place(folder: Path, seed: int, side: int = 900, cell: float = 0.5) -> Path:
    """A folder with one GeoTIFF, `seed` kilometres east of the first."""
    folder.mkdir(parents=True, exist_ok=True)
    write_tiff(
        folder / "image.tif", blocks(side, side, seed).transpose(2, 0, 1), CRS, WEST + 1000.0 * seed, NORTH, cell
    )
    return folder


def write_picture(path: Path, seed: int, side: int = 640) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), blocks(side, side, seed))
    return path
