"""Scores many tiles: reading and drawing the next tiles overlaps with the network's work on the present ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from mlcore.consistency.model import ConsistencyModel, shrunk
from mlcore.consistency.score import ScoreBatch, final_score
from mlcore.geometry.webmercator import TileAddress
from mlcore.pairs.prefetch import WORKERS, prefetched
from mlcore.pairs.source import Pair, PairSource, TileView
from mlcore.progress import Progress, SilentProgress, stop_if_asked

SCAN_BATCH = 16


def score_tiles(
    model: ConsistencyModel | Sequence[ConsistencyModel],
    source: PairSource,
    tiles: Sequence[TileAddress],
    *,
    batch: int = SCAN_BATCH,
    workers: int = WORKERS,
    turns: int | None = None,
    progress: Progress | None = None,
) -> Iterator[tuple[list[TileView], ScoreBatch]]:
    """Batches of tiles with their scores, in the order of `tiles`.

    Args:
        model: one model, or several whose mean counts.
        batch: tiles per pass.
        workers: threads that read and draw ahead.
        turns: as `score_held` takes it.

    Raises:
        StoppedError: asked to stop, between batches.
    """
    progress = progress or SilentProgress()
    models = [model] if isinstance(model, ConsistencyModel) else list(model)
    held: list[TileView] = []
    done = 0
    for view in prefetched(source.view, tiles, workers=workers, ahead=3 * batch):
        held.append(view)
        if len(held) == batch or done + len(held) == len(tiles):
            stop_if_asked(progress)
            done += len(held)
            yield held, _mean([score_held(each, held, turns) for each in models])
            progress.report(done / len(tiles), "scoring tiles")
            held = []


def score_held(model: ConsistencyModel, views: Sequence[TileView | Pair], turns: int | None = None) -> ScoreBatch:
    """Scores of tiles in memory, each with its own map; the mean over turns and mirrorings of the pair.

    What a tile shows does not depend on which way is north, so the mean is the steadier score (ours).

    Args:
        turns: so many; None: the `config.views` of the model.
    """
    images, maps, valid = (np.stack(planes) for planes in zip(*((v.image, v.map, v.valid) for v in views), strict=True))
    count, size = turns or model.config.views, model.config.input_px
    # shrunk once, and not in every view
    planes = (shrunk(images, size), shrunk(maps, size), valid)
    seen = model.score(*(np.concatenate([turned(one, view) for view in range(count)]) for one in planes))
    if count == 1:
        return seen
    disc, proto = (values.reshape(count, -1).mean(axis=0) for values in (seen.disc, seen.proto))
    return ScoreBatch(disc, proto, final_score(disc, proto, model.config.alpha, model.standardisation))


def turned(planes: np.ndarray, view: int) -> np.ndarray:
    """(N, H, W, ...) in the `view`-th of the eight turns and mirrorings; 0 is as it is, 1-3 are the mirrorings."""
    axes: tuple[int, ...] = ((), (2,), (1,), (1, 2))[view % 4]
    mirrored = np.flip(planes, axes) if axes else planes
    return np.ascontiguousarray(mirrored if view < 4 else np.rot90(mirrored, axes=(1, 2)))


def _mean(batches: Sequence[ScoreBatch]) -> ScoreBatch:
    if len(batches) == 1:
        return batches[0]
    disc, proto, final = (
        np.mean([getattr(batch, name) for batch in batches], axis=0) for name in ("disc", "proto", "final")
    )
    return ScoreBatch(disc, proto, final)
