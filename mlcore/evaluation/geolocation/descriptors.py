"""A search by global descriptors alone: whole pictures as vectors, nearest first, and no footprint is placed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from mlcore.errors import InvalidInputError
from mlcore.evaluation.geolocation.placers import Ranked
from mlcore.evaluation.geolocation.reference import Reference
from mlcore.progress import Progress, SilentProgress, stop_if_asked

Describe = Callable[[Sequence[np.ndarray]], np.ndarray]
"""Pictures (H, W, 3) uint8 -> (N, D) float32, a row each; of any length."""
TOP = 10
WINDOWS = 3
"""A base larger than a query is described as a whole and by so many overlapping windows a side."""
LARGE_PX = 768
BINS, AT_ONCE = 8, 16


class DescriptorPlacer:
    """Each base stands for its best window; the score is the cosine.

    Args:
        names: of the base of each row; rows: (N, D) unit vectors.
        describe: of queries.
    """

    def __init__(self, name: str, names: Sequence[str], rows: np.ndarray, describe: Describe) -> None:
        self.name, self.rows, self.describe = name, rows, describe
        self.names = list(dict.fromkeys(names))
        place = {one: number for number, one in enumerate(self.names)}
        self.owner = np.array([place[one] for one in names])

    @classmethod
    def of(
        cls, name: str, reference: Reference, describe: Describe, progress: Progress | None = None
    ) -> DescriptorPlacer:
        """The descriptors of all bases.

        Raises:
            StoppedError: asked to stop.
        """
        progress = progress or SilentProgress()
        names: list[str] = []
        rows: list[np.ndarray] = []
        waiting: list[np.ndarray] = []
        for number, base in enumerate(reference):
            stop_if_asked(progress)
            parts = windows(*reference.read(base.name))
            names += [base.name] * len(parts)
            waiting += parts
            if len(waiting) >= AT_ONCE or number + 1 == len(reference):
                rows.append(unit(describe(waiting)))
                waiting = []
            progress.report((number + 1) / len(reference), f"{name} of {number + 1} of {len(reference)} bases")
        return cls(name, names, np.concatenate(rows), describe)

    def place(self, rgb: np.ndarray, valid: np.ndarray) -> list[Ranked]:
        likeness = self.rows @ unit(self.describe([rgb]))[0]
        best = np.full(len(self.names), -1.0)
        np.maximum.at(best, self.owner, likeness)
        order = np.argsort(-best, kind="stable")[:TOP]
        return [Ranked(self.names[number], None, float(best[number])) for number in order.tolist()]


def windows(rgb: np.ndarray, valid: np.ndarray) -> list[np.ndarray]:
    """A base as a whole and, where it is large, its windows of half a side; those without image are left out."""
    height, width = valid.shape
    parts = [rgb]
    if max(height, width) > LARGE_PX:
        for top in np.linspace(0, height / 2, WINDOWS).astype(int).tolist():
            for left in np.linspace(0, width / 2, WINDOWS).astype(int).tolist():
                part = np.s_[top : top + height // 2, left : left + width // 2]
                if valid[part].mean() > 0.5:
                    parts.append(rgb[part])
    return parts


def unit(rows: np.ndarray) -> np.ndarray:
    """Rows of length 1, float32.

    Raises:
        InvalidInputError: a descriptor is not finite.
    """
    rows = np.asarray(rows, np.float32)
    if rows.ndim != 2 or not np.isfinite(rows).all():
        raise InvalidInputError("descriptors must be finite, a row for each picture: check what describes them")
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


def colour_and_texture(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """(N, 3 * BINS + 3 * BINS) float32: histograms of hue, saturation and value, and of the strength of edges at three
    scales; the same however the picture is turned. What needs no weights at all."""
    return np.stack([_described(picture) for picture in pictures])


def _described(rgb: np.ndarray) -> np.ndarray:
    small = cv2.resize(rgb, (256, 256), interpolation=cv2.INTER_AREA)
    hsv = cv2.cvtColor(small, cv2.COLOR_RGB2HSV)
    parts = [np.histogram(hsv[..., band], BINS, (0, 180 if band == 0 else 256))[0] for band in range(3)]
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
    for scale in (1.0, 2.0, 4.0):
        smooth = cv2.GaussianBlur(grey, (0, 0), scale)
        edges = np.hypot(cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1))
        parts.append(np.histogram(np.log1p(edges), BINS, (0, 6))[0])
    return np.concatenate([np.sqrt(part / max(part.sum(), 1)) for part in parts]).astype(np.float32)
