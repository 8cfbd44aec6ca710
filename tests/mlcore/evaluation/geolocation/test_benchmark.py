import json
import math

import cv2
import numpy as np
import pytest

from benchmarks.geolocation import measured, parser_of
from mlcore.cli import main
from mlcore.evaluation.geolocation.queries import Reach
from mlcore.progress import SilentProgress
from mlcore.suites.geolocation import HELD_OUT, standard_suite
from tests.mlcore.evaluation.geolocation.made_ground import write_picture, write_place


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """The shared data's folders, made small."""
    root = tmp_path_factory.mktemp("data")
    for seed, name in enumerate((*HELD_OUT, "zanzibar", "nairobi", "austin")):
        write_place(root / name, seed, side=500)
    write_place(root / "massachusetts", 20, side=500)
    (root / "massachusetts" / "image.tif").rename(root / "massachusetts" / "a.tif")
    write_place(root / "massachusetts", 21, side=500)
    (root / "massachusetts" / "image.tif").rename(root / "massachusetts" / "b.tif")
    for number in range(12):
        write_picture(root / "ucmerced" / "harbor" / f"harbor{number:02d}.jpg", 100 + number, 400)
    return root


def test_the_smallest_benchmark_runs_end_to_end_with_sift(data, tmp_path):
    args = parser_of().parse_args(["--out", str(tmp_path), "--placers", "sift", "--sift-queries", "2"])
    suite = standard_suite(
        data, tmp_path, queries=4, distractors=2, made_towns=0, side_px=600, reach=Reach((256, 280), (0.6, 0.7))
    )
    figures = measured(args, suite, SilentProgress())
    assert figures["sift_r1"] == 1.0 and figures["sift/reject_auroc"] == 1.0 and figures["sift/iou"] > 0.95
    assert figures["sift/queries"] == 2 and figures["queries"] == figures["foreign"] == 4
    assert figures["bases"] == len(suite.reference) == 10
    assert "r1" not in figures and "ratio_to_sift_time" not in figures
    assert all(math.isfinite(value) for value in figures.values())


def test_the_standard_suite_keeps_held_out_foreign_and_learnt_places_apart(data, tmp_path):
    suite = standard_suite(
        data, tmp_path, queries=4, distractors=2, made_towns=0, side_px=600, reach=Reach((256, 280), (0.6, 0.7))
    )
    assert {plan.place for plan in suite.held_out} == set(HELD_OUT)
    assert not {plan.place for plan in suite.learnt} & set(HELD_OUT)
    assert {plan.site for plan in suite.foreign} == {
        "foreign massachusetts/b", "foreign ucmerced/harbor/harbor02.jpg", "foreign ucmerced/harbor/harbor03.jpg"
    }  # fmt: skip
    names = {base.name for base in suite.reference}
    assert "ucmerced/harbor/harbor01.jpg" in names and not any("harbor02" in name for name in names)


def test_the_command_measures_folders_of_rasters(data, tmp_path, capsys):
    places = [str(data / name) for name in HELD_OUT[:2]]
    command = ["evaluate", "geolocation", "--places", *places, "--foreign", str(data / "austin"), "--methods", "sift",
               "colour", "--queries", "2", "--side", "600", "--out", str(tmp_path)]  # fmt: skip
    assert main(command) == 0
    table = json.loads((tmp_path / "geolocation.json").read_text())
    assert table["sift"]["r1"] == 1.0 and set(table) == {"sift", "colour"}
    assert "| sift | banepa | 1 |" in capsys.readouterr().out


def test_the_command_measures_a_folder_of_base_maps(tmp_path, capsys):
    for number in range(3):
        write_picture(tmp_path / "set" / f"{number}.png", number, 700)
    command = ["evaluate", "geolocation", "--tzc", str(tmp_path / "set"), "--methods", "sift", "--queries", "2",
               "--out", str(tmp_path / "out")]  # fmt: skip
    assert main(command) == 0
    assert json.loads((tmp_path / "out" / "geolocation.json").read_text())["sift"]["r1"] == 1.0


def test_other_dates_are_told_apart_from_the_same_flight(tmp_path, capsys):
    for scene in range(3):
        for date in (1, 2):
            path = write_picture(tmp_path / "set" / f"port{scene}" / f"{date}.png", scene, 700)
            cv2.imwrite(str(path), np.minimum(cv2.imread(str(path)), 255 - 40 * date))
    command = ["evaluate", "geolocation", "--mtgl", str(tmp_path / "set"), "--methods", "sift", "--queries", "3",
               "--out", str(tmp_path / "out")]  # fmt: skip
    assert main(command) == 0
    row = json.loads((tmp_path / "out" / "geolocation.json").read_text())["sift"]
    assert row["other_date"]["r1"] == 1.0 and row["other_date"]["queries"] == 3 and "same_flight" not in row
    assert "no figure here speaks of another date" not in capsys.readouterr().out


def test_the_command_says_what_it_needs(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("MAPWRIGHT_DATA", raising=False)
    assert main(["evaluate", "geolocation", "--out", str(tmp_path)]) == 1
    assert "--places" in capsys.readouterr().err
