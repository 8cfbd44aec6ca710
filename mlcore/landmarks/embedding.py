"""Embeds many items: what is read, resized and normalised is made ready ahead, while the tower works on a batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from mlcore.geometry.webmercator import TileAddress
from mlcore.imagery.raster import ImageReader
from mlcore.landmarks.model import LandmarkModel
from mlcore.landmarks.readers.tiles import shown
from mlcore.landmarks.samples import Modality
from mlcore.landmarks.towers import BATCH, to_squares
from mlcore.pairs.prefetch import prefetched

Item = TypeVar("Item")
AHEAD = 3
"""Batches that are made ready ahead."""


def embed_pictures(
    model: LandmarkModel,
    items: Iterable[Item],
    read: Callable[[Item], np.ndarray | None],
    *,
    role: Modality = "aerial",
    batch: int = BATCH,
    workers: int = 1,
) -> Iterator[tuple[list[Item], np.ndarray]]:
    """Pictures of items, batch by batch.

    Args:
        read: (H, W, 3) uint8 of an item; None: the item is passed over. It is called by threads.
        role: "aerial" or "ground".
        workers: threads that read and resize.

    Yields:
        Items and their unit vectors, (n, D) float32; n is `batch` or less.
    """

    def ready(item: Item) -> tuple[Item, Tensor | None]:
        rgb = read(item)
        return item, None if rgb is None else to_squares([rgb], model.config.image_px)

    loaded = prefetched(ready, items, workers=workers, ahead=AHEAD * batch)
    there = ((item, square) for item, square in loaded if square is not None)
    side = model.config.image_px
    together = torch.empty(batch, 3, side, side)  # one for all batches: fresh memory costs more than the copy
    try:
        while some := list(islice(there, batch)):
            squares = torch.cat([square for _, square in some], out=together[: len(some)])
            yield [item for item, _ in some], embed_squares(model, squares, role)
    finally:
        loaded.close()  # type: ignore[attr-defined]


@torch.inference_mode()
def embed_squares(model: LandmarkModel, squares: Tensor, role: Modality) -> np.ndarray:
    """(N, 3, S, S) of `to_squares` -> (N, D) float32 unit vectors."""
    vectors = model.heads[role](model.image_tower.encode(squares.to(model.device)).float())
    return np.asarray(vectors.cpu().numpy(), np.float32)


def embed_tiles(
    model: LandmarkModel, reader: ImageReader, tiles: Iterable[TileAddress], *, workers: int = 1
) -> Iterator[tuple[list[TileAddress], np.ndarray]]:
    """Tiles of an image, as `embed_pictures` and `readers.tiles.shown`: those with little data are passed over."""
    size = model.config.image_px
    return embed_pictures(model, tiles, lambda tile: shown(reader.read_tile(tile, size)), workers=workers)


def embed_items(model: LandmarkModel, modality: Modality, count: int, read: Callable[[int], Any]) -> np.ndarray:
    """Items of one modality by number, as of `readers.items.Items`: (count, D)."""
    if modality in ("aerial", "ground"):
        parts = [vectors for _, vectors in embed_pictures(model, range(count), read, role=modality)]
        return np.concatenate([np.zeros((0, model.dimension), np.float32), *parts])
    return model.embed(modality, [read(number) for number in range(count)])
