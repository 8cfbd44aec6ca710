"""Cases of maps: what must be read of each file. A square is 0.0001 x 0.0001 degrees."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import shapely

from mlcore.changes.diff import measure_block
from mlcore.changes.moves import MapMoves
from mlcore.errors import InvalidInputError
from mlcore.evidence.picture import EvidenceReader
from mlcore.geometry.webmercator import tile_at
from mlcore.maps.coverage import read_area
from mlcore.maps.features import MapFeature
from mlcore.maps.index import MapIndex
from mlcore.maps.osm_files import read_map
from tests.cases.evidence import empty_ground

SQUARE = 1e-8
CONTROL = "way/99"
"""Stands in most files, so that a file whose only building is gone still holds a map."""
YES = {"building": "yes"}
PARTS = {"type": "multipolygon", "building": "yes"}


def read(path: Path) -> dict[str, MapFeature]:
    return {one.key: one for one in read_map(path).features if one.kind == "building" and one.key != CONTROL}


def squares(feature: MapFeature) -> float:
    return feature.geometry.area / SQUARE


def expect(path: Path, wanted: Mapping[str, tuple[float, int | None, Mapping[str, str]]]) -> dict[str, MapFeature]:
    """Exactly these buildings: key -> (squares, version, tags)."""
    found = read(path)
    assert {key: (one.version, dict(one.tags)) for key, one in found.items()} == {
        key: (version, dict(tags)) for key, (_, version, tags) in wanted.items()
    }
    assert {key: squares(one) for key, one in found.items()} == pytest.approx(
        {key: size for key, (size, _, _) in wanted.items()}, rel=1e-6
    )
    return found


def deleted_in_josm(folder: Path, _: Path) -> None:
    for name in ("deleted_with_nodes.osm", "deleted_without_nodes.osm"):
        expect(folder / name, {})


def overpass_geometry(folder: Path, _: Path) -> None:
    way = expect(folder / "out_geom_ways.osm", {"way/1": (2, 2, YES)})["way/1"]
    assert way.geometry.bounds == pytest.approx((24.94, 60.17, 24.9402, 60.1701))
    assert [node.version for node in way.nodes] == [None] * 5
    expect(folder / "out_geom_relation.osm", {"relation/7": (2, 2, PARTS)})


def body_then_skeleton(folder: Path, _: Path) -> None:
    found = expect(
        folder / "body_then_skel.osm",
        {
            "way/1": (4, 2, {"building": "roof"}),
            "relation/7": (32, 2, {"type": "multipolygon", "building": "school"}),
        },
    )
    assert [(node.id, node.version) for node in found["way/1"].nodes if node.shared] == [(101, 2)]


def history(folder: Path, _: Path) -> None:
    expect(folder / "way_history.osm", {})


def members_twice(folder: Path, _: Path) -> None:
    for name, size in (("outer_twice_with_courtyard", 32), ("outer_twice", 36), ("inner_twice", 32)):
        expect(folder / f"{name}.osm", {"relation/7": (size, 2, PARTS)})


def underground(folder: Path, work: Path) -> None:
    """Nothing at all is seen: every house that could be seen is doubted, the garage is not even asked about."""
    index = MapIndex(read_map(folder / "map.osm").features)
    tile = tile_at(24.9403, 60.17005, 19)
    evidence = EvidenceReader(empty_ground(work / "evidence.tif", tile), 19)
    measured = measure_block(evidence, index, tile, [tile], MapMoves({}))
    keys = {one.feature.key for one in measured.footprints}
    assert "way/1" in keys
    assert "way/2" not in keys


def hot_exports(folder: Path, _: Path) -> None:
    tags = {"building": "yes", "building:levels": "2"}
    expect(folder / "export_tool.geojson", {"way/1": (2, None, tags)})
    expect(folder / "raw_data_tags.geojson", {"way/1": (2, 2, tags)})


def osmtogeojson(folder: Path, _: Path) -> None:
    expect(folder / "osmtogeojson.geojson", {"way/1": (2, None, YES)})


def osmium_attributes(folder: Path, _: Path) -> None:
    expect(folder / "attributes.geojson", {"way/1": (2, 2, YES)})


def overpass_metadata(folder: Path, _: Path) -> None:
    expect(folder / "with_meta.geojson", {"way/1": (2, 2, YES)})


def overlapping_parts(folder: Path, _: Path) -> None:
    found = read(folder / "overlapping.geojson")
    assert [squares(one) for one in found.values()] == pytest.approx([3.5])


def stray_points_in_an_area(folder: Path, _: Path) -> None:
    from annotation.sources.engine import area_from_file

    for name in ("point.geojson", "null.geojson"):
        area = read_area(folder / name)
        assert area.geom_type == "Polygon"
        assert shapely.from_wkb(bytes(area_from_file(folder / name).wkb)).equals(area)


def negative_ids(folder: Path, _: Path) -> None:
    expect(folder / "unsaved.osm", {"way/-5": (2, None, YES)})


def touching_rings(folder: Path, _: Path) -> None:
    sizes = {
        "inners_share_an_edge": 28, "inner_shares_edge_with_outer": 32, "inner_touches_outer_at_node": 34,
        "outers_share_a_node": 12, "outer_of_open_ways": 15, "island_in_courtyard": 24, "no_roles": 20,
    }  # fmt: skip
    for name, size in sizes.items():
        assert [squares(one) for one in read(folder / f"{name}.osm").values()] == pytest.approx([size])


def flavours_of_pbf(folder: Path, _: Path) -> None:
    for name, version in (("plain", 2), ("lz4", 2), ("not_dense", 2), ("no_metadata", None)):
        expect(folder / f"{name}.osm.pbf", {"way/1": (2, version, YES)})


def reference_systems(folder: Path, _: Path) -> None:
    for name in ("crs84.geojson", "epsg4326.geojson"):
        (feature,) = read(folder / name).values()
        assert squares(feature) == pytest.approx(2)
        assert feature.geometry.bounds[0] == pytest.approx(24.94)
    with pytest.raises(InvalidInputError, match="ogr2ogr -t_srs EPSG:4326"):
        read_map(folder / "epsg3857.geojson")


def no_buildings_any_more(folder: Path, _: Path) -> None:
    assert set(read(folder / "tags.osm")) == {"way/5", "way/6"}


CASES: dict[str, Callable[[Path, Path], None]] = {
    "01_josm_deleted_building": deleted_in_josm,
    "02_overpass_out_geom": overpass_geometry,
    "04_overpass_body_then_skel": body_then_skeleton,
    "06_api_history": history,
    "08_member_twice": members_twice,
    "12_underground_garage": underground,
    "13_hot_export": hot_exports,
    "14_osmtogeojson_id": osmtogeojson,
    "16_osmium_export_attributes": osmium_attributes,
    "17_overpass_turbo_meta": overpass_metadata,
    "19_overlapping_parts": overlapping_parts,
    "21_area_with_stray_point": stray_points_in_an_area,
    "29_negative_ids": negative_ids,
    "30_touching_rings": touching_rings,
    "32_pbf_flavours": flavours_of_pbf,
    "34_crs_member": reference_systems,
    "36_no_building_any_more": no_buildings_any_more,
}
