"""The renderer draws what the map holds, where it lies."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from mlcore.errors import ConfigError, InvalidInputError
from mlcore.geometry.webmercator import TileAddress, xy_to_lonlat
from mlcore.maps.features import MapFeature
from mlcore.maps.index import MapIndex
from mlcore.maps.render import MapRenderer
from mlcore.maps.style import STYLE_FILE, load_style
from tests.mlcore.source_makers import TILE, box_px, building

RENDERER = MapRenderer()
STYLE = RENDERER.style


def line_px(points, **tags):
    geometry = shapely.LineString(xy_to_lonlat(np.array(points, float), TILE))
    return MapFeature("rail" if "railway" in tags else "road", geometry, tags, "way", 9)


def test_an_empty_map_is_the_background():
    image = RENDERER.render(TILE, MapIndex())
    assert image.shape == (256, 256, 3)
    assert image.dtype == np.uint8
    assert (image == STYLE.background).all()


def test_a_building_is_filled_outlined_and_open_at_its_hole():
    courtyard = box_px(20, 20, 120, 90).difference(box_px(50, 40, 80, 60))
    image = RENDERER.render(TILE, MapIndex([building(courtyard)]))
    assert tuple(image[30, 30]) == STYLE.building_fill
    assert tuple(image[50, 65]) == STYLE.background
    assert image[30, 20].sum() < image[30, 30].sum()


@settings(max_examples=40, deadline=None)
@given(st.floats(5, 100), st.floats(5, 100), st.floats(8, 120), st.floats(8, 120), st.sampled_from([256, 512]))
def test_the_mask_has_the_area_of_the_buildings(x, y, width, height, size):
    mask = RENDERER.building_mask(TILE, MapIndex([building(box_px(x, y, x + width, y + height))]), size)
    scale = size / 256
    assert mask.sum() / 255 == pytest.approx(width * height * scale**2, rel=0.01, abs=0.55 * (width + height) * scale)


def test_the_mask_leaves_holes_open_and_tells_halves_at_edges():
    mask = RENDERER.building_mask(
        TILE, MapIndex([building(box_px(20.5, 20, 120, 90).difference(box_px(50, 40, 80, 60)))])
    )
    assert mask[50, 65] == 0
    assert mask[30, 30] == 255
    assert 80 <= mask[30, 20] <= 200


def test_neighbouring_tiles_continue_each_other():
    feature = building(box_px(-40, 60, 90, 140))
    left = RENDERER.building_mask(TileAddress(TILE.z, TILE.x - 1, TILE.y), MapIndex([feature]))
    here = RENDERER.building_mask(TILE, MapIndex([feature]))
    assert left[100, 216:].min() == 255
    assert here[100, :90].min() == 255
    assert here[100, 91:].max() == 0


@pytest.mark.parametrize("size", [256, 512])
def test_roads_have_their_width_in_metres_at_every_size(size):
    image = RENDERER.render(TILE, MapIndex([line_px([(0, 128), (256, 128)], highway="primary")]), size)
    column = (image[:, size // 2] == STYLE.roads["primary"].fill).all(axis=1).sum()
    assert column * 0.2646 * 256 / size == pytest.approx(STYLE.roads["primary"].width_m, abs=1.0)


def test_a_larger_road_lies_above_a_smaller_one_and_buildings_above_all():
    roads = [line_px([(0, 128), (256, 128)], highway="motorway"), line_px([(128, 0), (128, 256)], highway="service")]
    image = RENDERER.render(TILE, MapIndex([*roads, building(box_px(200, 100, 250, 150))]))
    assert tuple(image[128, 128]) == STYLE.roads["motorway"].fill
    assert tuple(image[128, 225]) == STYLE.building_fill


def test_a_road_just_outside_the_tile_reaches_in_by_its_width():
    image = RENDERER.render(TILE, MapIndex([line_px([(-10, -8), (266, -8)], highway="motorway")]))
    assert tuple(image[2, 100]) == STYLE.roads["motorway"].fill


def test_what_lies_underground_is_not_drawn():
    hidden = [
        line_px([(0, 128), (256, 128)], highway="primary", tunnel="yes"),
        line_px([(0, 60), (256, 60)], railway="subway", tunnel="yes"),
        building(box_px(20, 20, 90, 90), location="underground"),
    ]
    assert (RENDERER.render(TILE, MapIndex(hidden)) == STYLE.background).all()
    assert not RENDERER.building_mask(TILE, MapIndex(hidden)).any()


def test_a_lake_larger_than_a_country_fills_the_tile():
    lake = MapFeature("water", shapely.box(80, 20, 90, 35), {"natural": "water"}, "way", 3)
    deep = TileAddress(22, TILE.x * 8, TILE.y * 8)
    assert (RENDERER.render(deep, MapIndex([lake])) == STYLE.water).all()


@pytest.mark.parametrize("size", [0, -1, 5000])
def test_a_size_out_of_range_is_refused(size):
    with pytest.raises(InvalidInputError, match="1 to 4096"):
        RENDERER.render(TILE, MapIndex(), size)


def test_an_unknown_key_or_a_bad_colour_in_the_style_is_refused(tmp_path):
    text = STYLE_FILE.read_text()
    for broken in (text.replace("min_px = 1", "min_px = 1\nsparkle = 3"), text.replace("#a5cfec", "blue")):
        (tmp_path / "style.toml").write_text(broken)
        with pytest.raises(ConfigError):
            load_style(tmp_path / "style.toml")


def test_an_edited_map_leaves_the_original_untouched():
    first, second = building(box_px(10, 10, 40, 40), 1), building(box_px(60, 60, 90, 90), 2)
    index = MapIndex([first, second])
    edited = index.edited(remove=["way/1"], add=[building(box_px(100, 100, 140, 140), 3)])
    again = edited.edited(remove=["way/3"], add=[first])
    assert [f.key for f in index.buildings] == ["way/1", "way/2"]
    assert [f.key for f in edited.buildings] == ["way/2", "way/3"]
    assert [f.key for f in again.buildings] == ["way/2", "way/1"]
    assert [f.key for f in edited.query(TILE.bounds_lonlat, ("building",))] == ["way/2", "way/3"]
    assert edited.query(TILE.bounds_lonlat, ("road",)) == []
    assert len(MapIndex()) == 0
