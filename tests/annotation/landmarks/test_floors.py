"""Floors of a model that was just trained: chosen among what it never learnt, of each kind of query."""

from __future__ import annotations

import numpy as np
import pytest

from annotation.landmarks.engine.floors import FAR_DEG, elsewhere, floors_after
from mlcore.evaluation.landmarks.features import Described
from mlcore.landmarks.model import LandmarkModel
from tests.factories_landmarks import search_weights


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> LandmarkModel:
    """One that found nothing for texts below 0.4 and photos below 0.3 before it was trained."""
    path = search_weights(tmp_path_factory.mktemp("floors") / "tiny.safetensors", floors={"text": 0.4, "ground": 0.3})
    return LandmarkModel.load(path).eval()


def described(model: LandmarkModel, tiles: int, texts: int, photos: int, seed: int) -> Described:
    """Tiles of noise about Banepa; all that is known of them lies near their own vectors."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(tiles, model.dimension)).astype(np.float32)

    def near(count: int) -> np.ndarray:
        return vectors[:count] + 0.3 * rng.normal(size=(count, model.dimension)).astype(np.float32)

    numbers = np.arange(tiles)
    found = {"aerial": vectors, "text": near(texts), "ground": near(photos), "gps": near(tiles)}
    return Described(
        names=[str(number) for number in numbers], places=[str(number) for number in numbers],
        gps=np.array([85.5, 27.6]) + rng.uniform(0, 0.02, (tiles, 2)), texts=["a roof"] * texts,
        vectors={name: rows / np.linalg.norm(rows, axis=1, keepdims=True) for name, rows in found.items()},
        owners={name: numbers[: len(rows)] for name, rows in found.items()},
    )  # fmt: skip


def test_each_kind_with_enough_held_out_queries_gets_a_floor_that_keeps_them(model):
    floors, told = floors_after(model, described(model, 60, 60, 60, 0), described(model, 30, 30, 30, 1))
    for name in ("text", "ground", "gps"):  # their vectors lie near a tile's, unlike those of nonsense
        assert told[name]["kept"] >= 0.9 and told[name]["refused"] >= 0.9, (name, told[name])
        assert told[name]["held_out"] == 30 and told[name]["floor"] == floors[name] > 0
    assert told["aerial"]["kept"] < 1, "a tile is no find of itself"


def test_with_too_few_held_out_queries_the_floor_of_the_start_stays_and_is_told(model):
    floors, told = floors_after(model, described(model, 60, 60, 0, 0), described(model, 30, 19, 0, 1))
    assert floors["text"] == 0.4 and told["text"] == {"held_out": 19, "taught": True, "floor": 0.4}
    assert floors["ground"] == 0.3 and told["ground"] == {"held_out": 0, "taught": False, "floor": 0.3}
    assert "kept" in told["gps"]


def test_without_held_out_tiles_nothing_is_measured(model):
    floors, told = floors_after(model, described(model, 60, 60, 60, 0), described(model, 0, 0, 0, 1))
    assert floors == {"text": 0.4, "ground": 0.3} and told["gps"] == {"held_out": 0, "taught": True, "floor": None}


def test_positions_elsewhere_are_on_earth_and_far_from_every_tile():
    at = np.array([[179.9, 10.0], [85.5, 27.6]])
    found = elsewhere(at, 3000, seed=0)
    assert found.shape == (3000, 2) and (np.abs(found) <= [180, 90]).all()
    apart = np.abs(found[:, None] - at)
    apart[..., 0] = np.minimum(apart[..., 0], 360 - apart[..., 0])
    assert (apart >= FAR_DEG).any(axis=2).all()
    assert not np.array_equal(found, elsewhere(at, 3000, seed=1))
