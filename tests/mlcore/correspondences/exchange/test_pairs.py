"""Pairs of pictures in MapData's layout, and homographies as text."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore.correspondences.exchange import read_homography, write_pair
from mlcore.correspondences.exchange.pairs import homography_of, homography_text
from mlcore.correspondences.warps import WarpRange, random_warp, warped
from mlcore.errors import InvalidInputError
from mlcore.geometry.transform import Transform, shift_of

REACH = WarpRange(20, 0.1, (0.9, 1.1), 0.05)


def texture(size: int) -> np.ndarray:
    rng = np.random.default_rng(3)
    return cv2.resize(rng.integers(0, 255, (24, 24, 3)).astype(np.uint8), (size, size), interpolation=cv2.INTER_CUBIC)


def homography(matrix: np.ndarray) -> Transform:
    return Transform("homography", (matrix / matrix[2, 2]).ravel()[:8], np.zeros((8, 8)))


@pytest.mark.parametrize("size", [256, 512, 700])
def test_opencv_lays_the_map_on_the_image_with_the_files_as_they_are(tmp_path: Path, size: int) -> None:
    true = random_warp(size, REACH, 1)
    picture = texture(size)
    moved = warped(picture, true, size)

    files = write_pair(tmp_path, "austin_1", picture, moved, homography(true))

    assert [str(path.relative_to(tmp_path)) for path in files] == [
        "L/austin_1.png", "R/austin_1.png", "H/austin_1.txt",
    ]  # fmt: skip
    source, image = (cv2.imread(str(path)) for path in files[:2])
    assert source.shape == image.shape == (512, 512, 3)
    laid = cv2.warpPerspective(source, np.loadtxt(files[2]), (512, 512), flags=cv2.INTER_LINEAR)
    shown = (laid > 0).any(axis=2) & (image > 0).any(axis=2)
    assert shown.mean() > 0.5
    assert np.abs(laid.astype(int) - image)[shown].mean() < 2
    if size == 512:
        assert (cv2.cvtColor(source, cv2.COLOR_BGR2RGB) == picture).all()
        assert np.allclose(read_homography(files[2]), true / true[2, 2], atol=1e-9)


@given(seed=st.integers(0, 10_000))
def test_a_homography_as_text_is_read_again(seed: int) -> None:
    true = random_warp(512, REACH, seed)

    back = homography_of(homography_text(true), "text")

    assert np.allclose(back, true / true[2, 2], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    "text", ["1,0,0.5\n0,1,0\n0,0,1\n", "[[1, 0, 0.5], [0, 1, 0], [0, 0, 1]]", "1;0;.5;0;1;0;0;0;1"]
)
def test_a_homography_is_read_however_its_numbers_are_parted(text: str) -> None:
    assert np.allclose(homography_of(text, "text"), [[1, 0, 0.5], [0, 1, 0], [0, 0, 1]])


@pytest.mark.parametrize(
    "text",
    ["", "1 2 3", "1 0 0 0 1 0 0 0 nan", "1 0 0 0 1 0 0 0 0", "0 0 0 0 0 0 0 0 1", "a b c d e f g h i", "1 0 0 " * 4,
     "1,5 0 0 0 1 0 0 0 1", "１ 0 0 0 1 0 0 0 1", "1e999 0 0 0 1 0 0 0 1"],
)  # fmt: skip
def test_what_is_no_homography_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match="homography"):
        homography_of(text, "text")


@given(text=st.text(max_size=120))
def test_any_text_is_a_homography_or_refused(text: str) -> None:
    try:
        assert np.isfinite(homography_of(text, "text")).all()
    except InvalidInputError:
        return


def test_a_pair_that_can_t_be_written_is_refused(tmp_path: Path) -> None:
    square = texture(512)
    for name in ("../up", "", "a/b", ".hidden", "a" * 200):
        with pytest.raises(InvalidInputError, match="can't name a pair"):
            write_pair(tmp_path, name, square, square, shift_of(0, 0))
    with pytest.raises(InvalidInputError, match="same window"):
        write_pair(tmp_path, "a", square, square[:400], shift_of(0, 0))
    with pytest.raises(InvalidInputError, match="picture of bytes"):
        write_pair(tmp_path, "a", square, square.astype(float), shift_of(0, 0))
    assert not list(tmp_path.rglob("*.png"))
    with pytest.raises(InvalidInputError, match="check the path"):
        read_homography(tmp_path / "none.txt")
    (tmp_path / "long.txt").write_text("1 " * 5000)
    with pytest.raises(InvalidInputError, match="4096 bytes"):
        read_homography(tmp_path / "long.txt")
