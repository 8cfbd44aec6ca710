"""What a region's start still knows is kept: as much of it as tiles of the other folds ask for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch

from mlcore.anchors.geometric import describe_tile
from mlcore.cores import Cores
from mlcore.evidence.config import EvidenceConfig
from mlcore.evidence.ensemble import EvidenceEnsemble
from mlcore.evidence.model import EvidenceModel
from mlcore.evidence.picture import EvidenceReader
from mlcore.evidence.pyramid import PyramidEvidence
from mlcore.evidence.readout import ReadAnew
from mlcore.geometry.webmercator import TileAddress
from mlcore.imagery.raster import open_image
from mlcore.maps.index import MapIndex
from mlcore.pairs.source import PairSource
from mlcore.progress import SilentProgress
from mlcore.region.blending import Blend, blend_with_start, surely_better
from mlcore.region.training import RegionConfig, RegionModel, train_region
from tests.mlcore.changes.made_place import CORNER, houses, tiles_of, write_image
from tests.mlcore.evidence.test_readout import SMALL

COLUMNS, ROWS = 4, 2
TINY = EvidenceConfig(widths=(8, 8, 12, 16))
FOLDS: dict[TileAddress, int] = {tile: int(tile.x >= CORNER.x + 2) for tile in tiles_of(COLUMNS, ROWS)}
REGION = RegionConfig.preset("tiny")


class Bright(EvidenceModel):
    """Says building where the image is bright, and nothing else: right about every roof of the made place."""

    def __init__(self, gain: float) -> None:
        super().__init__(TINY)
        self.gain = gain

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logit = self.gain * (images.mean(dim=1, keepdim=True) - 0.48)
        return torch.cat([logit, torch.zeros_like(logit)], 1)


@pytest.fixture
def source(tmp_path: Path) -> PairSource:
    features = houses(COLUMNS, ROWS)
    return PairSource(open_image(write_image(tmp_path / "image.tif", features, COLUMNS, ROWS)), MapIndex(features))


def blend(source: PairSource, tuned: EvidenceModel, start: EvidenceModel, folds: Mapping[TileAddress, int]) -> Blend:
    return blend_with_start([tuned, tuned], start, folds, source, SilentProgress())


def on_tiles(columns: int, folder: Path) -> tuple[PairSource, dict[TileAddress, int]]:
    """A made place of two rows, and its tiles in two folds, west and east."""
    features = houses(columns, ROWS)
    image = open_image(write_image(folder / "image.tif", features, columns, ROWS))
    folds = {tile: int(tile.x >= CORNER.x + columns // 2) for tile in tiles_of(columns, ROWS)}
    return PairSource(image, MapIndex(features)), folds


@pytest.mark.parametrize("columns", [4, 13], ids=["8 tiles", "26 tiles"])
def test_few_tiles_and_many_keep_what_was_learnt_where_it_helps_and_else_the_start(columns: int, tmp_path: Path):
    source, folds = on_tiles(columns, tmp_path)
    knowing, weak, blind = Bright(30.0), Bright(2.0), Bright(0.0)

    worse, better, useful = (
        blend(source, *pair, folds) for pair in ((blind, knowing), (knowing, blind), (knowing, weak))
    )

    assert worse.tuned_share == 0
    assert all(len(one.members) == 1 and one.tuned.gain == knowing.gain for one in worse.networks)
    assert better.tuned_share == 1
    assert all(list(one.members) == [knowing] for one in better.networks)
    assert useful.tuned_share > 0.9


def test_what_learnt_nothing_new_leaves_the_start_alone(source: PairSource) -> None:
    same = blend(source, Bright(30.0), Bright(30.0), FOLDS)

    assert same.tuned_share == 0


def test_a_start_whose_features_can_be_read_is_fitted_to_the_place_before_it_is_compared(source: PairSource) -> None:
    torch.manual_seed(5)
    start = PyramidEvidence(SMALL).eval()

    kept = blend_with_start([Bright(1.0), Bright(1.0)], start, FOLDS, source, SilentProgress())

    assert kept.tuned_share == 0  # a few bright pixels are worse than what the other fold's map reads from the features
    first, second = (one.members[0] for one in kept.networks)
    assert isinstance(first, ReadAnew) and isinstance(second, ReadAnew)
    assert not torch.equal(first.get_buffer("weights_0"), second.get_buffer("weights_0"))
    images = torch.rand(1, 3, 64, 64)
    again = EvidenceEnsemble.from_tensors(SMALL, kept.networks[0].state_dict())
    with torch.inference_mode():
        assert torch.equal(again(images), kept.networks[0](images))


def test_a_map_without_buildings_tells_no_gain(source: PairSource) -> None:
    bare = blend_with_start(
        [Bright(1.0), Bright(2.0)], Bright(30.0), FOLDS, source.with_index(MapIndex([])), SilentProgress()
    )

    assert bare.tuned_share == 0


def test_all_folds_get_one_share_and_one_prior_and_each_keeps_its_own_network(source: PairSource) -> None:
    first, second, start = Bright(6.0), Bright(8.0), Bright(3.0)

    found = blend_with_start([first, second], start, FOLDS, source, SilentProgress())

    assert [one.tuned for one in found.networks] == [first, second]
    assert found.tuned_share > 0
    assert len({tuple(one.weights.tolist()) for one in found.networks}) == 1
    assert len({tuple(one.prior_shifts.tolist()) for one in found.networks}) == 1


def test_several_cores_find_the_share_that_one_finds(source: PairSource) -> None:
    found = [
        blend_with_start([Bright(6.0), Bright(8.0)], Bright(3.0), FOLDS, source, SilentProgress(), Cores(count))
        for count in (1, 3)
    ]

    assert found[0].tuned_share == found[1].tuned_share > 0
    assert torch.equal(found[0].networks[0].prior_shifts, found[1].networks[0].prior_shifts)


def pixels(rng: np.random.Generator, blocks: int = 12, each: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What a map draws, evidence of it that is somewhat right, and the block of every pixel."""
    drawn = rng.random(blocks * each) < 0.4
    evidence = np.clip(np.where(drawn, 0.7, 0.3) + rng.normal(0, 0.2, drawn.size), 0.01, 0.99)
    return drawn, evidence, np.repeat(np.arange(blocks), each)


