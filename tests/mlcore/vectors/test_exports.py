"""Embeddings leave as files that other tools read, block by block, and nothing half-written stays."""

import numpy as np
import pyarrow.parquet as pq
import pytest

from mlcore.errors import ConfigError, VectorStoreError
from mlcore.vectors import exports
from mlcore.vectors.exports import write_embeddings

IDS = np.array([3, 5, 8, 13])
VECTORS = np.arange(12, dtype=np.float32).reshape(4, 3)
COLUMNS = {"name": ["a", "b", None, "d"], "lon": [1.5, None, 2.5, 3.5], "count": [1, 2, 3, 4], "score": np.ones(4)}


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch):
    monkeypatch.setattr(exports, "BLOCK", 3)


def test_parquet_has_ids_columns_and_embeddings_of_one_length(tmp_path):
    write_embeddings(tmp_path / "x.parquet", "parquet", IDS, VECTORS, COLUMNS, {"model": "abc"})
    file = pq.ParquetFile(tmp_path / "x.parquet")
    assert file.metadata.num_row_groups == 2
    table = file.read()
    assert table.column_names == ["id", "name", "lon", "count", "score", "embedding"]
    assert str(table.schema.field("embedding").type) == "fixed_size_list<element: float>[3]"
    assert table.column("id").to_pylist() == IDS.tolist() and table.column("name").to_pylist() == COLUMNS["name"]
    assert table.column("lon").to_pylist() == COLUMNS["lon"]
    assert np.array_equal(np.array(table.column("embedding").to_pylist()), VECTORS)
    assert table.schema.metadata[b"model"] == b"abc"


def test_npz_is_read_without_pickle(tmp_path):
    asked = []

    def vectors_of(ids: np.ndarray) -> np.ndarray:
        asked.append(len(ids))
        return VECTORS[np.searchsorted(IDS, ids)]

    write_embeddings(tmp_path / "x.npz", "npz", IDS, vectors_of, COLUMNS, {"model": "abc"})
    assert asked == [3, 1]
    with np.load(tmp_path / "x.npz", allow_pickle=False) as found:
        assert np.array_equal(found["ids"], IDS) and np.array_equal(found["embeddings"], VECTORS)
        assert found["name"].tolist() == ["a", "b", "", "d"]
        assert np.isnan(found["lon"]).tolist() == [False, True, False, False]
        assert found["count"].dtype == np.int64 and str(found["about_model"]) == "abc"


@pytest.mark.parametrize("form", ["parquet", "npz"])
def test_nothing_at_all_is_a_file_as_well(tmp_path, form):
    write_embeddings(tmp_path / "x", form, np.zeros(0), np.zeros((0, 3)), {"name": []})
    if form == "npz":
        with np.load(tmp_path / "x") as found:
            assert found["embeddings"].shape == (0, 3)
    else:
        assert pq.read_table(tmp_path / "x").num_rows == 0


@pytest.mark.parametrize("form", ["parquet", "npz"])
def test_an_export_that_fails_leaves_the_former_file(tmp_path, form):
    (tmp_path / "x").write_bytes(b"former")

    def broken(ids: np.ndarray) -> np.ndarray:
        if 13 in ids:
            raise OSError("the disk broke")
        return VECTORS[:3]

    with pytest.raises(OSError, match="broke"):
        write_embeddings(tmp_path / "x", form, IDS, broken)
    assert (tmp_path / "x").read_bytes() == b"former" and len(list(tmp_path.iterdir())) == 1


def test_what_doesnt_fit_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="parquet, npz"):
        write_embeddings(tmp_path / "x", "csv", IDS, VECTORS)
    with pytest.raises(VectorStoreError, match="'name'"):
        write_embeddings(tmp_path / "x", "npz", IDS, VECTORS, {"name": ["a"]})
    with pytest.raises(VectorStoreError, match="'embedding'"):
        write_embeddings(tmp_path / "x", "npz", IDS, VECTORS, {"embedding": [1, 2, 3, 4]})
