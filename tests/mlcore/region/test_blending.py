"""What a region's start still knows is kept: as much of it as tiles of the other folds ask for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from mlcore.anchors.geometric import describe_tile
from mlcore.evidence.config import EvidenceConfig
from mlcore.evidence.model import EvidenceModel
from mlcore.evidence.picture import EvidenceReader
from mlcore.geometry.webmercator import TileAddress
from mlcore.imagery.raster import open_image
from mlcore.maps.index import MapIndex
from mlcore.pairs.source import PairSource
from mlcore.progress import SilentProgress
from mlcore.region.blending import blend_with_start
from mlcore.region.training import RegionConfig, RegionModel, train_region
from tests.mlcore.changes.made_place import CORNER, houses, tiles_of, write_image

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


def shares(source: PairSource, tuned: EvidenceModel, start: EvidenceModel) -> list[float]:
    return [one.tuned_share for one in blend_with_start([tuned, tuned], start, FOLDS, source, SilentProgress())]


def test_a_start_that_knows_better_is_kept_and_one_that_knows_nothing_is_left_out(source: PairSource) -> None:
    knowing, blind = Bright(30.0), Bright(0.0)

    assert max(shares(source, blind, knowing)) < 0.1
    assert shares(source, knowing, blind) == [1.0, 1.0]


def test_all_folds_get_one_share_and_one_prior_and_each_keeps_its_own_network(source: PairSource) -> None:
    first, second, start = Bright(1.0), Bright(2.0), Bright(30.0)

    found = blend_with_start([first, second], start, FOLDS, source, SilentProgress())
    bare = blend_with_start([first, second], start, FOLDS, source.with_index(MapIndex([])), SilentProgress())

    assert [one.tuned for one in found] == [first, second]
    assert found[0].tuned_share == found[1].tuned_share
    assert bare[0].tuned_share != found[0].tuned_share


def trained(source: PairSource, folder: Path, start: RegionModel) -> RegionModel:
    tiles = source.tiles(CORNER.z)
    anchors = {tile: describe_tile(tile, source.index) for tile in tiles}
    return train_region(source, tiles, anchors, REGION, initial=start, run_dir=folder, seed=0)


def test_a_region_keeps_its_start_in_its_file(source: PairSource, tmp_path: Path) -> None:
    tiles = source.tiles(CORNER.z)
    anchors = {tile: describe_tile(tile, source.index) for tile in tiles}
    start = train_region(source, tiles, anchors, REGION, run_dir=tmp_path / "start", seed=1)
    start.folds, start.fold_by_tile = start.folds[:1], {}

    model = trained(source, tmp_path / "small", start)
    model.save(tmp_path / "region.safetensors")
    again = RegionModel.load(tmp_path / "region.safetensors")

    assert all(len(fold.evidence.members) == 2 for fold in model.folds), (
        "two networks of a few steps are about as good as one another"
    )
    assert model.metrics["tuned_share"] == pytest.approx(np.mean([one.evidence.tuned_share for one in model.folds]))
    for name, one in (("a", model), ("b", again)):
        one.write_evidence(source, tiles, tmp_path / f"{name}.tif")
    before, after = (
        EvidenceReader(tmp_path / f"{name}.tif", CORNER.z).window(tiles[0], COLUMNS, ROWS) for name in "ab"
    )
    np.testing.assert_array_equal(before.building, after.building)
    assert np.isfinite(list(model.metrics.values())).all()
