"""What is left out of a set of pairs, and why: rules on the pixels of a window, told apart by name."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from mlcore.correspondences.hybrid.config import HybridConfig

RULES = (
    "overlap", "no_data", "off_the_map", "empty_map", "low_texture", "duplicate", "no_match", "implausible",
)  # fmt: skip
"""In the order in which a window is held against them; each is counted once, by the first that it breaks.

overlap: it reaches into a block of another part. no_data: the image has too little. off_the_map: the map has too
little. empty_map: the map draws nothing. low_texture: the image shows nothing. duplicate: image and map look as those
of a window before it. no_match: the matcher found none. implausible: it is moved too far, or unlike its neighbours.
"""
EDGE = 60.0
HASH_SIDE = 8


def broken_rule(
    map_seen: tuple[np.ndarray, np.ndarray], image_seen: tuple[np.ndarray, np.ndarray], config: HybridConfig
) -> str:
    """The first rule that a window breaks by its own pixels; empty: none.

    Args:
        map_seen, image_seen: (S, S, 3) uint8 and (S, S) bool where it is valid.
    """
    (map_rgb, map_valid), (rgb, valid) = map_seen, image_seen
    if valid.mean() < config.least_valid:
        return "no_data"
    if map_valid.mean() < config.least_valid:
        return "off_the_map"
    if edge_share(map_rgb, map_valid) < config.least_map_edges:
        return "empty_map"
    return "low_texture" if texture(rgb, valid) < config.least_texture else ""


def edge_share(rgb: np.ndarray, valid: np.ndarray) -> float:
    """Share of the valid pixels, 0..1, that lie on an edge of any strength."""
    if not valid.any():
        return 0.0
    grey = cv2.GaussianBlur(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), (0, 0), 1.0).astype(np.float32)
    edges = np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    inside = cv2.erode(valid.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    return float((edges[inside] > EDGE).mean()) if inside.any() else 0.0


def texture(rgb: np.ndarray, valid: np.ndarray) -> float:
    """Standard deviation of what a blur of 4 px takes away, in grey levels of 255."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
    fine = grey - cv2.GaussianBlur(grey, (0, 0), 4.0)
    return float(fine[valid].std()) if valid.any() else 0.0


def fingerprint(rgb: np.ndarray) -> int:
    """64 bits that hardly change where a picture hardly does: whether each cell is brighter than the next (dHash)."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (HASH_SIDE + 1, HASH_SIDE), interpolation=cv2.INTER_AREA).astype(int)
    bits = (small[:, 1:] > small[:, :-1]).ravel()
    return int(np.packbits(bits).view(">u8")[0])


class Fingerprints:
    """Those of the windows so far, of map and image."""

    def __init__(self, before: Sequence[tuple[int, int]] = ()) -> None:
        self._kept = [np.array(one, np.uint64) for one in before]

    def seen(self, pair: tuple[int, int], bits: int) -> bool:
        """Whether a window before looked the same on both sides, but for so many bits each; else it is kept."""
        one = np.array(pair, np.uint64)
        if self._kept and bool((np.bitwise_count(np.array(self._kept) ^ one) <= bits).all(axis=1).any()):
            return True
        self._kept.append(one)
        return False
