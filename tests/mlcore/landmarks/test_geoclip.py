"""GeoCLIP's capsules begin the tower of coordinates: as they were published, from a file or from the package."""

from __future__ import annotations

import hashlib
import importlib.util
import math

import numpy as np
import pytest
import torch

from mlcore.errors import CheckpointError, WeightsUnavailableError
from mlcore.landmarks.config import LandmarkConfig
from mlcore.landmarks.geoclip import begin_with
from mlcore.landmarks.gps import GpsTower
from mlcore.landmarks.model import LandmarkModel

BANEPA, A_KM_OFF, POKHARA, LIMA = [85.52, 27.63], [85.52, 27.639], [83.98, 28.21], [-77.04, -12.05]
SMALL = {"fourier": 8, "width": 16, "layers": 2, "dimension": 12}


def published(seed: int = 0) -> dict[str, torch.Tensor]:
    """Tensors under the published names, of SMALL sizes."""
    draw = torch.Generator().manual_seed(seed)
    made = {}
    for number, sigma in enumerate((1.0, 16.0, 256.0)):
        name = f"LocEnc{number}"
        made[f"{name}.capsule.0.b"] = sigma * torch.randn(8, 2, generator=draw)
        for place, size in ((1, 16), (3, 16)):
            made[f"{name}.capsule.{place}.weight"] = torch.randn(16, size, generator=draw)
            made[f"{name}.capsule.{place}.bias"] = torch.randn(16, generator=draw)
        made[f"{name}.head.0.weight"] = torch.randn(12, 16, generator=draw)
        made[f"{name}.head.0.bias"] = torch.randn(12, generator=draw)
    return made


def said_by(tensors: dict[str, torch.Tensor], lonlat: list[float]) -> torch.Tensor:
    """What the published code makes of a position, written out."""
    lon, lat = (math.radians(one) for one in lonlat)
    theta = math.asin(math.sqrt(3) / 2 * math.sin(lat))
    a1, a2, a3, a4 = 1.340264, -0.081106, 0.000893, 0.003796
    scale = 3 * (9 * a4 * theta**8 + 7 * a3 * theta**6 + 3 * a2 * theta**2 + a1)
    x = 2 * math.sqrt(3) * lon * math.cos(theta) / scale
    y = a4 * theta**9 + a3 * theta**7 + a2 * theta**3 + a1 * theta
    where = torch.tensor([x, y], dtype=torch.float64) * 66.50336 / 180
    total = torch.zeros(12)
    for number in range(3):
        name = f"LocEnc{number}"
        phases = 2 * math.pi * (tensors[f"{name}.capsule.0.b"].double() @ where)
        inner = torch.cat([phases.cos(), phases.sin()]).float()
        for place in (1, 3):
            inner = (tensors[f"{name}.capsule.{place}.weight"] @ inner + tensors[f"{name}.capsule.{place}.bias"]).relu()
        total = total + tensors[f"{name}.head.0.weight"] @ inner + tensors[f"{name}.head.0.bias"]
    return total


def kept(tensors: dict[str, torch.Tensor], path) -> str:
    torch.save(tensors, path)
    return f"{path}#sha256={hashlib.sha256(path.read_bytes()).hexdigest()}"


def test_positions_say_what_the_published_code_says_of_them(tmp_path):
    tower = GpsTower((1.0, 16.0, 256.0), (), reach_m=500.0, **SMALL)
    origin = begin_with(tower, kept(published(), tmp_path / "location_encoder_weights.pth"))
    from mlcore.landmarks.gps import equal_earth

    for lonlat in (BANEPA, LIMA):
        mine = tower(torch.from_numpy(equal_earth(np.array([lonlat]))))[0]
        assert torch.allclose(mine, said_by(published(), lonlat), rtol=1e-3, atol=1e-3)
    assert origin.source == "location_encoder_weights.pth" and len(origin.sha256) == 64


def test_a_model_begins_with_them_keeps_them_and_names_no_file(tmp_path):
    reference = kept(published(), tmp_path / "location_encoder_weights.pth")
    config = LandmarkConfig.preset(
        "tiny", dimension=14, fourier=8, capsule=16, capsule_layers=2, gps_weights=reference
    )  # fmt: skip
    model = LandmarkModel(config)
    model.save(tmp_path / "m.safetensors")
    again = LandmarkModel.load(tmp_path / "m.safetensors")
    assert again.config.gps_weights == "" and again.about["positions_from"]["sha256"] in reference
    assert np.allclose(again.embed_gps([BANEPA, LIMA]), model.embed_gps([BANEPA, LIMA]), atol=0.02)
    fresh = LandmarkModel(LandmarkConfig.preset("tiny", dimension=14, fourier=8, capsule=16, capsule_layers=2))
    assert not np.allclose(fresh.embed_gps([BANEPA]), model.embed_gps([BANEPA]), atol=0.1)


def test_what_is_not_theirs_and_what_does_not_fit_is_refused(tmp_path, monkeypatch):
    small = GpsTower((1.0,), (), reach_m=500.0, **SMALL)
    with pytest.raises(CheckpointError, match="capsule=1024"):
        begin_with(small, kept(published(), tmp_path / "a.pth"))
    with pytest.raises(CheckpointError, match="location encoder"):
        begin_with(small, kept({"logit_scale": torch.ones(())}, tmp_path / "b.pth"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(WeightsUnavailableError, match="pip install --no-deps geoclip"):
        begin_with(small, "geoclip")


@pytest.mark.skipif(importlib.util.find_spec("geoclip") is None, reason="the package geoclip is not installed")
def test_the_package_knows_earth_by_the_kilometre():
    config = LandmarkConfig.preset("tiny", dimension=514, fourier=256, capsule=1024, capsule_layers=3,
                                   gps_weights="geoclip")  # fmt: skip
    vectors = LandmarkModel(config).embed_gps([BANEPA, A_KM_OFF, POKHARA, LIMA])
    near, next_city, far = (vectors @ vectors[0])[1:]
    assert near > 0.97 > next_city > far and far < 0.4
