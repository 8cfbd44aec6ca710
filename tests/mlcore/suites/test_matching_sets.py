"""The protocols of matching on sets as they lie on disk."""

from __future__ import annotations

import json
from collections import Counter
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
from mlcore.suites.matching_sets import fitted_in, plan_set, read_set, trial_of
from mlcore.suites.other_places import Ground, Window, told_windows
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
    assert figures["false"]["sift"]["accepted"] == 0 and figures["false"]["sift"]["pairs"] == 2
    report = (out / "pairs.md").read_text()
    assert (
        "| sift | 2 |" in report and "2 from another folder of the set" in report and "as_is" in capsys.readouterr().out
    )


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


def overlapping(folder: Path, sides: float = 0.5) -> Path:
    """Windows of one image in rows, each over half of the next one's ground, as `build pairs` tells of them."""
    side = 200
    noise = np.random.default_rng(4).normal(0, 60, (800, 1000, 3))
    picture = np.clip(128 + sum(cv2.GaussianBlur(noise, (0, 0), at) * at for at in (2, 5)), 0, 255).astype(np.uint8)
    lines = []
    step = round(sides * side)
    for top in range(0, picture.shape[0] - side + 1, step):
        for left in range(0, picture.shape[1] - side + 1, step):
            name, part = f"window-{len(lines):06d}", "train" if left < 500 else "test"
            cut = picture[top : top + side, left : left + side]
            write_pair(folder / part, name, cut, cut, shift_of(0, 0))
            lines.append({"name": name, "part": part, "window": {"left": left, "top": top, "side": side}})
    (folder / "proposals.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def test_windows_that_share_ground_are_not_taken_for_other_places(tmp_path: Path) -> None:
    """Taken one after the other, as they lie in the folder, they share half of their ground."""
    folder, out = overlapping(tmp_path / "set"), tmp_path / "out"
    words = ["evaluate", "pairs", "--pairs", str(folder), "--matchers", "sift", "--out", str(out)]
    assert main([*words, "--protocols", "false", "--most", "40"]) == 0
    figures = json.loads((out / "pairs.json").read_text())["false"]["sift"]
    assert figures["pairs"] == 40 and figures["accepted"] == 0
    assert (
        "40 of 40 pairs; 40 by position, the windows' middles 1.5 sides or more apart" in (out / "pairs.md").read_text()
    )


def test_the_map_of_another_place_is_seldom_taken_twice_and_no_picture_is_held_for_long(tmp_path: Path) -> None:
    plan = plan_set(overlapping(tmp_path / "set"), 1000)
    assert set(plan.others) == set(plan.chosen) and max(Counter(plan.others.values()).values()) <= 2
    waits = sorted(abs(one - other) for one, other in plan.others.items())
    assert waits[len(waits) // 2] <= 10


def test_a_set_that_does_not_tell_its_places_is_not_measured_on_other_places(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = overlapping(tmp_path / "set") / "train", tmp_path / "out"
    told = (folder.parent / "proposals.jsonl").read_text()
    (folder.parent / "proposals.jsonl").write_text('[1]\n{"name": "window-000000"}\n{"tile": [1, "x", 3]}\nnone\n')
    words = ["evaluate", "pairs", "--pairs", str(folder), "--matchers", "orb", "--most", "3", "--out", str(out)]
    assert main([*words, "--protocols", "false"]) == 1
    assert "train does not tell which of its pairs show different places" in capsys.readouterr().err
    assert main(words) == 0
    assert set(json.loads((out / "pairs.json").read_text())) == {"as_is", "working", "full"}
    assert "*false* is not measured: train does not tell" in (out / "pairs.md").read_text()
    (folder.parent / "proposals.jsonl").write_text(told)
    assert plan_set(folder, 100).others, "a part of a set is told of beside it"


def test_tiles_of_a_region_lie_where_their_lines_say(tmp_path: Path) -> None:
    lines = [{"name": f"tile-{x}", "part": "train", "tile": [18, 1000 + x, 70]} for x in range(3)]
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    told = told_windows(tmp_path)
    grounds = [Ground(told[f"train/tile-{x}"], "train") for x in range(3)]
    assert [one.apart_from(other) for one in grounds[:1] for other in grounds] == [False, False, True]
    inside = Ground(Window("world", 2004 / 2**19, 141 / 2**19, 1 / 2**19), "test")
    assert [inside.apart_from(other) for other in grounds] == [True, False, False]
    assert not Ground(None, "").apart_from(Ground(None, "a")) and Ground(None, "b").apart_from(Ground(None, "a"))
