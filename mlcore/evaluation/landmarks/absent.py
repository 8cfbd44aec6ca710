"""Words of what is there and of what is not: how many are kept, how many refused, by the floor alone and by the whole
yardstick (`mlcore.landmarks.yardstick`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mlcore.evaluation.landmarks.features import Described
from mlcore.evaluation.landmarks.metrics import interval
from mlcore.landmarks.land_use import read_words
from mlcore.landmarks.model import LandmarkModel
from mlcore.landmarks.yardstick import Yardstick, best_of, in_memory

ALIKE = (
    {"denseresidential", "mediumresidential", "sparseresidential", "mobilehomepark"},
    {"freeway", "overpass", "intersection"},
    {"runway", "airplane"},
)
"""Classes that show each other's things: where one is to be absent, so are the others."""
RULES = ("floor", "yardstick")


def told_of(model: LandmarkModel, tiles: np.ndarray, texts: Sequence[str]) -> dict[str, np.ndarray]:
    """By rule, whether each text finds anything among (N, D) vectors of tiles: (len(texts),) bool."""
    likest = in_memory(tiles)
    measured = Yardstick.measured(model, model.newness(tiles), likest)
    vectors = model.embed_texts(texts)
    best = best_of(vectors, likest)
    floors = np.array([measured.floor.of(float(new)) for new in model.newness(vectors)])
    least = np.array([measured.least_of(vector, likest) for vector in vectors])
    return {"floor": best >= floors, "yardstick": best >= least}


def of_classes(model: LandmarkModel, photos: Described, unseen: Sequence[str], seed: int = 0) -> dict[str, Any]:
    """Names of classes, asked of all held-out photos, and of those without that class and classes like it.

    Args:
        photos: of land use, in the model's space.

    Returns:
        kept_seen, kept_unseen, refused_seen, refused_unseen, by rule: share, interval (drawn by class), queries.
    """
    tiles, groups = photos.vectors["aerial"], np.array(photos.groups)[photos.owners["aerial"]]
    there: dict[str, list[tuple[str, dict[str, np.ndarray]]]] = {}
    for kind in sorted(set(groups.tolist())):
        names = read_words()["classes"].get(kind, {"names": [kind]})["names"]
        like = set().union({kind}, *(some for some in ALIKE if kind in some))
        which = "unseen" if kind in unseen else "seen"
        there.setdefault(f"kept_{which}", []).append((kind, told_of(model, tiles, names)))
        others = tiles[~np.isin(groups, sorted(like))]
        if len(others):
            refused = {rule: ~told for rule, told in told_of(model, others, names).items()}
            there.setdefault(f"refused_{which}", []).append((kind, refused))
    return {name: _shares(parts, seed) for name, parts in there.items()}


def of_place(
    model: LandmarkModel, tiles: np.ndarray, present: Sequence[str], absent: Sequence[str], seed: int = 0
) -> dict[str, Any]:
    """Words of what a place has and of what it has not; kept and refused by rule, as of classes, drawn by query."""
    kept, told = told_of(model, tiles, present), told_of(model, tiles, absent)
    refused = {rule: ~one for rule, one in told.items()}
    shares = {}
    for name, texts, found in (("kept", present, kept), ("refused", absent, refused)):
        parts = [(text, {rule: found[rule][[number]] for rule in RULES}) for number, text in enumerate(texts)]
        shares[name] = _shares(parts, seed)
    return shares


def _shares(parts: Sequence[tuple[str, Mapping[str, np.ndarray]]], seed: int) -> dict[str, Any]:
    places = [name for name, found in parts for _ in found[RULES[0]]]
    shares: dict[str, Any] = {}
    for rule in RULES:
        value = np.concatenate([found[rule] for _, found in parts]).astype(float)
        shares[rule] = {"share": float(value.mean()), "interval": list(interval(value, places, seed)),
                        "queries": len(value)}  # fmt: skip
    return shares
