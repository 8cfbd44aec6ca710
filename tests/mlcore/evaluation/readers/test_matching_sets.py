"""Sets of pairs to be matched as they are published: MapData, the review's database, RIFT's folders; all untrusted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.io import savemat

from mlcore.correspondences.exchange import write_pair
from mlcore.errors import InvalidInputError
from mlcore.evaluation.readers.mapdata import read_mapdata
from mlcore.evaluation.readers.mat_files import read_mat_truth
from mlcore.evaluation.readers.mat_level5 import read_tables
from mlcore.evaluation.readers.matching_pairs import read_landmarks
from mlcore.evaluation.readers.multimodal import read_multimodal
from mlcore.geometry.transform import Transform
from tests.mlcore.evaluation.readers.made_pairs import (
    SIZE,
    TURN,
    applied,
    blobs,
    landmarks,
    mapdata_set,
    mat_of_review,
    review_set,
    shown,
)
from tests.mlcore.evaluation.readers.made_sets import save


def test_published_mapdata_is_aligned_pairs_of_l_and_r(tmp_path: Path) -> None:
    names = mapdata_set(tmp_path)

    pairs = list(read_mapdata(tmp_path))

    assert [pair.name for pair in pairs] == names
    assert (pairs[1].map_rgb == blobs(1)).all() and (pairs[1].image_rgb == blobs(11)).all()
    assert all((pair.truth == np.eye(3)).all() and pair.map_xy is None for pair in pairs)


def test_pairs_that_were_written_come_back_with_their_homography(tmp_path: Path) -> None:
    square = blobs(0, 512)
    write_pair(tmp_path, "one", square, square, Transform("homography", TURN.ravel()[:8], np.zeros((8, 8))))

    (pair,) = read_mapdata(tmp_path)

    assert pair.name == "one" and (pair.map_rgb == square).all()
    assert np.allclose(pair.truth, TURN, atol=1e-9)


def test_map_and_image_may_stand_for_l_and_r(tmp_path: Path) -> None:
    save(tmp_path / "map" / "a.png", blobs(0, 64))
    save(tmp_path / "image" / "a.png", blobs(1))
    (tmp_path / "homography").mkdir()
    (tmp_path / "homography" / "a.txt").write_text("1.5 0 0\n0 1.5 0\n0 0 1\n")

    (pair,) = read_mapdata(tmp_path)

    assert pair.map_rgb.shape[:2] == (64, 64) and pair.image_rgb.shape[:2] == (SIZE, SIZE)
    assert np.allclose(applied(pair.truth, np.array([[0.5, 0.5], [10, 20]])), [[0.5, 0.5], [14.75, 29.75]])


def test_mapdata_that_lacks_a_side_a_pair_or_a_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="there is no folder"):
        list(read_mapdata(tmp_path / "none"))
    with pytest.raises(InvalidInputError, match="holds no pairs"):
        list(read_mapdata(tmp_path))
    save(tmp_path / "L" / "a.png", blobs())
    save(tmp_path / "R" / "a.png", blobs(0, 64))
    with pytest.raises(InvalidInputError, match="two sizes"):
        list(read_mapdata(tmp_path))
    save(tmp_path / "L" / "b.png", blobs())
    with pytest.raises(InvalidInputError, match="in only one"):
        list(read_mapdata(tmp_path))
    (tmp_path / "R" / "b.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    save(tmp_path / "R" / "a.png", blobs())
    with pytest.raises(InvalidInputError, match="can't be read"):
        list(read_mapdata(tmp_path))


def test_the_review_s_database_gives_landmarks_and_the_transform_from_a_to_b(tmp_path: Path) -> None:
    review_set(tmp_path)
    map_xy, image_xy = landmarks()

    pairs = {pair.name.rsplit("/", 1)[1]: pair for pair in read_multimodal(tmp_path)}

    assert sorted(pairs) == ["MO1", "MO_2", "VisionCS_0"]
    for name, pair in pairs.items():
        assert pair.name == f"RemoteSensing/Map_Optical/{name}"
        assert (pair.map_rgb == blobs()).all() and (pair.image_rgb == shown(blobs())).all()
        assert np.allclose(pair.map_xy, map_xy) and np.allclose(pair.image_xy, image_xy)
    assert np.allclose(pairs["MO1"].truth, TURN, atol=1e-9) and pairs["MO_2"].truth is None


def test_where_b_is_the_map_everything_is_turned_around(tmp_path: Path) -> None:
    review_set(tmp_path)

    straight, around = next(read_multimodal(tmp_path)), next(read_multimodal(tmp_path, map_first=False))

    assert (around.map_rgb == straight.image_rgb).all() and (around.image_xy == straight.map_xy).all()
    assert np.allclose(applied(around.truth, around.map_xy), around.image_xy, atol=1e-6)


@pytest.mark.parametrize("kind", ["csv", "txt", "mat", "homography", "none"])
def test_numbered_pairs_take_whatever_truth_lies_beside(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "map-optical"
    save(folder / "pair1.png", blobs())
    save(folder / "pair2.png", shown(blobs()))
    both = np.hstack(landmarks())
    if kind == "csv":
        rows = [",".join(map(repr, row)) for row in (both - 0.5).tolist()]
        (folder / "landmarks.csv").write_text("x1,y1,x2,y2\n" + "\n".join(rows))
    if kind == "txt":
        np.savetxt(folder / "landmarks.txt", both - 0.5)
    if kind == "mat":
        savemat(folder / "landmarks.mat", {"points": both + 0.5})
    if kind == "homography":
        move = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1.0]])
        np.savetxt(folder / "homography.txt", np.linalg.inv(move) @ TURN @ move)

    (pair,) = read_multimodal(tmp_path)

    assert pair.name == "map-optical"
    assert (pair.truth is not None) == (kind == "homography")
    assert (pair.map_xy is not None) == (kind in ("csv", "txt", "mat"))
    if pair.map_xy is not None:
        assert np.allclose(np.hstack([pair.map_xy, pair.image_xy]), both)
    if pair.truth is not None:
        assert np.allclose(applied(pair.truth, both[:, :2]), both[:, 2:], atol=1e-6)


def test_a_folder_without_pairs_is_refused(tmp_path: Path) -> None:
    save(tmp_path / "one.png", blobs())
    with pytest.raises(InvalidInputError, match="pair1 and pair2"):
        list(read_multimodal(tmp_path))
    with pytest.raises(InvalidInputError, match="there is no folder"):
        list(read_multimodal(tmp_path / "none"))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1,2,3\n", "write x, y"),
        ("1,2,3,4\n5,6,7\n", "write x, y"),
        ("1 2 3 nan\n1 2 3 nan\n", "finite"),
        ("", "0 landmarks"),
        ("x,y,u,v\n", "0 landmarks"),
        ("1,2,3,4\n" * 10_001, "10,001 landmarks"),
        ("1" * 2_000_000, "1024 KB"),
    ],
)
def test_landmarks_that_are_none_are_refused(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "landmarks.csv"
    path.write_text(text)
    with pytest.raises(InvalidInputError, match=why):
        read_landmarks(path)


def test_mat_files_of_other_levels_or_contents_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.mat"
    path.write_bytes(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(126) + b"IM" + b"\x89HDF\r\n\x1a\n")
    with pytest.raises(InvalidInputError, match="save -v7"):
        read_mat_truth(path)
    savemat(path, {"points": np.zeros((3, 4))}, format="4")
    with pytest.raises(InvalidInputError, match="save -v7"):
        read_mat_truth(path)
    savemat(path, {"other": np.zeros((3, 3))})
    with pytest.raises(InvalidInputError, match="neither Landmarks nor T"):
        read_mat_truth(path)
    savemat(path, {"T": np.zeros((3, 3))})
    with pytest.raises(InvalidInputError, match="transform of the plane"):
        read_mat_truth(path)
    savemat(path, {"Landmarks": {"LMfix": np.zeros((3, 2)), "LMmov": np.zeros((4, 2))}})
    with pytest.raises(InvalidInputError, match="as many LMfix as LMmov"):
        read_mat_truth(path)
    savemat(path, {"Landmarks": {"LMfix": np.full((3, 2), np.nan), "LMmov": np.zeros((3, 2))}})
    with pytest.raises(InvalidInputError, match="finite"):
        read_mat_truth(path)
    with pytest.raises(InvalidInputError, match="there is no MATLAB file"):
        read_mat_truth(tmp_path / "none.mat")


def test_a_mat_file_that_unpacks_to_more_than_it_may_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "bomb.mat"
    savemat(path, {"T": np.zeros((300 * 1024, 1024), np.uint8)}, do_compression=True)

    assert path.stat().st_size < 2 * 1024**2
    with pytest.raises(InvalidInputError, match="unpacks to over"):
        read_mat_truth(path)


@given(
    table=arrays(
        st.sampled_from([np.float64, np.float32, np.uint8, np.int16, np.int32, np.uint64]),
        st.tuples(st.integers(0, 5), st.integers(1, 5)),
        elements=st.integers(0, 100),
    ),
    deflated=st.booleans(),
)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_tables_and_structs_are_read_as_scipy_writes_them(table: np.ndarray, deflated: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.mat"
    content = {"a": table, "one": {"long_name": table, "b": np.ones((1, 2)), "deep": {"c": table}}}
    skipped = {
        "words": "text",
        "cells": np.array([table, "x"], object),
        "wave": np.ones((1, 2)) * 1j,
        "deep": table[None],
    }

    savemat(path, content | skipped, do_compression=deflated)

    found = read_tables(path)
    assert set(found) == {"a", "one"}
    assert np.array_equal(found["a"], table) and np.array_equal(found["one"]["deep"]["c"], table)
    assert np.array_equal(found["one"]["long_name"], table) and np.array_equal(found["one"]["b"], [[1, 1]])


@given(data=st.data())
@settings(deadline=None, max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_mat_file_is_read_or_refused(data: st.DataObject, tmp_path: Path) -> None:
    path = tmp_path / "a.mat"
    mat_of_review(path, with_pictures=False, compressed=data.draw(st.booleans()))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(100, min(len(content), 4000) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content)
    try:
        read_mat_truth(path)
    except InvalidInputError:
        return
