"""The floor of texts on the tiles that a person may see; what it is held against is the library's (`yardstick.py`)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from annotation.landmarks.engine import columns
from annotation.landmarks.engine.columns import Narrowed
from annotation.landmarks.engine.stores import TILES, IndexFolder

if TYPE_CHECKING:
    from mlcore.landmarks.model import LandmarkModel
    from mlcore.landmarks.yardstick import Yardstick


@lru_cache(maxsize=64)
def _measuring(folder: IndexFolder, versions: tuple[tuple[int, int], ...]) -> Lock:
    """Held while the same thing is measured, so that it is measured once; other regions don't wait."""
    return Lock()


def least_for_text(
    index: IndexFolder, regions: Sequence[int], narrowed: Narrowed, model: LandmarkModel, vector: np.ndarray
) -> float:
    """The least likeness at which the best find of a text, (D,), means something among the tiles of these regions.

    Infinite where it names what none of the tiles that may be found shows. What texts are held against is measured once
    for each set of regions and state of their tiles: some 200 searches, by the first text that is asked. A model
    without a floor of texts has none here either.
    """
    from mlcore.landmarks.yardstick import in_store

    if "text" not in model.floors.least:
        return -1.0
    versions = columns.versions(index.regions, regions)
    with _measuring(index, versions):
        measured = _measured(index, versions, model)
    store = index.opened(TILES)
    if measured is None or store is None:
        return model.floors.least["text"]
    seen = store.view()
    there = _kept(columns.allowed_tiles(index.regions, regions, narrowed), seen.ids)
    if not len(there):
        return measured.floor.of(float(model.newness(vector[None])[0]))
    return measured.least_of(vector, in_store(seen, None if len(there) == len(seen) else there))


@lru_cache(maxsize=32)
def _measured(index: IndexFolder, versions: tuple[tuple[int, int], ...], model: LandmarkModel) -> Yardstick | None:
    """None where there is no tile."""
    from mlcore.landmarks.yardstick import measured_in_store

    store = index.opened(TILES)
    if store is None:
        return None
    seen = store.view()
    there = _kept(columns.allowed_tiles(index.regions, [region for region, _ in versions]), seen.ids)
    return measured_in_store(model, seen, there) if len(there) else None


def _kept(allowed: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Those that the store has, of ids in ascending order."""
    return allowed if np.array_equal(allowed, ids) else allowed[np.isin(allowed, ids, assume_unique=True)]
