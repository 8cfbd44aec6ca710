"""Two search models side by side: who finds more is better, and it is said of the same samples alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mlcore.errors import InvalidInputError
from mlcore.evaluation.compare_landmarks import compare_landmarks, describe
from mlcore.evaluation.landmarks.features import Described
from mlcore.landmarks import LandmarkConfig, LandmarkModel
from mlcore.landmarks.samples import Sample, SampleList
from mlcore.progress import SilentProgress


def described(noise: float, count: int = 120, dimension: int = 24) -> Described:
    """Samples on 12 places whose texts lie so far from their tiles."""
    rng = np.random.default_rng(1)
    tiles = rng.normal(size=(count, dimension))
    texts = tiles + noise * rng.normal(size=tiles.shape)
    unit = [one / np.linalg.norm(one, axis=1, keepdims=True) for one in (tiles, texts)]
    owners = np.arange(count)
    return Described(
        names=[f"tile {number}" for number in range(count)],
        places=[f"place {number % 12}" for number in range(count)],
        groups=[""] * count,
        texts=[f"text {number}" for number in range(count)],
        vectors={"aerial": unit[0].astype(np.float32), "text": unit[1].astype(np.float32)},
        owners={"aerial": owners, "text": owners},
    )


def test_the_model_that_finds_more_is_better():
    figures = {one.name: one for one in compare_landmarks(described(0.5), described(30.0))}
    assert set(figures) == {"text_finds_tile", "tile_finds_text"}
    found = figures["text_finds_tile"]
    assert found.word == "better" and found.count == 120
    assert found.first is not None and found.second is not None and found.first.value > 0.9 > found.second.value
    assert {one.word for one in compare_landmarks(described(0.5), described(0.5))} == {"unclear"}
    assert {one.word for one in compare_landmarks(described(0.5), None)} == {"alone"}


def test_few_places_tell_nothing():
    few = replace(described(0.5), places=["a"] * 60 + ["b"] * 60)
    assert {one.word for one in compare_landmarks(few, few)} == {"too_few"}


def test_other_samples_can_not_be_compared():
    with pytest.raises(InvalidInputError, match="other samples"):
        compare_landmarks(described(0.5), described(0.5, count=60))


def test_a_real_model_is_asked_in_every_direction_that_the_samples_know():
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 255, (6, 40, 40, 3), np.uint8)
    samples = SampleList(
        [Sample(f"t{n}", f"p{n}", pictures[n], None, (f"house {n}",), (85.5 + n / 1e3, 27.6)) for n in range(6)]
    )
    model = LandmarkModel(LandmarkConfig.preset("tiny"))
    figures = compare_landmarks(describe(model, samples, SilentProgress()), None)
    assert {one.name for one in figures} == {"text_finds_tile", "place_finds_tile", "tile_finds_text"}
    assert all(one.first is not None and one.first.value == 1.0 for one in figures), "of six, ten hold all"
