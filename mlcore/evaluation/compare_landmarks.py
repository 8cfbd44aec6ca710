"""Two models that find places side by side, on tiles that neither learnt: what each modality finds of another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from mlcore.errors import InvalidInputError
from mlcore.evaluation.compare import Figure, Sample, figure_of, share_true
from mlcore.evaluation.landmarks.features import Described, through_heads, tower_features
from mlcore.evaluation.landmarks.metrics import rank_items
from mlcore.landmarks.model import LandmarkModel
from mlcore.landmarks.samples import SampleSource
from mlcore.progress import Progress

FIRST = 10
DIRECTIONS: Mapping[str, tuple[str, str]] = {
    "text_finds_tile": ("text", "aerial"),
    "place_finds_tile": ("gps", "aerial"),
    "tile_finds_text": ("aerial", "text"),
    "photo_finds_tile": ("ground", "aerial"),
}
"""Figures by name: what is asked with, and what is to be found among the first FIRST."""
LEAST_PLACES = 4
"""Fewer places than this say nothing about a model."""


def describe(model: LandmarkModel, samples: SampleSource, progress: Progress) -> Described:
    """Vectors of all that is known of samples.

    Raises:
        StoppedError: asked to stop.
    """
    return through_heads(model, tower_features(model, samples, progress))


def compare_landmarks(first: Described, second: Described | None) -> list[Figure]:
    """Figures of the first model beside the second, both asked about the same samples.

    Raises:
        InvalidInputError: they were asked about others.
    """
    if second is not None and (first.names != second.names or first.texts != second.texts):
        raise InvalidInputError("the two models were asked about other samples: describe them anew")
    names = sorted(set(first.places))
    figures = []
    for name, (asked, found) in DIRECTIONS.items():
        ours = _sample(first, asked, found, names)
        if ours is None:
            continue
        theirs = _sample(second, asked, found, names) if second is not None else None
        places = np.arange(len(names))
        figures.append(figure_of(name, len(ours.truth), share_true, ours, theirs, places, seed=0))
    return figures if len(names) >= LEAST_PLACES else [replace(one, word="too_few") for one in figures]


def _sample(described: Described, asked: str, found: str, names: list[str]) -> Sample | None:
    """Whether each query has its own among the first; None where the samples lack a modality."""
    if asked not in described.modalities or found not in described.modalities:
        return None
    owners = described.owners[asked]
    ranked = rank_items(described.vectors[asked], described.vectors[found], owners, described.owners[found])
    if not len(ranked.rank):
        return None
    places = np.array([names.index(described.places[owner]) for owner in owners[ranked.queries]])
    hit = ranked.rank <= FIRST
    return Sample(hit, hit, places)
