"""An index finds nearly what comparing everything finds, keeps up with writes, and never finds what it may not."""

import numpy as np
import pytest

from mlcore.vectors import VectorStore, faiss_index
from mlcore.vectors import index as indexes
from mlcore.vectors import search as searching
from tests.mlcore.vectors.made import clustered

COUNT = 6000


@pytest.fixture(autouse=True)
def _small_stores_have_an_index(monkeypatch):
    """What is compared one by one in earnest is too much for tests."""
    monkeypatch.setattr(indexes, "EXACT_UP_TO", 500)
    monkeypatch.setattr(searching, "EXACT_UP_TO", 500)


def indexed(folder, kind="ivfpq") -> tuple[VectorStore, np.ndarray]:
    store, vectors = VectorStore.create(folder, "model", 32), clustered(COUNT)
    store.add(np.arange(COUNT), vectors)
    assert store.update_index(kind) == kind and store.indexed == COUNT
    return store, vectors


def exact(vectors: np.ndarray, query: np.ndarray, count: int, allowed=None) -> np.ndarray:
    ids = np.arange(len(vectors)) if allowed is None else np.sort(allowed)
    likeness = vectors[ids] @ query
    return ids[np.lexsort((ids, -likeness))][:count]


def recall(store, vectors, queries, allowed=None) -> float:
    found = store.search(queries, 10, allowed=allowed).ids
    wanted = [exact(vectors, query, 10, allowed) for query in queries]
    return float(np.mean([len(set(a) & set(b)) / len(b) for a, b in zip(found, wanted, strict=True)]))


@pytest.mark.parametrize("kind", ["ivfpq", "ivfsq", "hnsw"])
def test_each_kind_finds_nearly_all_of_the_nearest(tmp_path, kind):
    store, vectors = indexed(tmp_path / "s", kind)
    queries = clustered(40, seed=5)
    assert recall(store, vectors, queries) >= 0.95
    assert recall(VectorStore.open(tmp_path / "s"), vectors, queries) >= 0.95


def test_the_likeness_told_is_that_of_the_vectors_not_of_the_index(tmp_path):
    store, vectors = indexed(tmp_path / "s")
    query = clustered(1, seed=8)[0]
    found = store.search(query, 20)
    assert found.likeness[0] == pytest.approx(vectors[found.ids[0]] @ query, abs=1e-5)
    assert (np.diff(found.likeness[0]) <= 0).all()


def test_a_small_store_needs_no_index_and_loses_one_it_had(tmp_path):
    store, _ = indexed(tmp_path / "s")
    store.remove(np.arange(100, COUNT))
    assert store.update_index() == "exact"
    assert not list((tmp_path / "s" / "index").iterdir())
    assert sorted(store.search(clustered(1, seed=2)[0], 200).ids[0][:100].tolist()) == list(range(100))


@pytest.mark.parametrize("kind", ["ivfpq", "ivfsq", "hnsw"])
def test_what_was_written_since_is_found_before_and_after_the_index_is_updated(tmp_path, kind):
    store, vectors = indexed(tmp_path / "s", kind)
    other, new = VectorStore.open(tmp_path / "s"), clustered(300, seed=3)
    store.add(np.arange(COUNT, COUNT + 300), new)
    store.add(np.arange(40), new[:40][::-1])  # these get other vectors
    store.remove(np.arange(100, 160))
    other.refresh()
    for one in (store, other):
        assert one.search(new[200], 1).ids[0, 0] == COUNT + 200
        assert one.search(new[0], 2).ids[0].tolist() == [39, COUNT]
        assert not set(range(100, 160)) & set(one.search(vectors[100:160], 30).ids.ravel().tolist())
    made_for = store._index.trained_for
    store.update_index(kind)
    other.refresh()
    for one in (store, other):
        assert one.indexed == len(one) and one._index.trained_for == made_for  # it was added to
        assert one.search(new[200], 1).ids[0, 0] == COUNT + 200
        assert one.search(new[0], 2).ids[0].tolist() == [39, COUNT]
        assert not set(range(100, 160)) & set(one.search(vectors[100:160], 30).ids.ravel().tolist())
        found = one.search(vectors[:40], 5).ids
        assert all(len(set(row)) == 5 for row in found.tolist())


@pytest.mark.parametrize("kind", ["ivfpq", "ivfsq", "hnsw"])
@pytest.mark.parametrize("share", [0.001, 0.05, 0.12, 0.5, 1.0])
def test_nothing_outside_allowed_is_ever_found_and_what_is_allowed_is(tmp_path, kind, share):
    store, vectors = indexed(tmp_path / "s", kind)
    rng = np.random.default_rng(1)
    allowed = rng.choice(COUNT, max(3, int(share * COUNT)), replace=False)
    queries = clustered(20, seed=6)
    found = store.search(queries, 10, allowed=np.concatenate([allowed, [COUNT + 5, 10**12]])).ids
    assert set(found[found >= 0].tolist()) <= set(allowed.tolist())
    assert ((found >= 0).sum(axis=1) == min(10, len(allowed))).all()
    assert recall(store, vectors, queries, allowed) >= 0.95


