"""How well a consistency model tells tiles with simulated map edits from untouched ones, by size of the change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mlcore.consistency.model import ConsistencyModel
from mlcore.consistency.scan import score_tiles
from mlcore.errors import InvalidInputError
from mlcore.evaluation.metrics import auroc
from mlcore.geometry.webmercator import TileAddress
from mlcore.maps.index import MapIndex
from mlcore.pairs.source import PairSource
from mlcore.synthetic.edits import EditCounts, EditedMap, simulate_edits
from mlcore.synthetic.truth import CHANGED_SHARE, changed_shares

EDITED_SHARE_OF_TILES = 0.6
EDITS_PER_TILE = 0.3


@dataclass(frozen=True)
class EditedScores:
    """Scores of tiles under edited maps.

    Attributes:
        share: (N,) share of each tile's area on which its edited map is wrong.
        disc, proto, final: (N,) scores, higher = agrees.
    """

    share: np.ndarray
    disc: np.ndarray
    proto: np.ndarray
    final: np.ndarray

    def figures(self) -> dict[str, float]:
        """AUROC of untouched tiles against changes of at least 2 % of the tile, of each score, and of smaller changes.

        Raises:
            InvalidInputError: no tile with such a change, or none that was left untouched.
        """
        untouched, large = self.share == 0, self.share >= CHANGED_SHARE
        small = ~untouched & ~large
        if not untouched.any() or not large.any():
            raise InvalidInputError("measuring needs changed and untouched tiles: give more tiles, or more rounds")
        figures = {"untouched": float(untouched.sum()), "changed": float(large.sum())}
        for name in ("final", "disc", "proto"):
            figures[f"auroc_{name}"] = _auroc(large, untouched, getattr(self, name))
        if small.any():
            figures["auroc_final_below_2_percent"] = _auroc(small, untouched, self.final)
        return figures


def edited_map_scores(
    model: ConsistencyModel, source: PairSource, tiles: Sequence[TileAddress], *, rounds: int = 6, seed: int = 0
) -> EditedScores:
    """Score `tiles` under `rounds` simulated editions of the map; the same seed gives the same pairs to every model.

    Raises:
        InvalidInputError: the map has no room for a single edit.
    """
    shares: list[float] = []
    scores: list[np.ndarray] = []
    for edited in editions(source, tiles, rounds, seed):
        wrong = changed_shares(edited.edits, tiles)
        shares += [wrong[tile] for tile in tiles]
        for _, batch in score_tiles(model, source.with_index(MapIndex(edited.features)), tiles):
            scores.append(np.stack([batch.disc, batch.proto, batch.final]))
    return EditedScores(np.array(shares), *np.concatenate(scores, axis=1))


def editions(source: PairSource, tiles: Sequence[TileAddress], rounds: int, seed: int) -> Iterator[EditedMap]:
    """Maps with edits in about half of the tiles: buildings left out, invented, reshaped and shifted."""
    boxes = np.array([tile.bounds_lonlat for tile in tiles])
    hull = (*boxes[:, :2].min(axis=0), *boxes[:, 2:].max(axis=0))
    features = source.index.query(hull)
    for number in range(rounds):
        count = max(1, round(EDITS_PER_TILE * len(tiles)))
        while True:
            counts = EditCounts(remove=count, add=count, reshape=-(-count // 2), shift=-(-count // 2))
            try:
                yield simulate_edits(
                    features, counts=counts, tiles=tiles, cluster=EDITED_SHARE_OF_TILES, seed=1000 * seed + number
                )
                break
            except InvalidInputError:
                if count == 1:
                    raise
                count //= 2


def _auroc(changed: np.ndarray, untouched: np.ndarray, scores: np.ndarray) -> float:
    kept = changed | untouched
    return auroc(changed[kept], -scores[kept])