def test_a_gain_on_one_block_alone_is_no_gain() -> None:
    rng = np.random.default_rng(0)
    drawn, old, blocks = pixels(rng)
    right = np.where(drawn, 0.95, 0.05)
    everywhere, once = right, np.where(blocks == 0, right, old + np.where(drawn, -0.001, 0.001))

    assert surely_better(everywhere, old, drawn, blocks)
    assert not surely_better(once, old, drawn, blocks)


def test_surer_of_what_it_said_before_is_not_enough_where_fewer_are_called_right() -> None:
    rng = np.random.default_rng(0)
    drawn, old, blocks = pixels(rng)
    missed = drawn & (rng.random(drawn.size) < 0.1)
    new = np.where(missed, 0.45, np.where(drawn, 0.93, 0.07))
    old = np.where(missed, 0.55, np.where(drawn, 0.75, 0.25))

    assert not surely_better(new, old, drawn, blocks)
    assert surely_better(np.where(missed, 0.55, new), old, drawn, blocks)


def test_noise_is_seldom_taken_for_a_gain() -> None:
    """Evidence that differs by chance alone: a gain is seen as often as the rule allows, and then nothing is lost."""
    seen = 0
    for seed in range(60):
        drawn, old, blocks = pixels(np.random.default_rng(seed))
        other = np.clip(
            np.where(drawn, 0.7, 0.3) + np.random.default_rng(1000 + seed).normal(0, 0.2, drawn.size), 0.01, 0.99
        )
        seen += surely_better(other, old, drawn, blocks)

    assert seen <= 8


def trained(source: PairSource, folder: Path, start: RegionModel) -> RegionModel:
    tiles = source.tiles(CORNER.z)
    anchors = {tile: describe_tile(tile, source.index) for tile in tiles}
    return train_region(source, tiles, anchors, REGION, initial=start, run_dir=folder, seed=0)


@pytest.mark.slow
def test_a_region_keeps_its_start_in_its_file(source: PairSource, tmp_path: Path) -> None:
    tiles = source.tiles(CORNER.z)
    anchors = {tile: describe_tile(tile, source.index) for tile in tiles}
    start = train_region(source, tiles, anchors, REGION, run_dir=tmp_path / "start", seed=1)
    start.folds, start.fold_by_tile = start.folds[:1], {}

    model = trained(source, tmp_path / "small", start)
    model.save(tmp_path / "region.safetensors")
    again = RegionModel.load(tmp_path / "region.safetensors")

    assert model.metrics["tuned_share"] == again.metrics["tuned_share"]
    assert len(again.folds[0].evidence.members) == 1 + (0 < model.metrics["tuned_share"] < 1)
    for name, one in (("a", model), ("b", again)):
        one.write_evidence(source, tiles, tmp_path / f"{name}.tif")
    before, after = (
        EvidenceReader(tmp_path / f"{name}.tif", CORNER.z).window(tiles[0], COLUMNS, ROWS) for name in "ab"
    )
    np.testing.assert_array_equal(before.building, after.building)
    assert np.isfinite(list(model.metrics.values())).all()
