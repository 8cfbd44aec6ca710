"""Vectors of a region's tiles as a file for other tools."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from annotation.landmarks.engine import columns
from annotation.landmarks.engine.stores import TILES, IndexFolder
from mlcore.vectors import write_embeddings

FORMS = {"parquet": "application/vnd.apache.parquet", "npz": "application/zip"}
"""Formats with their types."""


def export_embeddings(
    index: IndexFolder, region_id: int, places: dict[int, tuple[int, int, int]], about: dict[str, str], form: Any,
    target: Path,
) -> int:  # fmt: skip
    """Write the vectors of a region's tiles with where they lie; how many. Memory stays at a block of vectors.

    Args:
        places: z, x, y by id of the tile; those that are not there are left out.
        about: what the file says of itself.

    Raises:
        MissingPackageError: Parquet, and pyarrow is not installed.
        NoSpaceError: the disk has no room.
    """
    opened = index.opened(TILES)
    store = opened.view() if opened is not None else None
    rows = columns.read_region(index.regions, region_id)
    ids = np.asarray(rows[columns.TILE]).astype(np.int64)
    held = store.ids if store is not None else np.zeros(0, np.int64)
    there = np.isin(ids, held) & np.isin(ids, np.fromiter(places, np.int64, len(places)))
    kept = np.asarray(rows[:, there])
    tiles = ids[there].tolist()
    known: dict[str, Sequence[Any] | np.ndarray] = {
        **{name: [places[tile][number] for tile in tiles] for number, name in enumerate("zxy")},
        "west": kept[columns.WEST], "south": kept[columns.SOUTH], "east": kept[columns.EAST],
        "north": kept[columns.NORTH], "score": kept[columns.SCORE],
    }  # fmt: skip
    vectors = store.vectors_of if store is not None else np.zeros((0, 1), np.float32)
    write_embeddings(target, form, ids[there], vectors, known, about)
    return len(tiles)
