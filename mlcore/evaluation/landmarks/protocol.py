"""The protocol: held-out photos of land use, tiles of regions, and any source, each method on the very same samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mlcore.evaluation.landmarks.directions import all_directions, direction, first_is_right
from mlcore.evaluation.landmarks.features import Described, through_heads, towers_alone, with_untrained_heads
from mlcore.evaluation.landmarks.keywords import by_keywords
from mlcore.landmarks.model import LandmarkModel

IN_REGION_RANK = 10


def methods_of(
    model: LandmarkModel, features: Described, learnt: Described | None, seed: int = 0
) -> dict[str, Described]:
    """The model and what it is held against, by name, as vectors of the same samples.

    `landmarks`: the model; `untrained`: its towers with heads before training; `towers`: the towers alone, within one
    tower; `keywords`: where there is something learnt with sentences.
    """
    methods = {
        "landmarks": through_heads(model, features),
        "untrained": through_heads(with_untrained_heads(model, seed), features),
        "towers": towers_alone(features),
    }
    if learnt is not None and features.texts and len(features.vectors["aerial"]):
        methods["keywords"] = by_keywords(learnt, features)
    return methods


def land_use(methods: Mapping[str, Described], unseen: Sequence[str], seed: int = 0) -> dict[str, Any]:
    """What is told of photos with a class, by method: classes that were learnt and such that were not, told apart.

    text_to_class, aerial_to_class: share of the queries whose first item, among those of all classes, is of the right
    class. aerial_same_class: an image finds others of its class (map1k over all classes, and of seen and unseen ones).
    """
    told: dict[str, Any] = {}
    for name, described in methods.items():
        seen = sorted(set(described.groups) - set(unseen))
        one: dict[str, Any] = {}
        if "text" in described.modalities and name != "towers":
            for which, of in (("seen", set(seen)), ("unseen", set(unseen)), ("all", None)):
                one[f"text_to_class_{which}"] = first_is_right(described, described, "text", "aerial", of, seed)
                one[f"aerial_to_class_{which}"] = first_is_right(described, described, "aerial", "text", of, seed)
            one["directions"] = {key: value.to_json() for key, value in all_directions(described, seed=seed).items()}
        if name != "keywords":
            for which, of in (("", None), ("_seen", set(seen)), ("_unseen", set(unseen))):
                kept = np.array([of is None or group in of for group in described.groups])
                same = direction(described.only(kept), described, "aerial", "aerial", by="group", seed=seed)
                if same is not None:
                    one[f"aerial_same_class{which}"] = same.to_json()
        told[name] = one
    return told


def region(methods: Mapping[str, Described], held_out: np.ndarray, seed: int = 0) -> dict[str, Any]:
    """What is told of a region's tiles, by method: every direction among all of its tiles, asked from the tiles that
    were learnt and from those that were not, told apart; `ratio_r10` is r10 against that of a tile drawn by chance.

    Args:
        held_out: (N,) bool by sample.
    """
    told: dict[str, Any] = {}
    for name, described in methods.items():
        if name in ("towers", "keywords"):
            continue
        one: dict[str, Any] = {}
        for which, kept in (("seen", ~held_out), ("held_out", held_out)):
            found = all_directions(described.only(kept), described, seed) if kept.any() else {}
            one[which] = {key: value.to_json() | {"ratio_r10": _ratio(value)} for key, value in found.items()}
        told[name] = one
    return told


def any_source(methods: Mapping[str, Described], gallery: Described | None = None, seed: int = 0) -> dict[str, Any]:
    """Every direction of any samples, by method; `gallery` is the samples with more behind them."""
    return {
        name: {key: value.to_json() for key, value in all_directions(described, gallery, seed).items()}
        for name, described in methods.items()
        if name not in ("towers", "keywords")
    }


def _ratio(found: Any) -> float:
    expected = found.chance[f"r{IN_REGION_RANK}"]
    return float(found.figures[f"r{IN_REGION_RANK}"] / expected) if expected else float("nan")
