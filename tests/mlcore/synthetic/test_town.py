"""The synthetic town: same seed, same bytes; its map is valid OSM; its list of changes is exact."""

import json
import shutil
import subprocess

import numpy as np
import pytest
import rasterio
import shapely

from mlcore.errors import ConfigError, StoppedError
from mlcore.geometry.webmercator import lonlat_to_xy, xy_to_lonlat
from mlcore.maps.features import feature_to_json
from mlcore.maps.osm_files import read_map
from mlcore.progress import SilentProgress
from mlcore.synthetic.local_frame import LocalFrame
from mlcore.synthetic.town import TownConfig, generate_town
from mlcore.synthetic.town_files import write_image, write_town
from mlcore.synthetic.truth import tile_truth

CONFIG = TownConfig(seed=3, columns=7, rows=6, changed_share=0.12, error_share=0.03)


@pytest.fixture(scope="module")
def town():
    return generate_town(CONFIG)


@pytest.fixture(scope="module")
def folder(town, tmp_path_factory):
    return write_town(town, tmp_path_factory.mktemp("town"))


def test_same_seed_gives_the_same_bytes(town):
    again = generate_town(CONFIG)
    assert again.image.tobytes() == town.image.tobytes()
    assert [feature_to_json(f) for f in again.features] == [feature_to_json(f) for f in town.features]
    assert again.changes == town.changes


def test_another_seed_gives_another_place(town):
    other = generate_town(TownConfig(seed=4, columns=7, rows=6))
    assert np.abs(other.image.astype(int) - town.image.astype(int)).mean() > 10


def test_the_image_covers_the_tiles_exactly(town, folder):
    assert town.image.shape == (6 * 256, 7 * 256, 3)
    with rasterio.open(folder / "imagery.tif") as source:
        assert source.crs.to_epsg() == 3857
        assert source.profile["tiled"]
        assert source.tags()["TIFFTAG_DATETIME"].startswith("2024:05:03")
        west, south, _, _ = town.tiles[-1].bounds_mercator
        assert source.bounds.bottom == pytest.approx(south, abs=1e-3)
        assert np.array_equal(np.moveaxis(source.read(), 0, -1), town.image)
        column, row = ~source.transform * (west, south)
        assert (column, row) == pytest.approx((6 * 256, 6 * 256), abs=1e-3)


def test_every_kind_of_feature_and_of_change_occurs(town):
    assert {f.kind for f in town.features} == {"building", "road", "rail", "water", "green"}
    assert {c.reason for c in town.changes} == {"new", "demolished", "extended", "shifted"}
    assert {c.kind for c in town.changes} == {"add", "remove", "modify"}


def test_changes_are_exactly_what_lies_between_map_and_image(town):
    """Apply every change to the map: the result is what stands now, and nothing else."""
    mapped = {f.key: f.geometry for f in town.features if f.kind == "building"}
    for change in town.changes:
        key = f"{change.osm_type}/{change.osm_id}"
        if change.kind == "add":
            assert change.osm_id is None
            mapped[f"new/{change.after.wkb_hex}"] = change.after
            continue
        assert mapped[key].equals(change.before)
        mapped.pop(key)
        if change.kind == "modify":
            mapped[key] = change.after
    frame = LocalFrame.about([town.area_lonlat])
    window = frame.to_metres(town.area_lonlat)
    corner = town.tiles[0]
    standing = [r.now.footprint for r in town.records if r.now is not None]
    whole = {_place(frame.to_metres(shape)) for shape in mapped.values() if window.contains(frame.to_metres(shape))}
    lonlat = [_degrees(shape, corner, town.scene.resolution_m) for shape in standing]
    truth = {_place(frame.to_metres(shape)) for shape in lonlat if window.contains(frame.to_metres(shape))}
    assert whole == truth


def _degrees(shape, corner, resolution_m):
    return shapely.transform(shape, lambda xy: np.round(xy_to_lonlat(xy / resolution_m, corner), 7))


def _place(shape):
    return round(shape.centroid.x, 1), round(shape.centroid.y, 1), round(shape.area)


def test_a_mapped_unchanged_building_is_where_the_image_shows_a_roof_or_a_tree(town):
    """Unchanged buildings look other than their surroundings: the map lies on the image's grid."""
    changed = {c.osm_id for c in town.changes}
    corner, grey = town.tiles[0], town.image.astype(float).mean(axis=2)
    inside, outside = [], []
    for feature in town.features:
        if feature.kind != "building" or feature.osm_id in changed or not town.area_lonlat.contains(feature.geometry):
            continue
        x, y = lonlat_to_xy(np.array(feature.geometry.representative_point().coords[0]), corner)
        window = town.image[int(y) - 3 : int(y) + 4, int(x) - 3 : int(x) + 4].astype(float).mean(axis=(0, 1))
        far = town.image[int(y) - 3 : int(y) + 4, max(int(x) - 130, 0) : max(int(x) - 123, 7)].astype(float)
        inside.append(window[1] - (window[0] + window[2]) / 2)
        outside.append(far.mean(axis=(0, 1)) @ (-0.5, 1, -0.5))
    assert len(inside) > 40
    assert grey.std() > 15
    assert np.median(inside) < np.median(outside) - 3


