"""Locators side by side: where queries come from, what they are held against, and what is said of the difference."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.transform import from_origin

from mlcore.errors import InvalidInputError
from mlcore.evaluation import compare_locators as module
from mlcore.evaluation.compare_locators import QUERY_PX, LocatorSaid, compare_locators, queries_of, score_locator
from mlcore.geolocation.bases import Base, BaseGrid, RasterBases
from mlcore.geolocation.held_out import BLOCK_ZOOM, is_held_out, learnt_ground
from mlcore.geometry.webmercator import TileAddress, mercator_to_lonlat, tile_at
from mlcore.progress import SilentProgress

FIRST = TileAddress(BLOCK_ZOOM, 48336, 27528)
CELL_M = 1.1


def ground(path: Path, blocks: int = 4, seed: int = 0, first: TileAddress = FIRST) -> Path:
    """A GeoTIFF of blocks x blocks whole blocks whose pixels are smooth noise."""
    west, _, east, north = first.bounds_mercator
    side = round(blocks * (east - west) / CELL_M)
    rng = np.random.default_rng(seed)
    noise = cv2.GaussianBlur(rng.normal(0, 1, (side, side, 3)).astype(np.float32), (0, 0), 3)
    pixels = np.clip(128 + noise * 500, 1, 255).astype(np.uint8)
    profile = {"driver": "GTiff", "count": 3, "dtype": "uint8", "width": side, "height": side, "crs": "EPSG:3857",
               "transform": from_origin(west, north, CELL_M, CELL_M)}  # fmt: skip
    with rasterio.open(path, "w", **profile) as data:
        data.write(pixels.transpose(2, 0, 1))
    return path


def raster(path: Path, side_px: int = 512) -> RasterBases:
    return RasterBases(path, BaseGrid(side_px=side_px, overlap=0.0, resolution_m=0.97))


def test_one_block_of_any_four_side_by_side_is_held_out():
    for row in range(4):
        held = [is_held_out(TileAddress(BLOCK_ZOOM, FIRST.x + step, FIRST.y + row)) for step in range(8)]
        assert sum(held[:4]) == 1 and held[:4] == held[4:]
    with pytest.raises(InvalidInputError, match="zoom 16"):
        is_held_out(TileAddress(17, 1, 1))


def test_what_of_a_base_may_be_learnt_is_said_pixel_by_pixel():
    west, south, east, north = FIRST.bounds_mercator
    base = Base("a", Affine((east - west) / 100, 0, west, 0, -(north - south) / 100, north), 400, 400)
    learnt = learnt_ground(base)
    assert learnt.shape == (400, 400) and 0.7 < learnt.mean() < 0.8
    rng = np.random.default_rng(0)
    for row, column in rng.integers(0, 400, (50, 2)).tolist():
        lon, lat = mercator_to_lonlat(base.to_mercator(np.array([[column + 0.5, row + 0.5]])))[0]
        assert learnt[row, column] != is_held_out(tile_at(float(lon), float(lat), BLOCK_ZOOM))


def test_queries_lie_on_held_out_ground_show_it_and_are_the_same_again(tmp_path):
    one = raster(ground(tmp_path / "a.tif"))
    queries = queries_of([one], 60)
    assert len(queries) == 4 and all(is_held_out(query.block) for query in queries)
    again = queries_of([raster(tmp_path / "a.tif")], 60)
    assert all((a.rgb == b.rgb).all() and (a.corners == b.corners).all() for a, b in zip(queries, again, strict=True))
    with rasterio.open(tmp_path / "a.tif") as data:
        pixels, inverse = data.read().transpose(1, 2, 0), ~data.transform
    for query in queries:
        west, south, east, north = query.block.bounds_mercator
        assert (query.corners >= [west, south]).all() and (query.corners <= [east, north]).all()
        there = np.array([inverse @ (float(x), float(y)) for x, y in query.corners], np.float32)
        mine = np.array([[0, 0], [QUERY_PX, 0], [QUERY_PX, QUERY_PX], [0, QUERY_PX]], np.float32)
        matrix = cv2.getPerspectiveTransform(mine, there)
        shown = cv2.warpPerspective(pixels, np.linalg.inv(matrix), (QUERY_PX, QUERY_PX))
        grey = [cv2.GaussianBlur(np.float32(each).mean(axis=2), (0, 0), 2).ravel() for each in (shown, query.rgb)]
        assert np.corrcoef(*grey)[0, 1] > 0.7


def test_of_many_blocks_those_that_are_asked_for_are_spread(tmp_path):
    assert len(queries_of([raster(ground(tmp_path / "a.tif"))], 2)) == 2


def test_a_raster_without_a_whole_held_out_block_gives_no_query(tmp_path):
    beside = TileAddress(BLOCK_ZOOM, FIRST.x + 1, FIRST.y)
    assert queries_of([raster(ground(tmp_path / "a.tif", blocks=1, first=beside))], 60) == []


def said(errors, believed=True, claimed=False):
    return [LocatorSaid(error, believed, claimed) for error in errors]


def figures(first, second, queries):
    return {one.name: one for one in compare_locators(first, second, queries)}


@pytest.fixture
def queries(tmp_path):
    return queries_of([raster(ground(tmp_path / "a.tif"))], 60)


def test_a_better_locator_is_called_better_and_a_doubtful_one_is_not_believed(queries):
    found = figures(said([0.5] * 4), said([None, 30.0, 8.0, 6.0], claimed=True), queries)
    assert {name: one.word for name, one in found.items()} == dict.fromkeys(found, "better")
    assert list(found) == ["located", "first_right", "located_close", "refused_foreign"]
    unsure = figures(said([0.5] * 4, believed=False), None, queries)
    assert (unsure["located"].first.value, unsure["first_right"].first.value) == (0.0, 1.0)
    assert {one.word for one in unsure.values()} == {"alone"}
    confident = figures(said([100.0] * 4), said([100.0] * 4, believed=False), queries)
    assert confident["located"].first.value == 0.0


def test_few_blocks_tell_nothing_and_other_queries_are_refused(queries):
    assert {one.word for one in compare_locators(said([0.5] * 3), said([9.0] * 3), queries[:3])} == {"too_few"}
    with pytest.raises(InvalidInputError, match="score them anew"):
        compare_locators(said([0.5] * 3), None, queries)
    with pytest.raises(InvalidInputError):
        compare_locators([], None, [])


def test_a_locator_is_scored_among_all_bases_and_once_more_without_those_of_the_query(tmp_path, monkeypatch):
    from mlcore.geolocation.config import GeolocationConfig
    from mlcore.geolocation.model import LocatorModel

    one = raster(ground(tmp_path / "a.tif"), side_px=256)
    queries, asked = queries_of([one], 2), []
    real = module._extent
    monkeypatch.setattr(module, "_extent", lambda base: asked.append(base.name) or real(base))
    found = score_locator(
        LocatorModel(GeolocationConfig.preset("tiny")).eval(), [one], queries, tmp_path / "features", SilentProgress()
    )
    assert len(found) == 2 and set(asked) == {base.name for base in one}
    assert all(each.claimed is not None for each in found)
    assert LocatorSaid.from_dict(found[0].to_dict()) == found[0]
