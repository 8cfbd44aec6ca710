"""The geometric generator on hand-made neighbourhoods, and on anything at all."""

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from mlcore.anchors.geometric import describe_tile
from mlcore.anchors.schema import parse_anchor
from mlcore.geometry.webmercator import tile_at
from mlcore.maps.features import MapFeature
from mlcore.maps.index import MapIndex

TILE = tile_at(85.52, 27.63, 18)
WEST, SOUTH, EAST, NORTH = TILE.bounds_lonlat
SIDE_M = 135.4


def place(shape):
    """Metres from the tile's south-west corner -> degrees."""
    fit = [(EAST - WEST) / SIDE_M, 0, 0, (NORTH - SOUTH) / SIDE_M, WEST, SOUTH]
    return shapely.affinity.affine_transform(shape, fit)


def box(x, y, width=10, height=8, **tags):
    return MapFeature("building", place(shapely.box(x, y, x + width, y + height)), {"building": "yes", **tags})


def road(*points, highway="residential"):
    return MapFeature("road", place(shapely.LineString(points)), {"highway": highway})


def describe(*features):
    return describe_tile(TILE, MapIndex(features)).attributes


def test_an_empty_tile_has_nothing_and_claims_nothing():
    anchor = describe_tile(TILE, MapIndex([]))
    assert anchor.attributes["building_density"] == anchor.attributes["road_layout"] == "none"
    assert anchor.attributes["land_use"] == "undeveloped" and anchor.attributes["open_space"] == "dominant"
    assert anchor.attributes["construction_state"] == "unknown"
    assert anchor.summary == "No buildings; no roads and open ground; undeveloped use."


def test_a_grid_of_houses_is_a_detached_residential_grid():
    said = describe(*(box(8 + 25 * column, 8 + 25 * row) for column in range(5) for row in range(5)))
    assert said["block_pattern"] == "grid" and said["building_arrangement"] == "detached"
    assert said["building_density"] == "moderate" and said["dominant_building_size"] == "medium"
    assert said["outline_complexity"] == "rectangular" and said["land_use"] == "residential"
    assert said["roof_hint"] == "unknown"


def test_terraced_houses_are_a_row_along_a_line():
    said = describe(*(box(10 + 10 * number, 40) for number in range(8)))
    assert said["building_arrangement"] == "row" and said["block_pattern"] == "linear"


def test_pairs_of_houses_are_semi_detached():
    said = describe(*(box(x + side, y) for x in (10, 60, 100) for y in (10, 60, 100) for side in (0, 10)))
    assert said["building_arrangement"] == "semi_detached"


def test_a_block_around_a_yard_is_a_courtyard_with_a_perimeter():
    ring = shapely.box(20, 20, 110, 110).difference(shapely.box(40, 40, 90, 90))
    said = describe(MapFeature("building", place(ring), {"building": "apartments"}))
    assert said["block_pattern"] == "courtyard" and said["building_arrangement"] == "perimeter"
    assert said["dominant_building_size"] == "very_large" and said["land_use"] == "residential"


def test_far_apart_huts_are_scattered_and_small():
    said = describe(*(box(x, y, 6, 6) for x, y in [(5, 5), (60, 20), (110, 70), (30, 110), (90, 120)]))
    assert said["block_pattern"] == "scattered" and said["dominant_building_size"] == "small"
    assert said["building_density"] == "sparse" and said["open_space"] == "dominant"


@pytest.mark.parametrize(
    ("roads", "layout"),
    [
        ([road((0, 50), (135, 60))], "single"),
        ([road((0, 20), (60, 30), (80, 25), (135, 40))], "single"),
        ([road((0, 20), (60, 120), (80, 20), (60, 10), (10, 5))], "winding"),
        ([road((0, 60), (135, 60)), road((60, 60), (60, 135))], "junction"),
        ([road((0, y), (135, y)) for y in (40, 90)] + [road((x, 0), (x, 135)) for x in (40, 90)], "grid"),
    ],
)
def test_a_tile_of_roads_alone_tells_its_layout(roads, layout):
    said = describe(*roads)
    assert said["road_layout"] == layout and said["building_density"] == "none"
    assert said["road_density"] != "none"


def test_footpaths_are_no_roads():
    assert describe(road((0, 50), (135, 60), highway="footway"))["road_layout"] == "none"


def test_only_tags_tell_of_construction():
    assert describe(box(50, 50))["construction_state"] == "unknown"
    assert describe(box(50, 50, building="construction"))["construction_state"] == "under_construction"


def test_tags_tell_the_land_use():
    halls = [box(10 + 60 * x, 10 + 60 * y, 50, 40, building="warehouse") for x in (0, 1) for y in (0, 1)]
    assert describe(*halls)["land_use"] == "industrial"
    park = MapFeature("green", place(shapely.box(0, 0, 135, 100)), {"leisure": "park"})
    assert describe(park)["land_use"] == "recreational"


def test_the_neighbouring_tile_does_not_count():
    assert describe(box(-40, 50), box(200, 50))["building_density"] == "none"


coordinate = st.floats(-60, 200, allow_nan=False)
polygons = st.lists(st.tuples(coordinate, coordinate), min_size=3, max_size=7).map(shapely.Polygon)
lines = st.lists(st.tuples(coordinate, coordinate), min_size=2, max_size=6).map(shapely.LineString)
features = st.one_of(
    polygons.map(lambda shape: MapFeature("building", place(shape), {"building": "yes"})),
    polygons.map(lambda shape: MapFeature("green", place(shape), {"landuse": "meadow"})),
    polygons.map(lambda shape: MapFeature("water", place(shape), {"natural": "water"})),
    lines.map(lambda shape: MapFeature("road", place(shape), {"highway": "primary"})),
    lines.map(lambda shape: MapFeature("rail", place(shape), {"railway": "rail"})),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(features, max_size=12))
def test_any_map_gives_a_valid_anchor_and_always_the_same(drawn):
    anchor = describe_tile(TILE, MapIndex(drawn))
    assert parse_anchor(anchor.to_dict()) == anchor
    assert len(anchor.summary.split()) <= 40
    assert describe_tile(TILE, MapIndex(drawn)) == anchor
