"""From a base's pixels to what the database keeps of it."""

from __future__ import annotations

from typing import Any, Literal, Protocol

import numpy as np

from mlcore.errors import ConfigError
from mlcore.geolocation.bases import Base, BaseSource
from mlcore.geolocation.features import PictureFeatures
from mlcore.geolocation.shards import Row

Role = Literal["query", "base"]


class Extractor(Protocol):
    """What building and searching need of a model (`model.LocatorModel`)."""

    @property
    def digest(self) -> str:
        """SHA-256 of the model's file."""

    def features(self, rgb: np.ndarray, valid: np.ndarray, *, role: Role) -> PictureFeatures:
        """What the model says of a picture."""

    def compare(self, query: PictureFeatures, base: PictureFeatures) -> Any:
        """Coarse matches of one base, whose `score` is E of Eq. 11, summed."""

    def compare_many(self, query: PictureFeatures, tokens: np.ndarray, valid: np.ndarray) -> np.ndarray:
        """The scores of (N, h, w, C) tokens, (N,)."""

    def describe(self, tokens: np.ndarray, valid: np.ndarray) -> np.ndarray:
        """(N, D) descriptors of (N, h, w, C) tokens."""


def row_of(base: Base, source: BaseSource, model: Extractor, number: int, cells: int) -> Row | None:
    """Features of one base; None where it has no valid pixel."""
    rgb, valid = source.read(base)
    if not valid.any():
        return None
    found = model.features(rgb, valid, role="base")
    tokens, known = np.asarray(found.coarse, np.float16), np.asarray(found.valid, bool)
    whole = np.asarray(found.descriptor, np.float32)[None]
    parts = [whole, _cell_descriptors(model, tokens, known, whole, cells)] if cells > 1 else [whole]
    return Row(number, base, tokens, known, float(found.scale), np.concatenate(parts))


def cell_windows(height: int, width: int, cells: int) -> list[tuple[slice, slice]]:
    """Windows of a grid of tokens, `cells` along each side, evenly spread, that overlap by half.

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
    model: Extractor, tokens: np.ndarray, valid: np.ndarray, whole: np.ndarray, cells: int
) -> np.ndarray:
    """(cells * cells, D); a cell without a valid token has the whole's, so that it proposes nothing of its own."""
    windows = cell_windows(valid.shape[0], valid.shape[1], cells)
    described = model.describe(
        np.stack([tokens[window] for window in windows]), np.stack([valid[window] for window in windows])
    )
    empty = np.array([not valid[window].any() for window in windows])
    return np.where(empty[:, None], whole, np.asarray(described, np.float32))
