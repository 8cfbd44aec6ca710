"""A large image and a map that is a picture of it in other light, moved by a known homography: SIFT can match them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import rasterio
from rasterio.crs import CRS
from rasterio.transform import from_origin

from mlcore.correspondences.classical import ClassicalMatcher
from mlcore.correspondences.hybrid.pictures import HALF
from mlcore.correspondences.hybrid.views import Matchers

WIDTH, HEIGHT = 1000, 800
SIDE = 200
SIFT = Matchers(ClassicalMatcher("sift"), ClassicalMatcher("sift"), "sift", "opencv")
WEST, NORTH = 9_500_000.0, 3_200_000.0


def ground(seed: int = 3) -> np.ndarray:
    """(HEIGHT, WIDTH, 3) uint8: fields, and blocks with corners to hold on to."""
    rng = np.random.default_rng(seed)
    picture = cv2.resize(rng.integers(60, 140, (24, 30, 3)).astype(np.uint8), (WIDTH, HEIGHT))
    for _ in range(1300):
        x, y, a, b = rng.integers(0, WIDTH), rng.integers(0, HEIGHT), rng.uniform(5, 22), rng.uniform(5, 22)
        box = cv2.boxPoints(((float(x), float(y)), (float(a), float(b)), float(rng.uniform(0, 90))))
        colour = tuple(int(one) for one in rng.integers(0, 255, 3))
        cv2.fillPoly(picture, [box.astype(np.int32)], colour)
    return picture


def scan_matrix(turn_deg: float = 14.0, scale: float = 0.8, tilt: float = 4e-6) -> np.ndarray:
    """(3, 3) from the ground's pixels to a scan that holds all of it."""
    cos, sin = scale * np.cos(np.radians(turn_deg)), scale * np.sin(np.radians(turn_deg))
    turned = np.array([[cos, -sin, 0], [sin, cos, 0], [tilt, 0, 1.0]])
    low = scan_corners(turned).min(axis=0)
    return np.array([[1, 0, -low[0]], [0, 1, -low[1]], [0, 0, 1.0]]) @ turned


def scan_corners(matrix: np.ndarray) -> np.ndarray:
    """(4, 2) where the ground's corners lie in the scan."""
    corners = np.array([[0, 0, 1], [WIDTH, 0, 1], [WIDTH, HEIGHT, 1], [0, HEIGHT, 1.0]]) @ matrix.T
    return corners[:, :2] / corners[:, 2:]


def scan(picture: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """The picture darker, its colours exchanged, as a scan on grey paper."""
    width, height = np.ceil(scan_corners(matrix).max(axis=0)).astype(int).tolist()
    inside = np.linalg.inv(HALF) @ matrix @ HALF
    moved = cv2.warpPerspective(picture, inside, (width, height), flags=cv2.INTER_AREA, borderValue=(120, 120, 120))
    return (20 + 0.8 * moved[..., ::-1].astype(np.float32)).astype(np.uint8)


def write_png(path: Path, rgb: np.ndarray) -> Path:
    cv2.imwrite(str(path), rgb[..., ::-1])
    return path


def write_tiff(path: Path, rgb: np.ndarray, *, step: float | None = None, nodata: int | None = None) -> Path:
    """A GeoTIFF; with `step` it lies at (WEST, NORTH) in EPSG:3857."""
    place = {} if step is None else {"crs": CRS.from_epsg(3857), "transform": from_origin(WEST, NORTH, step, step)}
    how = {"driver": "GTiff", "count": 3, "dtype": "uint8", "nodata": nodata, **place}
    with rasterio.open(path, "w", height=rgb.shape[0], width=rgb.shape[1], **how) as data:
        data.write(rgb.transpose(2, 0, 1))
    return path


def moved(matrix: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """Points under a (3, 3)."""
    to = np.column_stack([xy, np.ones(len(xy))]) @ matrix.T
    return to[:, :2] / to[:, 2:]
