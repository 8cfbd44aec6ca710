"""A store keeps the last vector of every id, finds the likest, and tells what can't be used."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlcore.errors import ConfigError, OtherModelError, VectorStoreError
from mlcore.vectors import VectorStore
from mlcore.vectors.store import MOST_SEGMENTS
from tests.mlcore.vectors.made import brute_force, clustered


def filled(folder, count=500, dimension=32, seed=0) -> tuple[VectorStore, np.ndarray]:
    store, vectors = VectorStore.create(folder, "model", dimension), clustered(count, dimension, seed)
    store.add(np.arange(count), vectors)
    return store, vectors


def test_an_empty_store_finds_nothing(tmp_path):
    store = VectorStore.create(tmp_path / "s", "model", 8)
    found = store.search(np.ones(8), 3)
    assert found.ids.tolist() == [[-1, -1, -1]] and np.isneginf(found.likeness).all()
    assert len(store) == 0 and store.update_index() == "exact" and store.update_index("ivfpq") == "exact"


def test_the_likest_come_first_with_their_likeness(tmp_path):
    store, vectors = filled(tmp_path / "s")
    found = store.search(vectors[:5], 10)
    for row in range(5):
        wanted = brute_force(dict(enumerate(vectors)), vectors[row], 10)
        assert found.ids[row].tolist() == [number for number, _ in wanted]
        assert found.likeness[row] == pytest.approx([likeness for _, likeness in wanted], abs=1e-5)


def test_what_was_written_is_there_for_another_process_after_refresh(tmp_path):
    store, vectors = filled(tmp_path / "s", 20)
    other = VectorStore.open(tmp_path / "s", "model")
    store.remove([3, 4, 777])
    store.add([1, 50], vectors[[7, 8]])
    assert len(other) == 20
    assert other.refresh() and not other.refresh()
    assert other.ids.tolist() == sorted({*range(20), 50} - {3, 4})
    assert np.array_equal(other.vectors_of([50, 1, 0]), vectors[[8, 7, 0]])


def test_what_a_view_answers_fits_together_whatever_is_written_and_refreshed(tmp_path):
    store, vectors = filled(tmp_path / "s", 40)
    store.update_index("hnsw")
    before = store.view()
    other = VectorStore.open(tmp_path / "s", "model")
    other.remove(np.arange(10))
    other.compact()
    other.update_index("hnsw")
    assert store.refresh() and len(store) == 30 and store.indexed == 30
    assert (len(before), before.indexed) == (40, 40)
    assert np.array_equal(before.vectors_of(before.ids), vectors)
    assert before.search(vectors[3], 1).ids.tolist() == [[3]] and store.search(vectors[3], 1).ids[0, 0] >= 10


def test_an_id_that_was_removed_may_come_back(tmp_path):
    store, vectors = filled(tmp_path / "s", 10)
    store.remove([5])
    store.add([5], vectors[[2]])
    assert np.array_equal(VectorStore.open(tmp_path / "s").vectors_of([5]), vectors[[2]])


def test_many_small_writes_become_few_segments(tmp_path):
    store, vectors = filled(tmp_path / "s", 300)
    for start in range(0, 300, 6):
        store.add(np.arange(start, start + 6), vectors[::-1][start : start + 6])
        store.remove([start])
    assert len(list((tmp_path / "s" / "log").iterdir())) <= MOST_SEGMENTS
    again = VectorStore.open(tmp_path / "s")
    left = np.setdiff1d(np.arange(300), np.arange(0, 300, 6))
    assert np.array_equal(again.ids, left) and np.array_equal(again.vectors_of(left), vectors[::-1][left])


def test_compacting_gives_back_space_and_changes_nothing_else(tmp_path):
    store, vectors = filled(tmp_path / "s", 400)
    store.remove(np.arange(0, 400, 2))
    before = sum(file.stat().st_size for file in (tmp_path / "s").rglob("*.npy"))
    store.compact()
    after = sum(file.stat().st_size for file in (tmp_path / "s").rglob("*.npy"))
    assert after < 0.6 * before
    assert np.array_equal(store.vectors_of(np.arange(1, 400, 2)), vectors[1::2])


def test_a_store_of_another_model_is_refused(tmp_path):
    filled(tmp_path / "s", 10)
    with pytest.raises(OtherModelError, match="use that model"):
        VectorStore.open(tmp_path / "s", "another")
    with pytest.raises(OtherModelError):
        VectorStore.create(tmp_path / "s", "another", 32)
    with pytest.raises(VectorStoreError, match="vectors of 32"):
        VectorStore.create(tmp_path / "s", "model", 16)


def test_a_folder_that_is_no_store_is_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(VectorStoreError, match=r"notes\.txt"):
        VectorStore.create(tmp_path, "model", 8)
    with pytest.raises(VectorStoreError, match="make one first"):
        VectorStore.open(tmp_path)
    assert [path.name for path in tmp_path.iterdir() if path.name != "lock"] == ["notes.txt"]


@pytest.mark.parametrize(
    ("ids", "vectors", "said"),
    [
        ([1, 1], np.ones((2, 8)), "repeat"),
        ([-1], np.ones((1, 8)), "negative"),
        ([1], np.ones((1, 9)), "don't fit"),
        ([1], np.full((1, 8), np.nan), "not finite"),
        ([1], np.full((1, 8), 1e6), "too large"),
    ],
)
def test_what_cant_be_kept_is_refused_before_anything_is_written(tmp_path, ids, vectors, said):
    store = VectorStore.create(tmp_path / "s", "model", 8)
    with pytest.raises(VectorStoreError, match=said):
        store.add(ids, vectors)
    assert len(VectorStore.open(tmp_path / "s")) == 0


def test_a_search_of_another_size_is_refused(tmp_path):
    store, _ = filled(tmp_path / "s", 10)
    with pytest.raises(VectorStoreError, match="can't be searched"):
        store.search(np.ones(31), 3)
    with pytest.raises(VectorStoreError, match="can't be searched"):
        store.search(np.ones(32), 0)
    with pytest.raises(ConfigError, match="choose from"):
        store.update_index("tree")
    with pytest.raises(VectorStoreError, match="no vector 99"):
        store.vectors_of([1, 99])


def test_a_damaged_segment_is_told_and_not_read(tmp_path):
    filled(tmp_path / "s", 10)
    vectors = next((tmp_path / "s" / "log").glob("*/vectors.npy"))
    vectors.write_bytes(vectors.read_bytes()[:-1])
    with pytest.raises(VectorStoreError, match="damaged"):
        VectorStore.open(tmp_path / "s")


def test_a_segment_without_one_of_its_files_is_told_by_name(tmp_path):
    filled(tmp_path / "s", 10)
    next((tmp_path / "s" / "log").glob("*/ids.npy")).unlink()
    with pytest.raises(VectorStoreError, match=r"lacks .*ids\.npy"):
        VectorStore.open(tmp_path / "s")


IDS = st.lists(st.integers(0, 30), max_size=8, unique=True)
WRITES = st.lists(st.tuples(st.sampled_from(["add", "remove", "compact"]), IDS), max_size=14)


@settings(max_examples=40, deadline=None)
@given(WRITES, IDS, st.integers(1, 9), st.integers(0, 99))
def test_after_any_writes_it_holds_what_a_dictionary_holds(tmp_path_factory, writes, allowed, count, seed):
    folder, kept, rng = tmp_path_factory.mktemp("store"), {}, np.random.default_rng(seed)
    store = VectorStore.create(folder / "s", "model", 6)
    for what, ids in writes:
        if what == "add":
            vectors = rng.normal(0, 1, (len(ids), 6)).astype(np.float16).astype(np.float32)
            store.add(ids, vectors)
            kept.update(zip(ids, vectors, strict=True))
        elif what == "remove":
            store.remove(ids)
            kept = {number: vector for number, vector in kept.items() if number not in ids}
        else:
            store.compact()
    for one in (store, VectorStore.open(folder / "s")):
        assert one.ids.tolist() == sorted(kept)
        assert all(np.array_equal(one.vectors_of([number])[0], vector) for number, vector in kept.items())
        query = rng.normal(0, 1, 6).astype(np.float32)
        found = one.search(query, count, allowed=np.array(allowed, np.int64))
        wanted = brute_force(kept, query, count, set(allowed))
        assert found.ids[0][: len(wanted)].tolist() == [number for number, _ in wanted]
        assert (found.ids[0][len(wanted) :] == -1).all()
