"""Pairs join image and map of a tile; folds keep neighbours together."""

import json
import pickle
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore.errors import InvalidInputError
from mlcore.geometry.webmercator import TileAddress
from mlcore.imagery.raster import open_image
from mlcore.ingestion.ingest import ingest_raster
from mlcore.maps.coverage import read_area
from mlcore.maps.index import MapIndex
from mlcore.maps.osm_files import read_map
from mlcore.pairs.source import PairSource
from mlcore.pairs.splits import geographic_folds
from tests.mlcore.source_makers import TILE, box_px, building, grid_tiff, real_data


@pytest.fixture
def source(tmp_path):
    ingest_raster(grid_tiff(tmp_path / "a.tif", 3), tmp_path / "out.tif")
    index = MapIndex([building(box_px(10, 10, 60, 60))])
    return PairSource(open_image(tmp_path / "out.tif"), index, TILE.polygon_lonlat)


def test_a_pair_has_image_map_and_mask_of_the_same_tile(source):
    pair = source.pair(TILE)
    assert pair.image.shape == pair.map.shape == (256, 256, 3)
    assert pair.mask[30, 30] == 255
    assert pair.valid_share == 1.0
    assert pair.mapped


def test_a_tile_half_outside_the_image_says_so_and_an_unmapped_one_is_unmapped(source):
    pair = source.pair(TileAddress(19, TILE.x + 1, TILE.y))
    assert pair.valid_share == pytest.approx(0.5, abs=0.01)
    assert not pair.mapped
    assert not pair.image[~pair.valid].any()


def test_tiles_are_those_with_pixels(source):
    assert set(source.tiles(19)) == {TileAddress(19, TILE.x + dx, TILE.y + dy) for dx in (0, 1) for dy in (0, 1)}
    assert len(source.tiles(20)) == 9


def test_another_map_changes_the_pair_but_not_the_source(source):
    assert not source.with_index(MapIndex()).pair(TILE).mask.any()
    assert source.pair(TILE).mask.any()


def test_a_reader_survives_the_way_to_another_process(source):
    copy = pickle.loads(pickle.dumps(source.reader))
    assert (copy.read_tile(TILE).rgb == source.reader.read_tile(TILE).rgb).all()


def test_banepa_pairs_show_buildings_where_the_map_is_complete():
    reader = open_image(real_data("banepa/banepa.tif"))
    index = MapIndex(read_map(real_data("banepa/buildings.geojson")).features)
    source = PairSource(reader, index, read_area(real_data("banepa/mapped_area.geojson")))
    tiles = source.tiles(19)
    mapped = [tile for tile in tiles if source.mapped(tile)]
    assert len(tiles) == 374
    assert len(mapped) == 48
    assert np.mean([source.pair(tile).mask.mean() / 255 for tile in mapped[::6]]) > 0.2


tile_sets = st.sets(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=1, max_size=100).map(
    lambda places: [TileAddress(19, 1000 + x, 2000 + y) for x, y in sorted(places)]
)


@given(tile_sets, st.integers(1, 8), st.integers(0, 5))
def test_folds_are_complete_balanced_and_repeatable(tiles, folds, seed):
    folds = min(folds, len(tiles))
    result = geographic_folds(tiles, folds, seed=seed)
    sizes = Counter(result.values())
    assert set(result) == set(tiles)
    assert set(sizes) == set(range(folds))
    assert max(sizes.values()) - min(sizes.values()) <= 2
    assert geographic_folds(tiles[::-1], folds, seed=seed) == result


@given(st.integers(4, 20), st.integers(4, 20), st.integers(2, 5), st.integers(0, 3))
def test_most_neighbours_of_a_full_rectangle_share_a_fold(columns, rows, folds, seed):
    tiles = [TileAddress(19, x, y) for x in range(columns) for y in range(rows)]
    result = geographic_folds(tiles, folds, seed=seed)
    edges = [
        (a, TileAddress(19, a.x + dx, a.y + dy))
        for a in tiles
        for dx, dy in ((1, 0), (0, 1))
        if a.x + dx < columns and a.y + dy < rows
    ]
    cut = sum(result[a] != result[b] for a, b in edges)
    assert cut <= (folds - 1) * (max(columns, rows) + 2)


def test_mixed_zooms_and_more_folds_than_tiles_are_refused():
    with pytest.raises(InvalidInputError, match="one zoom"):
        geographic_folds([TileAddress(18, 1, 1), TileAddress(19, 1, 1)], 2)
    with pytest.raises(InvalidInputError, match="can't fill"):
        geographic_folds([TileAddress(18, 1, 1)], 2)


def test_a_folds_numbers_depend_on_the_seed():
    tiles = [TileAddress(19, x, y) for x in range(8) for y in range(8)]
    assert len({json.dumps(sorted(geographic_folds(tiles, 4, seed=s).values())) for s in range(6)}) == 1
    assert len({tuple(geographic_folds(tiles, 4, seed=s).values()) for s in range(6)}) > 1
