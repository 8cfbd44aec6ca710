"""What a text is held against on some tiles: texts that mean nothing, and everyday words.

A text that means nothing stays below the floor (`floors.py`). One that means something, but nothing that is there, does
not: of an inland town, the likest tiles to "a harbour with boats" are those with large smooth surfaces. Yet some
everyday word fits these very tiles better. So by how much a text stands out among everyday words, on the tile where it
does so most, is held against how much these words stand out on the same tiles, of which no place has all: a text that
stands out less than all but a few of them finds nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from mlcore.landmarks.floors import TextFloor, floor_of_texts
from mlcore.landmarks.looks import read_looks
from mlcore.landmarks.nonsense import read_nonsense

if TYPE_CHECKING:
    from mlcore.landmarks.model import LandmarkModel
    from mlcore.vectors.view import StoreView

Likest = Callable[[np.ndarray, int], np.ndarray]
"""(Q, D) vectors of texts and a count K -> (Q, K, D) vectors of the likest tiles of each, of fewer tiles fewer."""
LOOKED_AT = 2000
"""Tiles that are asked how new they are; of more, these are spread over all."""
LIKEST = 48
"""Tiles of a text that are looked at for where it stands out; more change nothing."""
AKIN = 0.5
"""A word whose cosine to a text is as large says nearly the same, and is no rival of it."""
LEAST_SHARE = 0.08
"""Of everyday words so many stand out too little to be told. Chosen on pictures 60-79 of UC Merced, where 97 of 100
names of what is there are kept, and so that ten plain words all find tiles of Banepa."""


@dataclass(frozen=True, eq=False)
class Yardstick:
    """What texts are held against on some tiles.

    Attributes:
        model: that made the vectors.
        floor: below which a text means nothing there.
        apart: by how much a text stands out among everyday words, at least, before it is told; -inf: it need not.
    """

    model: LandmarkModel
    floor: TextFloor
    apart: float

    @classmethod
    def measured(cls, model: LandmarkModel, tiles_new: np.ndarray, likest: Likest) -> Yardstick:
        """Measured once for some tiles.

        Args:
            tiles_new: (N,) how new tiles say they are (`LandmarkModel.newness`), all or some of them, 1 or more.

        Raises:
            InvalidInputError: there is no tile.
        """
        senseless, words = _senseless(model), _everyday(model)
        floor = floor_of_texts(senseless, model.newness(senseless), tiles_new, lambda asked: best_of(asked, likest))
        apart = standing_out(model, words, likest(words, LIKEST), floor.newness)
        known = apart[np.isfinite(apart)]
        return cls(model, floor, float(np.quantile(known, LEAST_SHARE)) if len(known) else -math.inf)

    def least_of(self, text: np.ndarray, likest: Likest) -> float:
        """The least likeness of the best find of a text, (D,); inf where it names what isn't there.

        Args:
            likest: of the tiles that may be found: those that were measured, or some of them.
        """
        vector = text[None]
        out = standing_out(self.model, vector, likest(vector, LIKEST), self.floor.newness)[0]
        return self.floor.of(float(self.model.newness(vector)[0])) if out >= self.apart else math.inf


def standing_out(model: LandmarkModel, texts: np.ndarray, tiles: np.ndarray, usual: float) -> np.ndarray:
    """By how much texts stand out among everyday words, each on the one of its tiles where it does so most.

    Args:
        texts: (Q, D) vectors.
        tiles: (Q, K, D) vectors of the tiles that are looked at, of each text.
        usual: newness of tiles on the whole; what comes of it is taken away, as from the floor.

    Returns:
        (Q,) likeness above that of the likest word; inf where every word is akin to the text, -inf without tiles.
    """
    if not tiles.shape[1]:
        return np.full(len(texts), -math.inf)
    words = _everyday(model)
    mine = np.einsum("qd,qkd->qk", texts, tiles) - usual * model.newness(texts)[:, None]
    theirs = tiles @ words.T - usual * model.newness(words)
    akin = _directions(model, texts) @ _directions(model, words).T >= AKIN
    rivals = np.where(akin[:, None], -math.inf, theirs).max(axis=2)
    apart: np.ndarray = (mine - rivals).max(axis=1)
    return apart


def best_of(texts: np.ndarray, likest: Likest) -> np.ndarray:
    """(Q,) likeness of the likest tile of each of (Q, D) texts."""
    return np.einsum("qd,qd->q", texts, likest(texts, 1)[:, 0])


def in_memory(tiles: np.ndarray) -> Likest:
    """Among (N, D) vectors of tiles."""

    def likest(texts: np.ndarray, count: int) -> np.ndarray:
        found: np.ndarray = tiles[np.argsort(-(texts @ tiles.T), axis=1, kind="stable")[:, :count]]
        return found

    return likest


def in_store(seen: StoreView, allowed: np.ndarray | None) -> Likest:
    """Among the tiles of a store, or of (K,) ids of it, 1 or more, all of which it has."""
    among = len(seen) if allowed is None else len(allowed)

    def likest(texts: np.ndarray, count: int) -> np.ndarray:
        found = seen.search(texts, min(count, among), allowed=allowed).ids
        return seen.vectors_of(found.ravel()).reshape(*found.shape, -1)

    return likest


def measured_in_store(model: LandmarkModel, seen: StoreView, ids: np.ndarray) -> Yardstick:
    """Measured among (K,) ids of tiles that a store has, 1 or more."""
    some = ids[np.linspace(0, len(ids) - 1, min(LOOKED_AT, len(ids))).astype(int)]
    likest = in_store(seen, None if len(ids) == len(seen) else ids)
    return Yardstick.measured(model, model.newness(seen.vectors_of(some)), likest)


def _directions(model: LandmarkModel, vectors: np.ndarray) -> np.ndarray:
    """The learnt part of vectors, of unit length."""
    learnt = model.learnt_part(vectors)
    directions: np.ndarray = learnt / np.maximum(np.linalg.norm(learnt, axis=1, keepdims=True), 1e-12)
    return directions


@lru_cache(maxsize=2)
def _senseless(model: LandmarkModel) -> np.ndarray:
    return model.embed_texts(read_nonsense("learn"))


@lru_cache(maxsize=2)
def _everyday(model: LandmarkModel) -> np.ndarray:
    """(W, D) of the words whose look is known: what aerial pictures show everywhere."""
    return model.embed_texts(list(read_looks()))
