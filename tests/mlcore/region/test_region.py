"""A region is trained in folds: no tile is scored by what saw it, a stop resumes, and what can't work says why."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
import torch

from mlcore.anchors.geometric import describe_tile
from mlcore.changes.decisions import Decision
from mlcore.errors import CheckpointError, ConfigError, InvalidInputError, StoppedError
from mlcore.geometry.webmercator import TileAddress
from mlcore.imagery.raster import open_image
from mlcore.maps.index import MapIndex
from mlcore.pairs.source import PairSource
from mlcore.region.training import RegionConfig, RegionModel, edited_tiles, fold_count, train_region
from tests.mlcore.changes.made_place import CORNER, houses, tiles_of, write_image

pytestmark = pytest.mark.xdist_group("region")  # what it shares is made once

COLUMNS, ROWS = 4, 2
TINY = RegionConfig.preset("tiny")


class Watcher:
    """Remembers what was reported, and asks to stop after a number of reports."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.stop_after, self.figures, self.count = stop_after, set[str](), 0

    def report(self, fraction: float, message: str = "", figures: Mapping[str, float] | None = None) -> None:
        assert 0 <= fraction <= 1.0001
        self.count += 1
        self.figures |= set(figures or {})

    def should_stop(self) -> bool:
        return self.stop_after is not None and self.count >= self.stop_after


def source_of(
    folder: Path, blank: tuple[int, int] | None = None, coverage: shapely.Polygon | None = None
) -> PairSource:
    features = houses(COLUMNS, ROWS)
    path = write_image(folder / "image.tif", features, COLUMNS, ROWS, blank)
    return PairSource(open_image(path), MapIndex(features), coverage)


def train(
    source: PairSource, run_dir: Path, config: RegionConfig = TINY, watcher: Watcher | None = None
) -> RegionModel:
    tiles = source.tiles(CORNER.z)
    anchors = {tile: describe_tile(tile, source.index) for tile in tiles}
    return train_region(source, tiles, anchors, config, run_dir=run_dir, seed=0, progress=watcher)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[PairSource, RegionModel, Watcher]:
    folder, watcher = tmp_path_factory.mktemp("region"), Watcher()
    source = source_of(folder)
    return source, train(source, folder / "run", watcher=watcher), watcher


def weights(model: RegionModel, fold: int) -> dict[str, torch.Tensor]:
    return {**model.folds[fold].evidence.state_dict(), **model.folds[fold].consistency.state_dict()}


def test_every_mapped_tile_is_in_one_fold_and_scored_by_it_alone(trained: tuple) -> None:
    _, model, _ = trained

    assert set(model.fold_by_tile) == set(tiles_of(COLUMNS, ROWS))
    assert len(model.folds) == 2
    for tile in tiles_of(COLUMNS, ROWS):
        assert model.models_of(tile) == [model.folds[model.fold_of(tile)]]


def test_losses_of_both_networks_are_reported_live_with_their_fold(trained: tuple) -> None:
    assert {"evidence/loss/fold-1", "evidence/loss/fold-2", "epoch"} <= trained[2].figures
    assert any(name.startswith("consistency/") for name in trained[2].figures)


def test_a_scored_tile_has_no_influence_on_its_own_model(trained: tuple, tmp_path: Path) -> None:
    """Repaint one tile and train again: its own fold's model must come out the same, the other's must not."""
    source, model, _ = trained
    tile = tiles_of(COLUMNS, ROWS)[0]
    path = tmp_path / "image.tif"
    path.write_bytes(source.reader.path.read_bytes())
    with rasterio.open(path, "r+") as data:
        data.write(np.full((3, 256, 256), 90, np.uint8), window=rasterio.windows.Window(0, 0, 256, 256))
    other = train(PairSource(open_image(path), source.index), tmp_path / "run")
    own = model.fold_of(tile)

    same = weights(other, own)
    changed = weights(other, 1 - own)

    assert all(torch.equal(tensor, same[name]) for name, tensor in weights(model, own).items())
    assert any(not torch.equal(tensor, changed[name]) for name, tensor in weights(model, 1 - own).items())


