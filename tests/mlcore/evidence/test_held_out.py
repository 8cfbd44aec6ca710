"""What is measured per epoch on tiles that are not learnt from, and that measuring changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mlcore.evidence.config import EvidenceConfig
from mlcore.evidence.held_out import MOST_TILES, held_out_f1, held_out_tiles
from mlcore.evidence.model import EvidenceModel
from mlcore.evidence.samples import EvidenceSample
from mlcore.evidence.training import train_evidence
from mlcore.geometry.webmercator import TileAddress
from mlcore.imagery.raster import open_image
from mlcore.maps.index import MapIndex
from mlcore.pairs.source import PairSource
from mlcore.region.config import RegionConfig
from tests.mlcore.changes.made_place import houses, tiles_of, write_image

SIDE = 64
QUICK = EvidenceConfig(widths=(8, 8, 12, 16), epochs=2, steps_per_epoch=3, batch=2, crop_px=64)


class Watcher:
    def __init__(self) -> None:
        self.told: list[dict[str, float]] = []

    def report(self, fraction: float, message: str = "", figures: Mapping[str, float] | None = None) -> None:
        self.told += [dict(figures)] if figures else []

    def should_stop(self) -> bool:
        return False


def sample(number: int, *, building: bool = True) -> EvidenceSample:
    image = np.random.default_rng(number).integers(0, 255, (SIDE, SIDE, 3)).astype(np.uint8)
    ids = np.zeros((SIDE, SIDE), np.int32)
    ids[8:40, 8:40] = number + 1 if building else 0
    return EvidenceSample(TileAddress(18, 1000 + 2 * number, 1000), image, ids, np.ones((SIDE, SIDE), bool))


class Says(EvidenceModel):
    """A network that says of every image the same: buildings in its upper half."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logits = torch.full((len(images), 2, *images.shape[2:]), -4.0)
        logits[:, :, : images.shape[2] // 2] = 4.0
        return logits


def test_f1_counts_pixels_of_the_map_where_the_label_is_known() -> None:
    one = sample(0)
    half_known = replace(one, known=np.arange(SIDE)[:, None] * np.ones(SIDE, int) < 16)

    assert held_out_f1(Says(QUICK), [one], device="cpu") == pytest.approx(2 * 24 * 32 / (32 * 64 + 32 * 32))
    assert held_out_f1(Says(QUICK), [half_known], device="cpu") == pytest.approx(2 * 8 * 32 / (16 * 64 + 8 * 32))


def test_without_a_building_there_is_no_figure() -> None:
    assert held_out_f1(Says(QUICK), [sample(0, building=False)], device="cpu") is None
    assert held_out_f1(Says(QUICK), [], device="cpu") is None


def test_the_weights_are_bit_for_bit_those_of_a_training_that_measures_nothing(tmp_path: Path) -> None:
    learnt, watcher = [sample(number) for number in range(4)], Watcher()

    plain = train_evidence(learnt, QUICK, run_dir=tmp_path / "plain")
    measured = train_evidence(
        learnt, QUICK, held_out=[sample(9), sample(11)], run_dir=tmp_path / "measured", progress=watcher
    )

    same = measured.state_dict()
    assert all(torch.equal(tensor, same[name]) for name, tensor in plain.state_dict().items())
    assert [set(one) for one in watcher.told] == [{"epoch", "evidence/loss", "evidence/held_out_f1"}] * 2
    assert all(0 <= one["evidence/held_out_f1"] <= 1 for one in watcher.told)


def test_a_few_built_up_tiles_spread_over_the_block_are_asked(tmp_path: Path) -> None:
    features = houses(4, 2)
    path = write_image(tmp_path / "image.tif", features, 4, 2)
    source, tiles = PairSource(open_image(path), MapIndex(features)), tiles_of(4, 2)

    assert len(held_out_tiles(source, tiles, QUICK)) == 1
    every = held_out_tiles(source, tiles, EvidenceConfig())
    assert 1 < len(every) <= MOST_TILES and len(set(every)) == len(every) and set(every) <= set(tiles)
    assert held_out_tiles(source, list(reversed(tiles)), EvidenceConfig()) == every
    assert held_out_tiles(PairSource(open_image(path), MapIndex([])), tiles, QUICK) == []


@pytest.mark.parametrize("preset", ["compact", "quick"])
def test_an_epoch_asks_about_few_pixels_beside_those_it_learns_from(preset: str, tmp_path: Path) -> None:
    """Asking about a pixel takes a third of the time of learning from it, so that 6 % of them are 2 % of the time."""
    config, features = RegionConfig.preset(preset).evidence, houses(4, 2)
    source = PairSource(open_image(write_image(tmp_path / "image.tif", features, 4, 2)), MapIndex(features))

    asked = len(held_out_tiles(source, tiles_of(4, 2), config)) * source.size_px**2

    assert 0 < asked <= 0.06 * config.steps_per_epoch * config.batch * config.crop_px**2
