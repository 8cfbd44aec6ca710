"""Scores many tiles: reading and drawing the next tiles overlaps with the network's work on the present ones."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from mlcore.consistency.model import ConsistencyModel
from mlcore.consistency.score import ScoreBatch
from mlcore.geometry.webmercator import TileAddress
from mlcore.progress import Progress, SilentProgress, stop_if_asked
from mlcore.tiles.pairs import Pair, PairSource

SCAN_BATCH = 16


def prefetched_pairs(
    load: Callable[[TileAddress], Pair], tiles: Sequence[TileAddress], *, workers: int = 2, ahead: int = 3 * SCAN_BATCH
) -> Iterator[Pair]:
    """Pairs of `tiles` in order, made by threads up to `ahead` tiles before they are asked for.

    GDAL and OpenCV release the interpreter's lock, so threads are enough. Closing the iterator early drops what waits;
    an error in a thread comes out where its tile would have.
    """
    waiting: deque[Future[Pair]] = deque()
    rest = iter(tiles)
    with ThreadPoolExecutor(workers, thread_name_prefix="tiles") as pool:
        try:
            for tile in rest:
                waiting.append(pool.submit(load, tile))
                if len(waiting) >= ahead:
                    break
            while waiting:
                pair = waiting.popleft().result()
                following = next(rest, None)
                if following is not None:
                    waiting.append(pool.submit(load, following))
                yield pair
        finally:
            for future in waiting:
                future.cancel()


def score_tiles(
    model: ConsistencyModel,
    source: PairSource,
    tiles: Sequence[TileAddress],
    *,
    batch: int = SCAN_BATCH,
    workers: int = 2,
    progress: Progress | None = None,
) -> Iterator[tuple[list[Pair], ScoreBatch]]:
    """Batches of pairs with their scores, in the order of `tiles`.

    Raises:
        StoppedError: asked to stop, between batches.
    """
    progress = progress or SilentProgress()
    held: list[Pair] = []
    done = 0
    for pair in prefetched_pairs(source.pair, tiles, workers=workers, ahead=3 * batch):
        held.append(pair)
        if len(held) == batch or done + len(held) == len(tiles):
            stop_if_asked(progress)
            done += len(held)
            yield held, score_held(model, held)
            progress.report(done / len(tiles), "scoring tiles")
            held = []


def score_held(model: ConsistencyModel, pairs: Sequence[Pair]) -> ScoreBatch:
    """Scores of pairs in memory, each with its own map."""
    images, maps, valid = (np.stack(planes) for planes in zip(*((p.image, p.map, p.valid) for p in pairs), strict=True))
    return model.score(images, maps, valid)
