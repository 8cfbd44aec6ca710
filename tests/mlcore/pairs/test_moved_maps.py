"""A pair's transform is applied wherever its map is read: drawn, as a mask, as polygons, and in what is learnt."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from mlcore.evidence.samples import evidence_samples
from mlcore.evidence.verified import Verified
from mlcore.geometry.transform import Transform, shift_of
from mlcore.geometry.webmercator import TileAddress
from mlcore.imagery.raster import open_image
from mlcore.ingestion.ingest import ingest_raster
from mlcore.maps.index import MapIndex
from mlcore.pairs.source import PairSource
from tests.mlcore.source_makers import TILE, box_px, building, grid_tiff

HOUSES = [(40, 40, 90, 80), (120, 150, 200, 190)]


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("moved")
    ingest_raster(grid_tiff(folder / "a.tif", 3), folder / "out.tif")
    index = MapIndex([building(box_px(*box), number + 1) for number, box in enumerate(HOUSES)])
    return PairSource(open_image(folder / "out.tif"), index)


def shifted(source: PairSource, dx: int, dy: int) -> PairSource:
    """The map as it would be, had everything been drawn (dx, dy) pixels further."""
    boxes = [(x0 + dx, y0 + dy, x1 + dx, y1 + dy) for x0, y0, x1, y1 in HOUSES]
    return source.with_index(MapIndex([building(box_px(*box), number + 1) for number, box in enumerate(boxes)]))


@given(dx=st.integers(-30, 30), dy=st.integers(-30, 30))
@settings(max_examples=15, deadline=None)
def test_a_moved_map_looks_like_a_map_drawn_elsewhere(source, dx, dy):
    moved = source.with_transforms({TILE: shift_of(dx, dy)}).pair(TILE)
    drawn = shifted(source, dx, dy).pair(TILE)
    assert np.abs(moved.mask.astype(int) - drawn.mask).max() <= 64  # one of 4 x 4 samples at a border
    assert np.mean(moved.map != drawn.map) < 0.001
    assert (moved.image == drawn.image).all()


def test_what_is_learnt_of_a_moved_map_lies_where_the_image_shows_it(source):
    learnt = evidence_samples(source.with_transforms({TILE: shift_of(10, 0)}), [TILE])[0]
    assert learnt.ids[60, 45] == 0
    assert learnt.ids[60, 95] == 1


def test_what_people_verified_is_sure_where_the_image_shows_it(source):
    house = source.index.query(TILE.bounds_lonlat)[0].geometry
    learnt = evidence_samples(source.with_transforms({TILE: shift_of(10, 0)}), [TILE], verified=Verified([house], []))[
        0
    ]
    number = learnt.ids[60, 95]
    assert number and ((learnt.ids == number) == learnt.sure).mean() > 0.995
    assert not learnt.sure[60, 45] and learnt.sure[60, 95]


def test_polygons_of_a_tile_are_those_that_are_drawn(source):
    turn = Transform("similarity", np.array([0.98, 0.05, 4.0, -3.0]), np.zeros((4, 4)))
    moved = source.with_transforms({TILE: turn})
    polygons = {feature.osm_id: shapes for feature, shapes in moved.footprints(TILE)}
    corners = np.array([[40, 40], [90, 40], [90, 80], [40, 80]], float)
    assert polygons[1][0].symmetric_difference(shapely.Polygon(turn.apply(corners))).area < 0.01
    assert moved.building_mask(TILE).sum() / 255 == pytest.approx(sum(p[0].area for p in polygons.values()), rel=0.02)


def test_a_house_of_the_next_tile_that_the_transform_brings_in_is_seen(source):
    outside = source.with_index(MapIndex([building(box_px(300, 100, 340, 140))]))
    assert not outside.building_mask(TILE).any()
    moved = outside.with_transforms({TILE: shift_of(-120, 0)})
    assert moved.building_mask(TILE)[120, 200] == 255
    assert len(moved.footprints(TILE)) == 1


def test_a_larger_drawing_is_moved_in_proportion(source):
    moved = PairSource(source.reader, source.index, size_px=512, transforms={TILE: shift_of(10, 0)})
    assert moved.building_mask(TILE)[120, 190] == 255
    assert moved.building_mask(TILE)[120, 90] == 0


def test_only_tiles_with_a_transform_are_moved_and_another_map_keeps_it(source):
    moved = source.with_transforms({TILE: shift_of(10, 0)})
    beside = TileAddress(TILE.z, TILE.x, TILE.y + 1)
    assert (moved.drawn_map(beside) == source.drawn_map(beside)).all()
    assert moved.with_index(source.index).transforms == moved.transforms
