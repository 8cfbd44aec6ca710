"""Tiny pairs of pictures in the published layouts, with the truth that lies in them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from scipy.io import savemat

from tests.mlcore.evaluation.readers.made_sets import save

SIZE = 96
TURN = np.array([[0.98, -0.12, 7.5], [0.1, 1.01, -3.25], [1e-4, -5e-5, 1.0]])
"""From the map to the image, pixels counted from the outer corner."""


def blobs(seed: int = 0, size: int = SIZE) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return cv2.resize(rng.integers(1, 255, (12, 12, 3)).astype(np.uint8), (size, size), interpolation=cv2.INTER_CUBIC)


def applied(matrix: np.ndarray, xy: np.ndarray) -> np.ndarray:
    moved = np.column_stack([xy, np.ones(len(xy))]) @ matrix.T
    return moved[:, :2] / moved[:, 2:]


def shown(picture: np.ndarray, matrix: np.ndarray = TURN) -> np.ndarray:
    """The picture moved by a matrix between pixels that count from the outer corner."""
    move = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1.0]])
    size = picture.shape[1::-1]
    return cv2.warpPerspective(picture, np.linalg.inv(move) @ matrix @ move, size, flags=cv2.INTER_LINEAR)


def landmarks(count: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """Points of the map and the image, counted from the outer corner."""
    map_xy = np.random.default_rng(1).uniform(10, SIZE - 20, (count, 2))
    return map_xy, applied(TURN, map_xy)


def mat_of_review(path: Path, *, with_matrix: bool = True, with_pictures: bool = True, compressed: bool = True) -> None:
    """As the review's database writes them: rows times T, moving to fixed, the first pixel's centre at (1, 1)."""
    map_xy, image_xy = landmarks()
    move = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1.0]])
    fixed_to_moving = move @ TURN @ np.linalg.inv(move)
    pictures = {"I_fix": blobs(), "I_move": shown(blobs())} if with_pictures else {}
    content: dict[str, object] = pictures | {
        "Landmarks": {"LMfix": map_xy + 0.5, "LMmov": image_xy + 0.5},
    }
    if with_matrix:
        content["T"] = np.linalg.inv(fixed_to_moving).T
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, content, do_compression=compressed)


def review_set(root: Path) -> None:
    folder = root / "RemoteSensing" / "Map_Optical"
    for first, second, mat in (
        ("MO1a", "MO1b", "MO1"),
        ("MO_2_a", "MO_2_b", "MO_2"),
        ("VisionCS_0a", "VisionCS_0b", "VisionCS0"),
    ):
        save(folder / f"{first}.png", blobs())
        save(folder / f"{second}.png", shown(blobs()))
        mat_of_review(folder / f"{mat}.mat", with_matrix=first != "MO_2_a")
    save(folder / "alone.png", blobs())


def mapdata_set(root: Path) -> list[str]:
    names = []
    for point, place, name in (("001", "1", "a"), ("001", "2", "b"), ("002", "1", "a")):
        save(root / point / place / "L" / f"{name}.png", blobs(len(names)))
        save(root / point / place / "R" / f"{name}.png", blobs(len(names) + 10))
        names.append(f"{point}/{place}/{name}")
    return names
