"""Vectors with what is known of each as one file that other tools read: Parquet or NPZ."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from mlcore.errors import ConfigError, MissingPackageError, VectorStoreError
from mlcore.files import check_space, whole_file

Form = Literal["parquet", "npz"]
BLOCK = 16_384


def write_embeddings(
    path: Path,
    form: Form,
    ids: np.ndarray,
    vectors: np.ndarray | Callable[[np.ndarray], np.ndarray],
    columns: Mapping[str, Sequence[Any] | np.ndarray] | None = None,
    about: Mapping[str, str] | None = None,
) -> None:
    """Write vectors; memory stays at a block of them where they come by a function.

    Parquet: `id` int64, the columns, `embedding` a fixed-size list of float32; one row group a block, zstd. NPZ: `ids`
    (N,) int64, `embeddings` (N, D) float32 and the columns, each by its name, read without pickle.

    Args:
        ids: (N,) int64.
        vectors: (N, D), or a function that gives (n, D) of some of the ids, such as `VectorStore.vectors_of`.
        columns: (N,) values by name: numbers, texts, or None where one is not known.
        about: words by name: metadata of the Parquet file, texts of the NPZ as `about_<name>`.

    Raises:
        ConfigError: another form.
        VectorStoreError: columns of other lengths, or one named as an own one.
        MissingPackageError: Parquet without pyarrow.
        NoSpaceError: the disk has no room.
    """
    if form not in get_args(Form):
        raise ConfigError(f"no form {form!r} of embeddings: choose from {', '.join(get_args(Form))}")
    ids, columns, about = np.asarray(ids, np.int64), dict(columns or {}), dict(about or {})
    wrong = [name for name, values in columns.items() if len(values) != len(ids) or name in _OWN]
    if wrong:
        raise VectorStoreError(f"the column {wrong[0]!r} has another length than the ids, or a name that is taken")

    def blocks() -> Iterator[tuple[slice, np.ndarray]]:
        for start in range(0, max(len(ids), 1), BLOCK):
            part = slice(start, min(start + BLOCK, len(ids)))
            some = vectors(ids[part]) if callable(vectors) else vectors[part]
            yield part, np.ascontiguousarray(some, np.float32)

    write = _parquet if form == "parquet" else _npz
    with whole_file(path) as scratch:
        check_space(path, 0)
        write(scratch, ids, blocks(), columns, about)


_OWN = {"id", "ids", "embedding", "embeddings"}


def _parquet(
    path: Path, ids: np.ndarray, blocks: Iterable[tuple[slice, np.ndarray]], columns: dict, about: dict[str, str]
) -> None:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingPackageError("Parquet needs pyarrow: install it, or export NPZ") from error
    known = {name: pa.array(_plain(values)) for name, values in columns.items()}
    writer = None
    try:
        for part, block in blocks:
            check_space(path, block.nbytes)
            length = part.stop - part.start
            flat = pa.array(block.reshape(-1))
            table = pa.table(
                {
                    "id": pa.array(ids[part]),
                    **{name: values.slice(part.start, length) for name, values in known.items()},
                    "embedding": pa.FixedSizeListArray.from_arrays(flat, block.shape[1]),
                }
            ).replace_schema_metadata(about)
            writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd")
            writer.write_table(table)
    finally:
        if writer is not None:
            writer.close()


def _npz(
    path: Path, ids: np.ndarray, blocks: Iterable[tuple[slice, np.ndarray]], columns: dict, about: dict[str, str]
) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for name, values in {"ids": ids, **columns, **{f"about_{key}": value for key, value in about.items()}}.items():
            with archive.open(f"{name}.npy", "w") as file:
                np.lib.format.write_array(file, _array(values), allow_pickle=False)
        with archive.open("embeddings.npy", "w", force_zip64=True) as file:
            for number, (_, block) in enumerate(blocks):
                check_space(path, block.nbytes)
                if number == 0:
                    header = {"descr": "<f4", "fortran_order": False, "shape": (len(ids), block.shape[1])}
                    np.lib.format.write_array_header_1_0(file, header)
                file.write(block.astype("<f4", copy=False).tobytes())


def _plain(values: Sequence[Any] | np.ndarray) -> Any:
    """What Arrow reads with its own types, None as null."""
    return values if isinstance(values, np.ndarray) and values.dtype != object else list(values)


def _array(values: Any) -> np.ndarray:
    """What NumPy reads without pickle: numbers with NaN, or texts with "", where one is not known."""
    if isinstance(values, str):
        return np.array(values)
    if isinstance(values, np.ndarray) and values.dtype != object:
        return values
    if all(one is None or isinstance(one, int | float) for one in values):
        if any(one is None or isinstance(one, float) for one in values):
            return np.array([np.nan if one is None else one for one in values], np.float64)
        return np.array(list(values), np.int64)
    return np.array(["" if one is None else str(one) for one in values], dtype=np.str_)
