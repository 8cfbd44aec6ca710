"""Searches of the web server's threads while what was read in changes."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from annotation.landmarks import engine
from annotation.landmarks.engine.stores import IndexFolder
from mlcore.vectors import VectorStore

COUNT = 40
IDS, VECTORS = np.arange(COUNT), np.eye(COUNT, dtype=np.float32)
OTHER = 999


@pytest.fixture
def index(tmp_path: Path) -> IndexFolder:
    return IndexFolder(tmp_path / "index", "model")


@pytest.fixture
def store(index) -> VectorStore:
    made = index.begin(engine.TILES, COUNT)
    made.add(IDS, VECTORS)
    return made


@pytest.fixture
def at_the_call_of(monkeypatch, index):
    """Another thread has its turn once, where this one calls a function of NumPy: it changes the store and sees it."""

    def arrange(name: str, change: Callable[[], None]) -> None:
        real = getattr(np, name)

        def other_first(*args, **kwargs):
            monkeypatch.setattr(np, name, real)
            with ThreadPoolExecutor(1) as pool:
                pool.submit(change).result()
                pool.submit(index.opened, engine.TILES).result()
            return real(*args, **kwargs)

        monkeypatch.setattr(np, name, other_first)

    return arrange


def test_vectors_that_go_between_two_looks_are_no_error(index, store, at_the_call_of):
    index.opened(engine.TILES)
    at_the_call_of("isin", lambda: store.remove(IDS[::2]))
    assert list(engine.vectors_of(index, IDS.tolist())) == IDS.tolist(), "as it was when it was asked"
    assert list(engine.vectors_of(index, IDS.tolist())) == IDS[1::2].tolist()


def test_a_vector_that_comes_between_two_looks_is_not_found_by_who_may_not(index, store, at_the_call_of):
    index.opened(engine.TILES)
    at_the_call_of("array_equal", lambda: store.add([OTHER], VECTORS[:1]))
    found = engine.likest_of(index, engine.TILES, IDS, VECTORS[0], COUNT).found
    assert len(found) == COUNT and OTHER not in dict(found)
