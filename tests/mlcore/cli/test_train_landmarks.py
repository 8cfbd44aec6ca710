"""`train landmarks`: a model of photos by class, with its floors, and one that goes on from it."""

import numpy as np
import pytest
from PIL import Image

from mlcore.cli import main
from mlcore.landmarks.model import LandmarkModel
from tests.mlcore.landmarks.made import picture

KINDS = {"beach": "grey", "forest": "green", "river": "blue"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root, rng = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    for kind, tone in KINDS.items():
        (root / kind).mkdir()
        for number in range(90):
            Image.fromarray(picture(tone, rng, 16)).save(root / kind / f"{number:02d}.png")
    return root


def train(folder, tmp_path, *more: str) -> int:
    return main([
        "train", "landmarks", "--land-use", str(folder), "--preset", "tiny", "--run", str(tmp_path / "run"),
        "--out", str(tmp_path / "m.safetensors"), *more,
    ])  # fmt: skip


def test_it_learns_the_seen_classes_and_says_what_its_floors_keep(folder, tmp_path, capsys):
    assert train(folder, tmp_path) == 0
    model = LandmarkModel.load(tmp_path / "m.safetensors")
    (unseen,) = model.about["held_out"]["land_use_classes"]
    assert unseen in KINDS and model.about["samples"] == 120
    assert set(model.floors.least) == {"text", "aerial", "ground"}
    assert "floor of text: keeps" in capsys.readouterr().out


def test_it_goes_on_from_a_model_and_keeps_what_that_one_knew(folder, tmp_path):
    assert train(folder, tmp_path, "--every-class") == 0
    first = LandmarkModel.load(tmp_path / "m.safetensors")
    out = tmp_path / "next.safetensors"
    more = ["--weights", str(tmp_path / "m.safetensors"), "--learn", "text", "--epochs", "1", "--out", str(out)]
    assert train(folder, tmp_path, *more, "--run", str(tmp_path / "next")) == 0
    tuned = LandmarkModel.load(out)
    assert tuned.about["started_from"] == first.digest
    assert first.about["held_out"]["land_use_classes"] == [] and first.about["samples"] == 180


def test_nothing_to_learn_from_is_an_error_with_its_remedy(tmp_path, capsys):
    assert main(["train", "landmarks", "--run", str(tmp_path), "--out", str(tmp_path / "m.safetensors")]) != 0
    assert "--land-use" in capsys.readouterr().err
