"""`train locator` on files, and what it says of those that teach nothing."""

from __future__ import annotations

from pathlib import Path

import cv2
import pytest

from mlcore.cli import main
from mlcore.geolocation.model import LocatorModel
from tests.mlcore.correspondences.test_matchers import texture


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    for folder in ("ucmerced/forest", "ucmerced/river", "place"):
        (tmp_path / folder).mkdir(parents=True)
        for number in range(2):
            cv2.imwrite(str(tmp_path / folder / f"{number}.png"), texture(number, 300))
    named = ["--place", str(tmp_path / "place" / "0.png"), str(tmp_path / "place" / "1.png")]
    named += ["--photos", str(tmp_path / "ucmerced"), "--preset", "tiny", "--steps", "4"]
    return ["train", "locator", *named, "--run", str(tmp_path / "run"), "--out", str(tmp_path / "l.safetensors")]


def test_a_locator_is_learnt_from_files_and_can_be_used(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--set", "teacher=classes"]) == 0

    digest = capsys.readouterr().out.split()[-1]
    model = LocatorModel.load(tmp_path / "l.safetensors", digest)
    assert model.config.teacher == "classes" and model.config.steps == 4
    assert len(model.features(texture(0, 256), role="base").coarse) == 4


def test_the_same_command_goes_on_and_other_settings_need_another_folder(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 0
    assert main(words) == 0  # done before: the file is written again
    assert main([*words, "--set", "topics=false"]) == 1
    assert "other data or settings" in capsys.readouterr().err


@pytest.mark.parametrize(
    "changes, said",
    [(["--photos", "nowhere"], "no folder"), (["--set", "no_such=1"], "no setting"),
     (["--place", "nowhere.tif"], "nowhere"),
     (["--preset", "compact", "--encoder-weights", "nowhere.safetensors"], "no weights file")],
)  # fmt: skip
def test_what_can_not_be_used_is_told(
    words: list[str], changes: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, *changes]) == 1
    assert said in capsys.readouterr().err


def test_nothing_named_is_nothing_to_learn_from(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train", "locator", "--preset", "tiny", "--run", str(tmp_path), "--out", str(tmp_path / "l.safetensors")]
    assert main(words) == 1
    assert "nothing to learn from" in capsys.readouterr().err
