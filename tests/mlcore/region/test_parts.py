"""What is known of a tile keeps its shift in metres on the ground, and a model's file what it learnt."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mlcore.changes.classifiers import ChangeClassifier
from mlcore.consistency.model import ConsistencyModel
from mlcore.consistency.pretraining import synthetic_place
from mlcore.correspondences.dense.shift import Shift
from mlcore.evidence.ensemble import EvidenceEnsemble
from mlcore.evidence.model import EvidenceModel
from mlcore.evidence.picture import EvidenceReader
from mlcore.geometry.webmercator import TileAddress
from mlcore.learning.checkpoints import read_tensors, write_tensors
from mlcore.region.config import RegionConfig
from mlcore.region.model import RegionModel
from mlcore.region.parts import FoldModel, TileResult
from mlcore.region.shipped import shipped_model
from mlcore.weights import GENERAL_FILE


def test_a_tiles_shift_is_kept_in_metres_on_the_ground_towards_east_and_north() -> None:
    tile = TileAddress(19, 386690, 220241)  # at 27.6 degrees north a pixel is 0.2646 m
    result = TileResult(tile, 0, 0.1, 0.2, 0.3, 0.4, 0.5).with_shift(Shift(10.0, -4.0, 0.8, "neighbours"))

    assert result.shift_east_m == pytest.approx(2.646, abs=0.01)
    assert result.shift_north_m == pytest.approx(1.058, abs=0.01)
    assert (result.shift_confidence, result.shift_origin) == (0.8, "neighbours")
    assert result.shift == Shift(result.shift_east_m, -result.shift_north_m, 0.8, "neighbours")


def test_the_shipped_model_loads_and_is_saved_under_the_names_of_its_tensors(tmp_path: Path) -> None:
    model = shipped_model()
    assert model is not None

    model.save(tmp_path / "again.safetensors")

    kept, again = (read_tensors(path)[0] for path in (GENERAL_FILE, tmp_path / "again.safetensors"))
    ours = {name for name in kept if "/judge/" in name and "/tile." not in name}  # of earlier versions
    assert ours
    assert ours == {name for name in again if "/judge/" in name}
    assert all(torch.equal(kept[name], again[name]) for name in ours)


def test_a_region_that_learnt_before_encoders_were_named_scores_as_it_did(tmp_path: Path) -> None:
    """Files of regions outlive the network that new ones start from."""
    town = synthetic_place(0, tmp_path)
    config = replace(RegionConfig.preset("tiny"), flips=4)
    torch.manual_seed(0)
    parts = FoldModel(
        EvidenceEnsemble([EvidenceModel(config.evidence)]), ConsistencyModel(config.consistency).eval(),
        ChangeClassifier().eval(),
    )  # fmt: skip
    model = RegionModel(config, [parts, parts], {tile: number % 2 for number, tile in enumerate(town.tiles)}, {})
    model.save(tmp_path / "new.safetensors")
    tensors, meta = read_tensors(tmp_path / "new.safetensors")
    of_then = {name: value for name, value in meta["config"]["evidence"].items() if "encoder" not in name}
    meta["config"]["evidence"] = {name: value for name, value in of_then.items() if name != "frozen_stages"}
    write_tensors(tmp_path / "old.safetensors", tensors, meta)

    old = RegionModel.load(tmp_path / "old.safetensors")

    assert (old.config.evidence, old.config.flips) == (config.evidence, 4)
    tiles = town.tiles[:3]
    for name, one in (("new", model), ("old", old)):
        one.write_evidence(town.source, tiles, tmp_path / f"{name}.tif")
    said = [EvidenceReader(tmp_path / f"{name}.tif", 19).window(tiles[0]).building for name in ("new", "old")]
    assert np.array_equal(*said)


def test_networks_that_move_are_asked_where_they_are() -> None:
    config = RegionConfig.preset("tiny")
    evidence = EvidenceEnsemble([EvidenceModel(config.evidence)])
    parts = FoldModel(evidence, ConsistencyModel(config.consistency).eval(), ChangeClassifier())
    assert parts.consistency_asked is parts.consistency_asked

    RegionModel(config, [parts], {}, {}, zoom=19).to("meta")

    assert {one.device.type for one in parts.consistency_asked.parameters()} == {"meta"}
