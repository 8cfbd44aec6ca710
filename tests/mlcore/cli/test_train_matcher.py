"""`train matcher` on files, and what it says of those that teach nothing."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import pytest
import shapely
import shapely.affinity

from mlcore.cli import main
from mlcore.cli.train_matcher import _start
from mlcore.correspondences.config import StructureConfig
from mlcore.correspondences.graph.matcher import GraphMatcher
from mlcore.correspondences.matcher import StructureMatcher
from mlcore.encoders.unet import SmallUNet
from mlcore.learning.checkpoints import read_tensors
from mlcore.weights import TRUNK_FILE
from tests.mlcore.changes.made_place import houses, write_image
from tests.mlcore.correspondences.test_matchers import texture

COLUMNS, ROWS = 4, 3


@pytest.fixture
def files(tmp_path: Path) -> Path:
    features = houses(COLUMNS, ROWS)
    write_image(tmp_path / "image.tif", features, COLUMNS, ROWS)
    rows = [{"type": "Feature", "properties": {"building": "yes"}, "geometry": shapely.geometry.mapping(one.geometry)}
            for one in features]  # fmt: skip
    (tmp_path / "map.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": rows}))
    (tmp_path / "photos").mkdir()
    cv2.imwrite(str(tmp_path / "photos" / "one.png"), texture(1, 300))
    return tmp_path


def test_a_matcher_is_learnt_from_files_and_can_be_used(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train", "matcher", "--place", str(files / "image.tif"), str(files / "map.geojson")]
    words += ["--map", str(files / "map.geojson"), "--photos", str(files / "photos"), "--towns", "0"]
    words += ["--steps", "1", "--batch", "2", "--run", str(files / "run"), "--out", str(files / "m.safetensors")]

    assert main(words) == 0

    assert "sha256" in capsys.readouterr().out
    found = StructureMatcher.load(files / "m.safetensors").match(texture(2), texture(2))
    assert len(found) > 0
    other = {"--place": "--exact-place", str(files / "run"): str(files / "run2")}
    further = [other.get(word, word) for word in words]
    assert main([*further, "--start", str(files / "m.safetensors")]) == 0


def test_the_published_design_is_learnt_by_the_same_command(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train", "matcher", "--place", str(files / "image.tif"), str(files / "map.geojson"), "--towns", "0"]
    words += ["--steps", "1", "--batch", "2", "--run", str(files / "run"), "--out", str(files / "g.safetensors")]

    assert main([*words, "--design", "graph", "--preset", "tiny"]) == 0

    assert GraphMatcher.load(files / "g.safetensors").model.config.steps == 1
    further = [str(files / "run2") if word == str(files / "run") else word for word in words]
    further += ["--design", "graph", "--preset", "tiny", "--start", str(files / "g.safetensors")]
    assert main(further) == 0
    assert main([*words, "--preset", "tiny"]) == 1
    assert "add --design graph" in capsys.readouterr().err


def test_a_place_whose_map_is_not_found_can_t_be_registered(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train", "matcher", "--registered-place", str(files / "image.tif"), str(files / "far.geojson")]
    words += ["--towns", "0", "--steps", "1", "--batch", "2", "--run", str(files / "run"), "--out", str(files / "m")]
    far = json.loads((files / "map.geojson").read_text())
    for row in far["features"]:
        moved = shapely.affinity.translate(shapely.geometry.shape(row["geometry"]), 1)
        row["geometry"] = shapely.geometry.mapping(moved)
    (files / "far.geojson").write_text(json.dumps(far))

    assert main(words) == 1
    assert "found on no tile: name it with --place" in capsys.readouterr().err


def test_nothing_to_learn_from_says_what_to_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train", "matcher", "--towns", "0", "--run", str(tmp_path / "run"), "--out", str(tmp_path / "m")]

    assert main(words) == 1
    assert "name a place" in capsys.readouterr().err


def test_matchers_start_from_the_trunk_that_ships() -> None:
    tensors, meta = read_tensors(TRUNK_FILE)
    assert meta["kind"] == "trunk"
    start = _start(None)
    assert start is not None
    assert start.keys() == tensors.keys()
    trunk = SmallUNet(StructureConfig().widths).state_dict()
    assert {name: start[name].shape for name in trunk} == {name: value.shape for name, value in trunk.items()}