def test_allowed_ids_of_one_cluster_are_all_found_by_a_query_far_from_them(tmp_path):
    store, vectors = indexed(tmp_path / "s")
    middle = vectors[0]
    allowed = np.argsort(-(vectors @ middle))[:700]
    found = store.search(-middle, 700, allowed=allowed).ids[0]
    assert sorted(found.tolist()) == sorted(allowed.tolist())


def test_ids_far_apart_are_held_to_as_well(tmp_path):
    store, vectors = VectorStore.create(tmp_path / "s", "model", 32), clustered(2000)
    ids = np.random.default_rng(0).choice(2**60, 2000, replace=False)
    store.add(ids, vectors)
    store.update_index("ivfpq")
    allowed = ids[:1200]
    found = store.search(vectors[1500:1510], 5, allowed=allowed).ids
    assert set(found.ravel().tolist()) <= set(allowed.tolist())
    assert store.search(vectors[7], 1).ids[0, 0] == ids[7]


@pytest.mark.slow
def test_an_index_that_fits_no_more_is_made_anew(tmp_path):
    store, _ = indexed(tmp_path / "s")
    more = clustered(5 * COUNT, seed=4)
    store.add(np.arange(COUNT, 6 * COUNT), more)
    store.update_index("ivfpq")
    assert store._index.trained_for == 6 * COUNT
    assert len(list((tmp_path / "s" / "index").glob("*.faiss"))) == 1


def test_a_damaged_index_is_passed_over_and_made_again(tmp_path):
    _, vectors = indexed(tmp_path / "s")
    (path,) = (tmp_path / "s" / "index").glob("*.faiss")
    path.write_bytes(path.read_bytes()[:1000])
    store = VectorStore.open(tmp_path / "s")
    assert store.indexed == 0 and store.search(vectors[3], 1).ids[0, 0] == 3
    store.update_index("ivfpq")
    assert VectorStore.open(tmp_path / "s").indexed == COUNT


def test_small_writes_after_the_index_leave_it_covering_what_it_covered(tmp_path):
    """Segments that come together never hide rows from an index that has them."""
    store, vectors = indexed(tmp_path / "s")
    for number in range(60):
        store.add([COUNT + number], clustered(1, seed=1000 + number))
    assert store.indexed == COUNT
    assert store.search(vectors[9], 1).ids[0, 0] == 9


@pytest.mark.parametrize("spread", ["along_few_directions", "in_clusters", "everywhere"])
def test_codes_are_as_good_however_vectors_are_spread(tmp_path, spread):
    """Codes of parts that hold nothing of what tells vectors apart would find few of the nearest; where vectors lie
    everywhere alike, lists have no likes to hold, and a few of them hold few of the nearest."""
    rng = np.random.default_rng(2)
    shape = {
        "along_few_directions": np.diag(np.r_[np.full(8, 1.0), np.full(120, 0.05)]),
        "in_clusters": np.eye(128) * 0.15,
        "everywhere": np.eye(128),
    }[spread]
    middles = rng.normal(0, 1, (30, 128)) * (spread == "in_clusters")
    made = middles[rng.integers(0, 30, COUNT + 30)] + rng.normal(0, 1, (COUNT + 30, 128)) @ shape
    made = (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float16).astype(np.float32)
    store = VectorStore.create(tmp_path / "s", "model", 128)
    store.add(np.arange(COUNT), made[:COUNT])
    store.update_index("ivfpq")
    assert recall(store, made[:COUNT], made[COUNT:]) >= {"everywhere": 0.4}.get(spread, 0.95)


def test_an_index_that_was_not_turned_is_searched_and_made_anew(tmp_path, monkeypatch):
    def as_before(size, lists, code_bytes, sample):
        return faiss_index.ivf(size, lists, faiss_index.product_code(size, code_bytes, len(sample)), sample)

    with monkeypatch.context() as before:
        before.setattr(faiss_index, "ivfpq", as_before)
        _, vectors = indexed(tmp_path / "s")
    again = VectorStore.open(tmp_path / "s")
    assert recall(again, vectors, clustered(20, seed=5)) >= 0.9 and again.indexed == COUNT
    again.update_index("ivfpq")
    assert faiss_index.is_turned(VectorStore.open(tmp_path / "s")._index.index)
    assert recall(again, vectors, clustered(20, seed=5)) >= 0.95
