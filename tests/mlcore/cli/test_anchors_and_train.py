"""The commands `anchors` and `train consistency`, from files to files."""

import json

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_bounds

from mlcore.anchors.schema import parse_anchor
from mlcore.cli import main
from mlcore.consistency.training import load_consistency
from mlcore.geometry.webmercator import TileAddress, xy_to_lonlat
from tests.mlcore.consistency.samples import draw, random_boxes

CORNER = TileAddress(19, 386_690, 220_240)


@pytest.fixture
def place(tmp_path):
    """A mosaic of 4 x 3 tiles and the GeoJSON of its buildings, each shown as it is mapped."""
    random = np.random.default_rng(0)
    image, features = np.zeros((3 * 256, 4 * 256, 3), np.uint8), []
    for row in range(3):
        for column in range(4):
            tile = TileAddress(CORNER.z, CORNER.x + column, CORNER.y + row)
            boxes = [tuple(4 * value for value in box) for box in random_boxes(random, 5)]
            image[row * 256 : row * 256 + 256, column * 256 : column * 256 + 256] = draw(boxes, 256)[0]
            for x, y, width, height in boxes:
                corners = [(x, y), (x + width, y), (x + width, y + height), (x, y + height), (x, y)]
                ring = xy_to_lonlat(np.array(corners, float), tile).tolist()
                properties = {"osm_type": "way", "osm_id": len(features) + 1, "building": "yes"}
                geometry = {"type": "Polygon", "coordinates": [ring]}
                features.append({"type": "Feature", "properties": properties, "geometry": geometry})
    last = TileAddress(CORNER.z, CORNER.x + 3, CORNER.y + 2)
    west, north = CORNER.bounds_mercator[0], CORNER.bounds_mercator[3]
    south, east = last.bounds_mercator[1], last.bounds_mercator[2]
    profile = {
        "driver": "GTiff", "width": 1024, "height": 768, "count": 3, "dtype": "uint8", "crs": "EPSG:3857",
        "transform": from_bounds(west, south, east, north, 1024, 768), "tiled": True, "photometric": "RGB",
    }  # fmt: skip
    with rasterio.open(tmp_path / "image.tif", "w", **profile) as target:
        target.write(image.transpose(2, 0, 1))
    (tmp_path / "map.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return tmp_path


def test_anchors_writes_one_valid_line_per_tile(place):
    assert main(["anchors", "--map", str(place / "map.geojson"), "--zoom", "19", "--out", str(place / "a.jsonl")]) == 0
    lines = [json.loads(line) for line in (place / "a.jsonl").read_text().splitlines()]
    assert {(line["x"] - CORNER.x, line["y"] - CORNER.y) for line in lines} == {
        (x, y) for x in range(4) for y in range(3)
    }
    for line in lines:
        assert line["generator"] == "geometric"
        assert parse_anchor(line["anchor"]).attributes["building_density"] != "none"


def test_training_writes_a_model_and_a_second_start_goes_on_from_its_end(place, capsys):
    command = ["train", "consistency", "--imagery", str(place / "image.tif"), "--map", str(place / "map.geojson")]
    command += ["--out", str(place / "run"), "--preset", "tiny", "--blocks", "4"]
    assert main(command) == 0
    said = capsys.readouterr().out
    model = load_consistency(place / "run" / "consistency.safetensors", sha256=said.split("sha256 ")[1].split()[0])
    assert model.config.input_px == 64
    stamps = {path: path.stat().st_mtime_ns for path in (place / "run" / "matching").iterdir()}
    assert main(command) == 0
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps
    assert capsys.readouterr().out == said


def test_a_map_of_another_place_is_refused_with_the_remedy(place, capsys):
    text = (place / "map.geojson").read_text().replace("85.", "15.")
    (place / "far.geojson").write_text(text)
    command = ["train", "consistency", "--imagery", str(place / "image.tif"), "--map", str(place / "far.geojson")]
    assert main([*command, "--out", str(place / "run"), "--preset", "tiny"]) == 1
    assert "check --map" in capsys.readouterr().err


SMALL_PAPER = ["--preset", "paper", "--set", "encoder=timm/resnet10t", "--set", "input_px=64", "--set", "batch=4",
               "--set", "contrastive_epochs=1", "--set", "matching_epochs=1", "--blocks", "4"]  # fmt: skip


def test_the_paper_s_preset_trains_on_given_anchors_from_published_files_and_says_so(place, capsys):
    from tests.mlcore.encoders.published import clip_folder, digest, timm_file

    clip, weights = clip_folder(place / "clip"), timm_file(place)
    files = ["--imagery", str(place / "image.tif"), "--map", str(place / "map.geojson")]
    assert main(["anchors", *files[2:], "--zoom", "19", "--out", str(place / "a.jsonl")]) == 0
    command = ["train", "consistency", *files, *SMALL_PAPER, "--set", f"text_encoder=open_clip/local-dir:{clip}"]
    command += ["--image-weights", str(weights), "--text-weights", "", "--anchors", str(place / "a.jsonl")]
    assert main([*command, "--out", str(place / "run")]) == 0
    said = capsys.readouterr().out
    assert f"weights of model.safetensors, sha256 {digest(weights)}" in said
    model = load_consistency(place / "run" / "consistency.safetensors")
    assert (model.config.dimension, model.config.prototypes, model.config.spatial) == (1024, 50, False)
    assert model.origins["text"]["sha256"] == digest(clip / "open_clip_model.safetensors")


def test_wrong_settings_weights_and_anchors_are_refused_with_the_remedy(place, capsys):
    (place / "broken.jsonl").write_text('{"z": 19, "x": 1}')
    command = ["train", "consistency", "--imagery", str(place / "image.tif"), "--map", str(place / "map.geojson")]
    command += ["--out", str(place / "run"), *SMALL_PAPER]
    for words, said in (
        (["--set", "batch=many"], "batch is a int"),
        (["--anchors", str(place / "broken.jsonl")], "line 1 of"),
        (["--anchors", str(place / "missing.jsonl")], "can't read the anchors"),
        (["--image-weights", str(place / "missing.safetensors")], "check the path"),
        (["--image-weights", "random", "--text-weights", "unheard_of"], "its tags are"),
    ):
        assert main([*command, *words]) == 1
        assert said in capsys.readouterr().err
