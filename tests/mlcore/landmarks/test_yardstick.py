"""Words of what is not there find nothing, words of what is there do: by the weights that ship, words for tiles."""

from __future__ import annotations

import numpy as np
import pytest

from mlcore.landmarks.model import LandmarkModel
from mlcore.landmarks.yardstick import LIKEST, Yardstick, in_memory, in_store, measured_in_store, standing_out
from mlcore.vectors import VectorStore
from mlcore.weights import LANDMARKS_FILE

SHOWN = ("a forest", "dense trees", "farmland", "fields of crops", "a parking lot full of cars", "a beach with waves",
         "a freeway", "a golf course", "shrubs on sand")  # fmt: skip


@pytest.fixture(scope="module")
def model() -> LandmarkModel:
    return LandmarkModel.load(LANDMARKS_FILE)


@pytest.fixture(scope="module")
def tiles(model) -> np.ndarray:
    """What pictures of these would be like at best: a picture and its words share one space."""
    return model.embed_texts([f"{text} seen from above" for text in SHOWN])


@pytest.fixture(scope="module")
def measured(model, tiles) -> Yardstick:
    return Yardstick.measured(model, model.newness(tiles), in_memory(tiles))


def found(model, measured: Yardstick, tiles: np.ndarray, text: str) -> bool:
    vector = model.embed_texts([text])[0]
    return bool((tiles @ vector).max() >= measured.least_of(vector, in_memory(tiles)))


@pytest.mark.parametrize("text", ["a forest", "farmland", "parked cars", "a sandy beach", "a golf course"])
def test_what_is_there_is_found(model, measured, tiles, text):
    assert found(model, measured, tiles, text)


@pytest.mark.parametrize("text", ["a tennis court", "storage tanks", "who won the election"])
def test_what_is_not_there_finds_nothing(model, measured, tiles, text):
    assert not found(model, measured, tiles, text)


def test_what_lies_outside_the_tiles_that_may_be_found_is_not_there(model, measured, tiles):
    without = tiles[[number for number, text in enumerate(SHOWN) if "beach" not in text]]
    assert found(model, measured, tiles, "a sandy beach") and not found(model, measured, without, "a sandy beach")


def test_a_text_stands_out_where_no_everyday_word_is_as_like_a_tile(model, tiles):
    texts = model.embed_texts(["a golf course", "a tennis court"])
    golf = tiles[SHOWN.index("a golf course")]
    apart = standing_out(model, texts, np.stack([golf[None], golf[None]]), 0.0)
    assert apart[0] > 0 > apart[1]
    assert np.isneginf(standing_out(model, texts, np.zeros((2, 0, model.dimension), np.float32), 0.0)).all()


def test_tiles_of_a_store_are_measured_as_those_in_memory(model, tiles, tmp_path):
    store = VectorStore.create(tmp_path / "store", model.digest, model.dimension)
    ids = 100 + np.arange(len(tiles))
    store.add(ids, tiles)
    store.add(np.arange(5), model.embed_texts(["a lighthouse", "a quarry", "a school", "a dam", "a marina"]))
    seen = store.view()
    likest = in_store(seen, ids)
    texts = model.embed_texts(["a forest", "a marina"])
    assert likest(texts, LIKEST).shape == (2, len(tiles), model.dimension)
    kept = seen.vectors_of(ids)
    assert np.array_equal(likest(texts, 3), in_memory(kept)(texts, 3))
    here, there = measured_in_store(model, seen, ids), Yardstick.measured(model, model.newness(kept), in_memory(kept))
    assert (here.floor.least, here.floor.newness, here.apart) == pytest.approx(
        (there.floor.least, there.floor.newness, there.apart), abs=1e-6
    )