def test_a_stopped_training_resumes_to_the_same_model(trained: tuple, tmp_path: Path) -> None:
    source, model, _ = trained
    with pytest.raises(StoppedError):
        train(source, tmp_path / "run", watcher=Watcher(stop_after=9))

    again = train(source, tmp_path / "run")

    for fold in range(2):
        assert all(torch.equal(tensor, weights(again, fold)[name]) for name, tensor in weights(model, fold).items())


def test_a_saved_model_scores_as_before_and_a_wrong_digest_is_refused(trained: tuple, tmp_path: Path) -> None:
    source, model, _ = trained
    digest = model.save(tmp_path / "region.safetensors")
    loaded = RegionModel.load(tmp_path / "region.safetensors", digest)

    before = model.scan(source, tiles_of(COLUMNS, ROWS), evidence_path=tmp_path / "a.tif")
    after = loaded.scan(source, tiles_of(COLUMNS, ROWS), evidence_path=tmp_path / "b.tif")

    assert (before.results, before.candidates) == (after.results, after.candidates)
    assert loaded.config == model.config
    assert loaded.metrics == model.metrics
    with pytest.raises(CheckpointError, match="SHA-256"):
        RegionModel.load(tmp_path / "region.safetensors", "0" * 64)


def test_scan_and_candidates_give_probabilities_and_counterfactuals(trained: tuple, tmp_path: Path) -> None:
    source, model, _ = trained
    stale = source.with_index(source.index.edited(remove=["way/3", "way/9"]))

    scanned = model.scan(stale, tiles_of(COLUMNS, ROWS), evidence_path=tmp_path / "e.tif")
    results, found = scanned.results, scanned.candidates

    assert set(results) == set(tiles_of(COLUMNS, ROWS))
    assert all(0 <= result.probability <= 1 for result in results.values())
    assert [c.confidence for c in found] == sorted((c.confidence for c in found), reverse=True)
    for number, candidate in enumerate(found):
        assert 0 <= candidate.evidence["tile_probability_after"] <= 1
        assert candidate.evidence["tile_probability"] == results[candidate.tile].probability
        assert candidate.evidence["counterfactual"] == ("measured" if number < TINY.counterfactuals else "estimated")


def test_evidence_keeps_nodata_and_lies_on_the_grid(tmp_path: Path, trained: tuple) -> None:
    source = source_of(tmp_path, blank=(1, 0))
    model = trained[1]

    results = model.scan(source, tiles_of(COLUMNS, ROWS), evidence_path=tmp_path / "e.tif").results

    assert TileAddress(19, CORNER.x + 1, CORNER.y) not in results
    with rasterio.open(tmp_path / "e.tif") as data:
        assert data.crs.to_epsg() == 3857
        assert data.dtypes == ("uint8", "uint8")
        values = data.read(1)
        west, _, _, north = CORNER.bounds_mercator
        assert (data.transform.c, data.transform.f) == pytest.approx((west, north))
    assert (values[:256, 256:512] == 0).all()
    assert (values[:256, :256] > 0).all()


def test_unmapped_tiles_are_neither_learnt_nor_scanned_unless_asked_for(tmp_path: Path) -> None:
    mapped = tiles_of(3, 2)
    coverage = shapely.union_all([tile.polygon_lonlat for tile in mapped], grid_size=1e-9)
    source = source_of(tmp_path, coverage=coverage)
    model = train(source, tmp_path / "run", RegionConfig.preset("tiny", folds=3))

    results = model.scan(source, source.tiles(19), evidence_path=tmp_path / "a.tif").results
    model.config = RegionConfig.preset("tiny", include_unmapped=True)
    everything = model.scan(source, source.tiles(19), evidence_path=tmp_path / "b.tif").results

    assert set(results) == set(mapped)
    assert set(everything) == set(tiles_of(COLUMNS, ROWS))
    assert {result.fold for result in everything.values() if result.tile not in mapped} == {-1}


