"""What is known of a tile keeps its shift in metres on the ground."""

from pathlib import Path

import pytest
import torch

from mlcore.correspondences.dense.shift import Shift
from mlcore.geometry.webmercator import TileAddress
from mlcore.learning.checkpoints import read_tensors
from mlcore.region.parts import TileResult
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
