"""The suite of landmarks on a made set of photos and a made region: figures, report, queries, ablations."""

import json

import cv2
import pytest
import torch

from mlcore.cli import main
from mlcore.landmarks.config import LandmarkConfig
from mlcore.landmarks.model import LandmarkModel
from mlcore.landmarks.readers.tiles import RegionTiles, held_out_tiles, texts_of
from mlcore.suites.landmarks import Joined, Without, headline, learnt_source, standard_suite
from tests.mlcore.geolocation.grounds import texture
from tests.mlcore.source_makers import TILE, box_px, building, grid_tiff

CLASSES = ("beach", "forest", "harbor")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """ucmerced/ with three classes of 100 photos, banepa/ with 16 tiles and a building with a name."""
    folder = tmp_path_factory.mktemp("data")
    for kind in CLASSES:
        (folder / "ucmerced" / kind).mkdir(parents=True)
        for number in range(100):
            small = texture(CLASSES.index(kind) * 3 + number % 2, 32, 32)
            cv2.imwrite(str(folder / "ucmerced" / kind / f"{kind}{number:02d}.png"), small)
    (folder / "banepa").mkdir()
    grid_tiff(folder / "banepa" / "banepa.tif", tiles=8)
    record = {
        "type": "Feature", "properties": {"building": "school", "name": "High School"},
        "geometry": json.loads(json.dumps(box_px(20, 20, 200, 200).__geo_interface__)),
    }  # fmt: skip
    text = json.dumps({"type": "FeatureCollection", "features": [record]})
    (folder / "banepa" / "buildings.geojson").write_text(text)
    area = {"type": "Feature", "properties": {}, "geometry": TILE.parent(2).polygon_lonlat.__geo_interface__}
    (folder / "banepa" / "mapped_area.geojson").write_text(
        json.dumps({"type": "FeatureCollection", "features": [area]})
    )
    return folder


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "landmarks.safetensors"
    LandmarkModel(LandmarkConfig.preset("tiny")).save(path, {"floors": {"text": 2.0}})
    return path


def test_one_command_measures_reports_and_tries_queries(data, weights, tmp_path, capsys):
    command = ["evaluate", "landmarks", "--data", str(data), "--weights", str(weights), "--out", str(tmp_path)]
    assert main([*command, "--queries"]) == 0
    told = json.loads((tmp_path / "landmarks.json").read_text())
    assert len(told["suite"]["unseen_classes"]) == 1
    figures = headline(told["suite"])
    assert figures["chance"] == pytest.approx(1 / 3) and figures["chance_r1"] == pytest.approx(1 / 60)
    assert {"text_to_class_seen", "text_to_class_unseen", "aerial_map_same_class", "banepa_gps_to_aerial_seen_ratio",
            "banepa_gps_to_aerial_held_out_ratio", "keywords_text_to_class_seen"} <= set(figures)  # fmt: skip
    assert all(value >= 0 for value in figures.values())
    # floors above every likeness: all queries, and the nonsense, find nothing
    assert not any(one["meant"] for one in told["queries"]) and all(len(one["found"]) == 6 for one in told["queries"])
    assert cv2.imread(str(tmp_path / "queries-ucmerced.jpg")) is not None
    report = (tmp_path / "landmarks.md").read_text()
    assert "| landmarks | text_to_class_unseen |" in report and "Tiles of banepa" in report
    assert report.strip() in capsys.readouterr().out


def test_held_out_tiles_are_one_block_and_never_learnt(data):
    suite = standard_suite(data)
    tiles = suite.regions["banepa"].tiles
    apart = held_out_tiles(tiles)
    assert len(tiles) == 16 and len(apart) in (3, 4)
    learnt = learnt_source(suite)
    names = {learnt.get(number).name for number in range(len(learnt))}
    assert not {f"banepa/{tile.z}/{tile.x}/{tile.y}" for tile in apart} & names
    assert sum(name.startswith("banepa/") for name in names) == 16 - len(apart)
    assert len(learnt) == 2 * 60 + 16 - len(apart)
    assert held_out_tiles([TILE]) == set()


def test_a_tile_says_where_it_is_what_it_shows_and_what_the_map_says(data):
    source = RegionTiles(data / "banepa" / "banepa.tif", data / "banepa" / "buildings.geojson", zoom=19, name="banepa")
    by_name = {source.get(number).name: source.get(number) for number in range(len(source))}
    sample = by_name[f"banepa/19/{TILE.x}/{TILE.y}"]
    assert sample.aerial.shape == (256, 256, 3)
    assert sample.texts == ("an aerial view of one building", "school called High School", "school")
    west, south, east, north = TILE.bounds_lonlat
    assert west < sample.gps[0] < east and south < sample.gps[1] < north
    assert by_name[f"banepa/19/{TILE.x + 2}/{TILE.y}"].texts == ()


def test_what_a_map_says_of_a_place():
    houses = [building(box_px(10 * n, 0, 10 * n + 5, 5), n + 1) for n in range(6)]
    assert texts_of(houses) == ("an aerial view of several buildings",)
    assert texts_of([]) == ()


def test_a_modality_left_out_is_gone_from_every_sample(data):
    suite = standard_suite(data)
    source = Joined([suite.land_use, suite.regions["banepa"]])
    assert len(source) == 60 + 16
    for name in ("aerial", "text", "gps"):
        without = Without(source, name)
        assert all(name not in without.get(number).modalities for number in (0, 59, 60, 75))
    assert source.get(60).name == suite.regions["banepa"].get(0).name


def test_shared_data_that_is_not_there_is_told(tmp_path, weights, monkeypatch, capsys):
    monkeypatch.delenv("MAPWRIGHT_DATA", raising=False)
    command = ["evaluate", "landmarks", "--weights", str(weights), "--out", str(tmp_path / "out")]
    assert main([*command, "--data", str(tmp_path)]) == 1
    assert main(command) == 1
    assert main([*command, "--captions", str(tmp_path / "x.json")]) == 1
    said = capsys.readouterr().err
    assert "say where the shared data lies" in said and "MAPWRIGHT_DATA" in said and "--images" in said