def test_an_unmapped_region_is_refused_with_the_remedy(tmp_path: Path) -> None:
    source = source_of(tmp_path, coverage=shapely.box(0, 0, 1, 1))

    with pytest.raises(InvalidInputError, match="mapped area"):
        train(source, tmp_path / "run")


def test_a_map_without_buildings_is_refused(tmp_path: Path) -> None:
    source = source_of(tmp_path).with_index(MapIndex([]))

    with pytest.raises(InvalidInputError, match="no footprint"):
        train(source, tmp_path / "run")


def test_too_few_tiles_to_cross_fit_are_refused_with_the_number_that_is_needed(tmp_path: Path) -> None:
    coverage = shapely.union_all([tile.polygon_lonlat for tile in tiles_of(2, 2)], grid_size=1e-9)
    source = source_of(tmp_path, coverage=coverage)

    with pytest.raises(InvalidInputError, match="at least 6 tiles"):
        train(source, tmp_path / "run")


def test_tiles_of_another_zoom_are_refused(trained: tuple, tmp_path: Path) -> None:
    source, model, _ = trained

    with pytest.raises(InvalidInputError, match="zoom 19"):
        model.scan(source, [TileAddress(18, 1, 1)], evidence_path=tmp_path / "e.tif")


@pytest.mark.parametrize("changes", [{"folds": 1}, {"flips": 3}, {"edit_share": 0.9}, {"colour": "red"}])
def test_wrong_settings_are_refused(changes: dict) -> None:
    with pytest.raises(ConfigError):
        RegionConfig.preset("tiny", **changes)


def test_settings_survive_a_round_trip() -> None:
    assert RegionConfig.from_dict(TINY.to_dict()) == TINY


def test_verdicts_of_a_large_region_are_taught_on_a_block_of_every_fold_and_on_what_people_decided():
    tiles = [TileAddress(19, 386000 + x, 220000 + y) for x in range(30) for y in range(20)]
    fold_by_tile = {tile: int(tile.x >= 386015) for tile in tiles}
    edited = edited_tiles(fold_by_tile, 100)
    assert 80 <= len(edited) <= 120
    assert {fold_by_tile[tile] for tile in edited} == {0, 1}
    assert edited_tiles(fold_by_tile, 600) == sorted(tiles)


def test_no_edition_grows_by_what_people_decided(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlcore.region.training.EDITED", 4)
    source, tiles = source_of(tmp_path), tiles_of(COLUMNS, ROWS)
    houses_of = {tile: source.index.query(tile.bounds_lonlat)[0] for tile in tiles}
    decisions = [
        Decision("remove", "rejected", one.geometry, one.geometry, one.osm_type, one.osm_id, tile)
        for tile, one in houses_of.items()
    ]
    anchors = {tile: describe_tile(tile, source.index) for tile in tiles}

    model = train_region(source, tiles, anchors, TINY, decisions=decisions, run_dir=tmp_path / "run")

    assert model.metrics["calibration/tiles"] == 4


def test_a_large_region_makes_do_with_two_folds():
    assert [fold_count(tiles, 3) for tiles in (48, 120, 150, 199, 200, 500)] == [3, 3, 3, 3, 2, 2]
    assert [fold_count(tiles, 5) for tiles in (48, 130, 150, 200)] == [5, 5, 3, 2]


def test_a_model_of_many_places_differs_in_how_its_evidence_is_trained_and_in_no_size():
    config = RegionConfig.preset("compact")
    general = config.for_many_places()
    assert general.evidence.light == 1.0
    assert general.evidence.epochs > config.evidence.epochs
    assert general.evidence.widths == config.evidence.widths
    assert general.consistency == config.consistency
