"""The frozen set: one edition of a region's map with known errors, on which its models are held side by side."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mlcore.errors import InvalidInputError
from mlcore.geometry.webmercator import TileAddress
from mlcore.maps.features import MapFeature
from mlcore.maps.index import MapIndex
from mlcore.synthetic.edit_files import load_edits, save_edits
from mlcore.synthetic.edits import EditCounts, EditedMap, simulate_edits

EDITS_PER_TILE = 0.35
"""So many errors that the first forty suggestions could all be right, and so few that most tiles stay as they are."""
MOST_EDITS = 240


def make_frozen(index: MapIndex, tiles: Sequence[TileAddress], seed: int) -> EditedMap:
    """The map with seeded errors in it: invented, deleted, reshaped and shifted buildings.

    Args:
        index: the map as it is best known.
        tiles: the mapped tiles; errors lie inside them.

    Raises:
        InvalidInputError: not even one error of each sort fits.
    """
    features = features_around(index, tiles)
    total = min(MOST_EDITS, round(EDITS_PER_TILE * len(tiles)))
    count = max(1, total // 3)
    while True:
        counts = EditCounts(remove=count, add=count, reshape=max(1, count // 2), shift=max(1, count // 2))
        try:
            return simulate_edits(features, counts=counts, tiles=tiles, seed=seed)
        except InvalidInputError:
            if count == 1:
                raise
            count //= 2


def features_around(index: MapIndex, tiles: Sequence[TileAddress]) -> list[MapFeature]:
    """Everything that the map has on the tiles and up to their hull."""
    boxes = np.array([tile.bounds_lonlat for tile in tiles])
    return index.query((boxes[:, 0].min(), boxes[:, 1].min(), boxes[:, 2].max(), boxes[:, 3].max()))


def save_frozen(path: Path, edited: EditedMap, index: MapIndex, tiles: Sequence[TileAddress]) -> str:
    """Write the errors to a file; returns its SHA-256."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_edits(path, edited, features_around(index, tiles))
    return hashlib.sha256(path.read_bytes()).hexdigest()


def load_frozen(path: Path, sha256: str, index: MapIndex, tiles: Sequence[TileAddress]) -> EditedMap:
    """The edition of a file, on the map that it was made for.

    Raises:
        InvalidInputError: the file is missing, not the registered one, or made for another map.
    """
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InvalidInputError(f"can't read {path.name} ({error.strerror}): compare anew") from error
    if found != sha256:
        raise InvalidInputError(f"{path.name} is not the frozen set that was registered: compare anew")
    return load_edits(path, features_around(index, tiles))
