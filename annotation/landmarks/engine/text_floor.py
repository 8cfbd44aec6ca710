"""The floor of texts on the tiles that a person may see, measured with texts that mean nothing."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from annotation.landmarks.engine import columns
from annotation.landmarks.engine.stores import TILES, IndexFolder

if TYPE_CHECKING:
    from mlcore.landmarks.floors import TextFloor
    from mlcore.landmarks.model import LandmarkModel

LOOKED_AT = 2000
"""Tiles that are asked how new they are; of more, these are spread over all."""
_MEASURING = Lock()


def least_for_text(index: IndexFolder, regions: Sequence[int], model: LandmarkModel, vector: np.ndarray) -> float:
    """The least likeness at which the best find of a text, (D,), means something among the tiles of these regions.

    It is measured once for each set of regions and state of their tiles: some 50 searches, by the first text that is
    asked. A model without a floor of texts has none here either.
    """
    if "text" not in model.floors.least:
        return -1.0
    with _MEASURING:
        measured = _measured(index, columns.versions(index.regions, regions), model)
    if measured is None:
        return model.floors.least["text"]
    return measured.of(float(model.newness(vector[None])[0]))


@lru_cache(maxsize=32)
def _measured(index: IndexFolder, versions: tuple[tuple[int, int], ...], model: LandmarkModel) -> TextFloor | None:
    """None where there is no tile."""
    from mlcore.landmarks.floors import floor_of_texts

    store = index.opened(TILES)
    seen = store.view() if store is not None else None
    allowed = columns.allowed_tiles(index.regions, [region for region, _ in versions])
    there = allowed[np.isin(allowed, seen.ids)] if seen is not None else allowed[:0]
    if seen is None or not len(there):
        return None
    some = there[np.linspace(0, len(there) - 1, min(LOOKED_AT, len(there))).astype(int)]
    senseless = _senseless(model)
    every = len(there) == len(seen)
    return floor_of_texts(
        senseless,
        model.newness(senseless),
        model.newness(seen.vectors_of(some)),
        lambda vectors: seen.search(vectors, 1, allowed=None if every else there).likeness[:, 0],
    )


@lru_cache(maxsize=2)
def _senseless(model: LandmarkModel) -> np.ndarray:
    from mlcore.landmarks.nonsense import read_nonsense

    return model.embed_texts(read_nonsense("learn"))
