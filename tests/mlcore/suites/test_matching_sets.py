"""The protocols of matching on sets as they lie on disk."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from mlcore.cli import main
from mlcore.correspondences.exchange import write_pair
from mlcore.correspondences.warps import warped
from mlcore.errors import InvalidInputError
from mlcore.evaluation.readers.matching_pairs import MatchingPair
from mlcore.geometry.transform import shift_of
from mlcore.suites.matching_sets import fitted_in, read_set, trial_of
from tests.mlcore.correspondences.hybrid.made import ground, moved

SHIFT = (9.0, -6.0)
CORNERS = np.array([[0, 0], [512, 0], [512, 512], [0, 512.0]])


def window(seed: int) -> np.ndarray:
    return ground(seed)[:512, :512]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two pairs, each a picture and the same moved by SHIFT, in two parts of a split."""
    for seed, part in ((1, "train"), (2, "test")):
        picture = window(seed)
        image = warped(picture, shift_of(*SHIFT).matrix, 512)
        write_pair(tmp_path / "set" / part, f"pair-{seed}", picture, image, shift_of(*SHIFT))
    return tmp_path / "set"


def test_a_set_is_measured_by_one_command(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "measured"
    assert main(["evaluate", "pairs", "--pairs", str(folder), "--matchers", "sift", "orb", "--out", str(out)]) == 0
    figures = json.loads((out / "pairs.json").read_text())
    assert set(figures) == {"as_is", "working", "full", "false"} and set(figures["full"]) == {"sift", "orb"}
    for protocol in ("as_is", "working", "full"):
        assert figures[protocol]["sift"]["auc3"] > 50 and figures[protocol]["sift"]["pairs"] == 2
    assert figures["false"]["sift"]["accepted"] == 0 and figures["false"]["sift"]["pairs"] == 1
    assert "| sift | 2 |" in (out / "pairs.md").read_text() and "as_is" in capsys.readouterr().out


def test_the_truth_of_a_warped_pair_leads_from_the_warped_map_to_the_image(folder: Path) -> None:
    pair = next(read_set(folder))
    for protocol in ("as_is", "full"):
        told = trial_of(pair, protocol, 5, None)
        assert told is not None and told.truth is not None
        assert np.allclose(moved(told.truth, moved(told.warp, CORNERS)), CORNERS + SHIFT, atol=1e-6)


def test_pictures_of_other_sizes_and_landmarks_without_a_homography_are_brought_to_512_px() -> None:
    picture = ground(3)[:300, :400]
    landmarks = np.array([[20, 30], [380, 40], [360, 280], [30, 260], [200, 150.0]])
    pair = MatchingPair("a", picture, cv2.resize(picture, (800, 600)), map_xy=landmarks, image_xy=landmarks * 2)
    told = trial_of(pair, "as_is", 0, None)
    assert told is not None and told.truth is not None
    assert np.allclose(moved(told.truth, CORNERS), CORNERS, atol=1e-6)
    square, matrix = fitted_in(picture)
    assert square.shape == (512, 512, 3) and not square[384:].any() and np.allclose(matrix[0, 0], 1.28)
    assert trial_of(MatchingPair("b", picture, picture), "full", 0, None) is None


def test_a_folder_without_pairs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="L and R"):
        next(read_set(tmp_path))
