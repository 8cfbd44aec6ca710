"""From a base's pixels to what the database keeps of it."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from mlcore.errors import ConfigError
from mlcore.geolocation.bases import Base, BaseSource
from mlcore.geolocation.features import LEAST_SIDE_PX, PictureFeatures, Role
from mlcore.geolocation.shards import Row


class Extractor(Protocol):
    """What building and searching need of a model (`model.LocatorModel`)."""

    @property
    def digest(self) -> str:
        """SHA-256 of the model's file."""

    def features(self, rgb: np.ndarray, valid: np.ndarray, *, role: Role) -> PictureFeatures:
        """What the model says of a picture."""

    def compare(self, query: PictureFeatures, base: PictureFeatures) -> Any:
        """Coarse matches of one base, from which it is placed finely."""

    def compare_many(self, query: PictureFeatures, tokens: np.ndarray, valid: np.ndarray) -> np.ndarray:
        """The scores of (N, h, w, C) tokens, (N,)."""


def row_of(base: Base, source: BaseSource, model: Extractor, number: int, cells: int) -> Row | None:
    """Features of one base; None where it has no valid pixel."""
    rgb, valid = source.read(base)
    if not valid.any():
        return None
    found = model.features(rgb, valid, role="base")
    tokens, known = np.asarray(found.coarse, np.float16), np.asarray(found.valid, bool)
    whole = np.asarray(found.descriptor, np.float32)[None]
    parts = [whole, _cell_descriptors(model, rgb, valid, whole, cells)] if cells > 1 else [whole]
    return Row(number, base, tokens, known, float(found.scale), np.concatenate(parts))


def cell_windows(height: int, width: int, cells: int) -> list[tuple[slice, slice]]:
    """Windows of a picture, `cells` along each side, evenly spread, that overlap by half.

    Raises:
        ConfigError: fewer than one along a side.
    """
    if cells < 1:
        raise ConfigError("a base has one cell along each side or more")

    def along(side: int) -> list[slice]:
        size = max(1, round(2 * side / (cells + 1)))
        starts = np.rint(np.linspace(0, side - size, cells)).astype(int)
        return [slice(int(start), int(start) + size) for start in starts]

    return [(rows, columns) for rows in along(height) for columns in along(width)]


def _cell_descriptors(
    model: Extractor, rgb: np.ndarray, valid: np.ndarray, whole: np.ndarray, cells: int
) -> np.ndarray:
    """(cells * cells, D), each as of a picture of its own; an empty or tiny cell has the whole's, and tells nothing."""
    found = []
    for window in cell_windows(valid.shape[0], valid.shape[1], cells):
        seen = valid[window]
        if not seen.any() or min(seen.shape) < LEAST_SIDE_PX:
            found.append(whole[0])
        else:
            found.append(np.asarray(model.features(rgb[window], seen, role="base").descriptor, np.float32))
    return np.stack(found)