def test_the_two_dates_differ_where_a_building_was_built(town):
    corner = town.tiles[0]
    both = np.abs(town.image.astype(int) - town.image_before.astype(int)).mean(axis=2)
    for change in (c for c in town.changes if c.reason in ("new", "demolished")):
        x, y = lonlat_to_xy(np.array(change.geometry.centroid.coords[0]), corner).astype(int)
        assert both[max(y - 8, 0) : y + 8, max(x - 8, 0) : x + 8].mean() > 4


def test_osm_nodes_of_adjoining_houses_are_shared_and_marked(town):
    owners = {}
    for feature in town.features:
        for node in {n.id: n for n in feature.nodes}.values():
            owners.setdefault(node.id, []).append(node)
    assert any(len(nodes) > 1 for nodes in owners.values())
    assert all(all(n.shared for n in nodes) for nodes in owners.values() if len(nodes) > 1)


def test_the_osm_file_reads_back_as_the_same_map(town, folder):
    reading = read_map(folder / "map.osm")
    assert reading.repairs == []
    back = {f.key: f for f in reading.features}
    assert set(back) == {f.key for f in town.features}
    for feature in town.features:
        twin = back[feature.key]
        assert (twin.kind, twin.version, twin.timestamp) == (feature.kind, feature.version, feature.timestamp)
        assert dict(twin.tags) == dict(feature.tags)
        assert [n.id for n in twin.nodes] == [n.id for n in feature.nodes]
        assert twin.members == feature.members
        assert twin.geometry.symmetric_difference(feature.geometry).area < 1e-14


@pytest.mark.skipif(shutil.which("osmium") is None, reason="osmium-tool is not installed: apt-get install osmium-tool")
def test_osmium_finds_the_file_in_order_and_complete(folder):
    info = subprocess.run(["osmium", "fileinfo", "-e", "-j", folder / "map.osm"], capture_output=True, check=True)
    data = json.loads(info.stdout)["data"]
    assert data["objects_ordered"]
    assert not data["multiple_versions"]
    subprocess.run(["osmium", "check-refs", "-r", folder / "map.osm"], capture_output=True, check=True)


def test_courtyards_are_multipolygons_in_a_larger_town():
    features = generate_town(TownConfig(seed=7, columns=10, rows=10)).features
    holes = [f for f in features if f.osm_type == "relation" and f.kind == "building"]
    assert len(holes) >= 2
    assert all(f.geometry.interiors and f.tags["type"] == "multipolygon" for f in holes)


def test_buildings_stand_apart_and_off_the_carriageway():
    town = generate_town(TownConfig(seed=11, columns=5, rows=5, changed_share=0.0, error_share=0.0))
    frame = LocalFrame.about([town.area_lonlat])
    shapes = [frame.to_metres(f.geometry) for f in town.features if f.kind == "building"]
    tree = shapely.STRtree(shapes)
    for i, shape in enumerate(shapes):
        overlap = [shape.intersection(shapes[j]).area for j in tree.query(shape) if j != i]
        assert max(overlap, default=0) < 0.5
    roads = shapely.union_all([frame.to_metres(f.geometry).buffer(2.5) for f in town.features if f.kind == "road"])
    assert all(roads.intersection(shape).area < 0.5 for shape in shapes)
    assert town.changes == []


def test_tile_truth_follows_the_towns_changes(town):
    truth = tile_truth(town.changes, town.tiles)
    assert set(truth) == set(town.tiles)
    for change in town.changes:
        if change.kind == "modify":
            continue
        tiles = [t for t in town.tiles if t.polygon_lonlat.contains(change.geometry)]
        assert all(truth[tile] for tile in tiles)
    quiet = [
        t
        for t in town.tiles
        if not any(c.geometry.union(c.before or c.after).intersects(t.polygon_lonlat) for c in town.changes)
    ]
    assert quiet
    assert not any(truth[t] for t in quiet)


@pytest.mark.parametrize(
    "bad", [{"columns": 0}, {"zoom": 25}, {"seed": -1}, {"changed_share": 0.9}, {"origin_lonlat": (0, 89)}]
)
def test_a_configuration_out_of_range_is_refused_with_the_range(bad):
    with pytest.raises(ConfigError, match=r"must|tiles"):
        TownConfig(**bad)


def test_a_town_stops_when_asked():
    class Stop(SilentProgress):
        def should_stop(self):
            return True

    with pytest.raises(StoppedError):
        generate_town(TownConfig(columns=1, rows=1), Stop())


def test_a_half_written_image_takes_no_place(town, tmp_path):
    path = tmp_path / "town.tif"
    write_image(town, town.image, path, "2024-05-01")
    with pytest.raises(ValueError):
        write_image(town, town.image[..., :2], path, "2024-05-01")
    with rasterio.open(path) as kept:
        assert (np.moveaxis(kept.read(), 0, -1) == town.image).all()
    assert [one.name for one in tmp_path.iterdir()] == ["town.tif"]
