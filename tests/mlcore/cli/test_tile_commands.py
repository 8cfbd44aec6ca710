"""The commands `ingest` and `render`, run as a person runs them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2

from mlcore.imagery.raster import open_image
from tests.mlcore.source_makers import grid_tiff, osm_way, osm_xml, square_nodes

ROOT = Path(__file__).resolve().parents[3]


def mlcore(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mlcore", *map(str, words)], cwd=ROOT, capture_output=True, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False,
    )  # fmt: skip


def write_map(tmp_path):
    path = tmp_path / "map.osm"
    path.write_text(
        osm_xml(*square_nodes(1, 10.0, 50.0, 0.001), osm_way(7, [1, 2, 3, 4, 1], version=2, building="yes"))
    )
    return path


def test_a_raster_is_ingested_and_described(tmp_path):
    done = mlcore("ingest", "raster", grid_tiff(tmp_path / "a.tif", 1), tmp_path / "out.tif")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["width"] == 256
    assert open_image(tmp_path / "out.tif").width == 256


def test_a_map_is_ingested_and_its_lines_are_drawn(tmp_path):
    done = mlcore("ingest", "map", write_map(tmp_path), tmp_path / "map.jsonl")
    assert json.loads(done.stdout)["counts"] == {"building": 1}
    drawn = mlcore("render", tmp_path / "map.jsonl", "17/69176/44451", "--mask", "--out", tmp_path / "tiles")
    assert drawn.returncode == 0, drawn.stderr
    assert cv2.imread(str(tmp_path / "tiles/17/69176/44451.png")) is not None


def test_an_area_is_drawn_whole(tmp_path):
    area = {"type": "Polygon", "coordinates": [[[10, 50], [10.002, 50], [10.002, 50.002], [10, 50.002], [10, 50]]]}
    (tmp_path / "area.geojson").write_text(json.dumps(area))
    drawn = mlcore(
        "render", write_map(tmp_path), "--area", tmp_path / "area.geojson", "--zoom", 18, "--out", tmp_path / "tiles"
    )
    pictures = [cv2.imread(str(path)) for path in (tmp_path / "tiles").rglob("*.png")]
    assert drawn.returncode == 0, drawn.stderr
    assert len(pictures) >= 4
    assert any(picture.std() > 5 for picture in pictures)


def test_a_refusal_is_one_line_with_the_reason(tmp_path):
    (tmp_path / "x.tif").write_text("no image")
    done = mlcore("ingest", "raster", tmp_path / "x.tif", tmp_path / "out.tif")
    assert done.returncode == 1
    assert done.stderr.startswith("invalid_input: x.tif is neither a GeoTIFF")
    assert "Traceback" not in done.stderr


def test_unknown_limits_are_refused(tmp_path):
    done = mlcore("ingest", "map", write_map(tmp_path), tmp_path / "o.jsonl", "--limits", '{"speed": 3}')
    assert done.returncode == 1
    assert "--limits" in done.stderr


def test_the_child_talks_in_lines_of_json(tmp_path):
    done = mlcore("ingest", "map", write_map(tmp_path), tmp_path / "o.jsonl", "--json")
    messages = [json.loads(line) for line in done.stdout.splitlines()]
    assert "progress" in messages[0]
    assert messages[-1]["result"]["unversioned"] == 0


def test_neither_command_loads_torch(tmp_path):
    code = "import sys, mlcore.cli.ingest, mlcore.cli.render, mlcore.pairs.source; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
