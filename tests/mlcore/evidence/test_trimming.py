"""Labels that the network is confidently against are left out where maps of many places teach."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mlcore.errors import ConfigError
from mlcore.evidence.config import EvidenceConfig
from mlcore.evidence.samples import EvidenceSample
from mlcore.evidence.training import believed, train_evidence
from mlcore.geometry.webmercator import TileAddress
from mlcore.region.config import RegionConfig

SIDE = 64
QUICK = EvidenceConfig(
    widths=(8, 8, 12, 16), epochs=4, steps_per_epoch=8, batch=4, crop_px=64, learning_rate=1e-2, half_precision=False
)  # fmt: skip


def test_a_stale_footprint_goes_as_a_whole_and_ground_by_pixels() -> None:
    ids = np.zeros((1, 8, 12), np.int32)
    ids[0, 1:4, 1:5], ids[0, 5:7, 1:5] = 7, 9
    evidence = np.full((1, 8, 12), 0.3, np.float32)
    evidence[0, ids[0] == 7] = 0.05
    evidence[0, 1, 1] = 0.8  # one bright pixel saves no footprint whose mean is low
    evidence[0, 2:4, 8:11] = 0.95

    keep = believed(evidence, ids)

    left_out = (ids[0] == 7) | (evidence[0] > 0.9)
    assert np.array_equal(keep[0] == 0, left_out)


@given(st.integers(0, 2**16), st.floats(0.2, 0.85))
def test_what_the_network_is_unsure_of_is_believed(seed: int, level: float) -> None:
    ids = np.random.default_rng(seed).integers(0, 4, (2, 6, 6)).astype(np.int32)

    assert (believed(np.full(ids.shape, level, np.float32), ids) == 1).all()


def test_only_maps_of_many_places_are_doubted() -> None:
    config = RegionConfig(evidence=EvidenceConfig())

    assert config.evidence.trim_after == 1.0
    assert config.for_many_places().evidence.trim_after < 1.0
    assert RegionConfig.preset("general").evidence.trim_after == config.for_many_places().evidence.trim_after
    assert config.for_many_places().evidence.tuning().trim_after == 1.0
    pretrained = RegionConfig.preset("compact").for_many_places().evidence
    assert (pretrained.trim_after, pretrained.register_after) == (
        1.0,
        RegionConfig.preset("places").evidence.register_after,
    )
    with pytest.raises(ConfigError, match="share of the steps"):
        EvidenceConfig(trim_after=1.5)


def test_the_network_stops_unlearning_buildings_that_the_maps_lack(tmp_path: Path) -> None:
    """Light squares are buildings; a quarter of the maps lacks them all."""

    def mean_on_missed(trim_after: float) -> float:
        model = train_evidence(samples(), replace(QUICK, trim_after=trim_after), run_dir=tmp_path / str(trim_after))
        missed = [one for one in samples() if not one.ids.any()]
        with torch.no_grad():
            images = torch.from_numpy(np.stack([one.image for one in missed])).permute(0, 3, 1, 2).float() / 255
            said = torch.sigmoid(model(images)[:, 0]).numpy()
        return float(np.mean([said[number][one.image[..., 0] > 128].mean() for number, one in enumerate(missed)]))

    assert mean_on_missed(0.4) > mean_on_missed(1.0)


def samples() -> list[EvidenceSample]:
    rng = np.random.default_rng(3)
    made = []
    for number in range(12):
        image = rng.integers(20, 60, (SIDE, SIDE, 3)).astype(np.uint8)
        ids = np.zeros((SIDE, SIDE), np.int32)
        for top, left in ((8, 8), (8, 36), (36, 20)):
            image[top : top + 18, left : left + 18] = rng.integers(190, 230, (18, 18, 3))
            ids[top : top + 18, left : left + 18] = number * 3 + 1
        if number % 4 == 0:
            ids[:] = 0
        made.append(EvidenceSample(TileAddress(19, 3 * number, 0), image, ids, np.ones((SIDE, SIDE), bool)))
    return made
