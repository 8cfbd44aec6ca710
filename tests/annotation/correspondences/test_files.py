"""Proposals as files of other tools and back: read by QGIS's documented rules, by GDAL's own tools, and by the API."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import rasterio
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from rasterio.control import GroundControlPoint

from annotation.correspondences.engine.exchange import control_points
from annotation.correspondences.models import Correspondences
from annotation.tiles.engine import tile_address
from mlcore.correspondences.exchange import read_gcps, read_qgis_points, tile_grid, write_world_file
from mlcore.geometry.transform import Transform, shift_of
from tests.annotation.correspondences.place import SHIFT_PX, matched_place
from tests.factories import UserFactory
from tests.factories_correspondences import PLACES, PROPOSED, CorrespondencesFactory, adjust, make_batch, take

pytestmark = pytest.mark.django_db
needs_gdal = pytest.mark.skipif(shutil.which("gdaltransform") is None, reason="GDAL's tools are not installed")
TEXTS = ("qgis", "gcps", "world", "geojson")


@pytest.fixture
def placed():
    """A proposal on a tile with an image."""
    _, imagery, _ = matched_place(columns=1)
    pair = imagery.pairs.get()
    return CorrespondencesFactory(pair=pair)


@pytest.fixture
def client(client_of, placed):
    return client_of(UserFactory())


def asked(client, row, form, **query):
    return client.get(reverse("api-correspondences-file", args=[row.pk, form]), query)


def saved(client, row, form, folder: Path, **query) -> Path:
    """The file under the name that it came with."""
    reply = asked(client, row, form, **query)
    assert reply.status_code == 200, reply.content
    path = folder / reply["Content-Disposition"].split('"')[1]
    path.write_bytes(reply.content)
    return path


def on_map(row, map_xy) -> np.ndarray:
    """Places of the tile at 256 px in metres of EPSG:3857."""
    grid = tile_grid(tile_address(row.pair.tile), 256)
    return np.asarray(map_xy) @ grid[:, :2].T + grid[:, 2]


def told(*words: str, **how) -> str:
    """What one of GDAL's tools says."""
    return subprocess.run(words, capture_output=True, text=True, check=True, **how).stdout


def sent(client, row, content: bytes | Path, name="a.points", **fields):
    content = content.read_bytes() if isinstance(content, Path) else content
    address = reverse("api-correspondences-points", args=[row.pk])
    return client.post(address, {"file": SimpleUploadedFile(name, content), **fields}, format="multipart")


def test_qgis_finds_the_points_beside_the_picture_and_reads_them(client, placed, tmp_path):
    picture = saved(client, placed, "picture", tmp_path)
    points = read_qgis_points(saved(client, placed, "qgis", tmp_path), (512, 512))

    assert (tmp_path / f"{picture.name}.points").is_file()
    with rasterio.open(picture) as data:
        assert (data.width, data.height, data.crs) == (512, 512, None)
    assert np.allclose(points.image_xy, 2 * PROPOSED.apply(np.array(PLACES)))
    assert np.allclose(points.map_xy, on_map(placed, PLACES))
    assert points.crs.to_epsg() == 3857
    assert np.allclose(points.residuals_px, 0, atol=1e-9)


def test_points_that_a_person_corrected_go_before_the_matcher_s(client, placed, tmp_path):
    ana = UserFactory(role="admin")
    adjust(ana, take(ana, make_batch(placed.region)), shift_of(4.0, 3.0), checks=[6])

    points = read_qgis_points(saved(client, placed, "qgis", tmp_path))

    assert np.allclose(points.image_xy, 2 * shift_of(4.0, 3.0).apply(np.array(PLACES)))
    assert points.enabled.tolist() == [True] * 5 + [False]
    seen = json.loads(asked(client, placed, "geojson").content)
    assert [one["properties"]["role"] for one in seen["features"]] == ["fit"] * 5 + ["check"]


@needs_gdal
@pytest.mark.parametrize("form", ["geotiff", "vrt", "gcps", "world"])
def test_gdal_s_own_tools_place_the_picture_where_the_points_say(client, placed, tmp_path, form):
    picture = saved(client, placed, "picture", tmp_path)
    path = saved(client, placed, form, tmp_path)
    if form == "gcps":
        line = shlex.split(path.read_text())
        subprocess.run([line[0], "-q", *line[1:]], check=True, cwd=tmp_path)
        path = tmp_path / line[-1]
    path = picture if form == "world" else path
    order = [] if form == "world" else ["-order", "1"]

    said = told("gdaltransform", *order, str(path), input="100 300\n")

    expected = on_map(placed, PROPOSED.inverse().apply(np.array([[50.0, 150.0]])))[0]
    assert np.allclose([float(word) for word in said.split()[:2]], expected, atol=1e-3)
    info = json.loads(told("gdalinfo", "-json", str(path)))
    assert info["size"] == [512, 512]
    if form != "world":
        assert len(info["gcps"]["gcpList"]) == len(PLACES)
        assert "3857" in info["gcps"]["coordinateSystem"]["wkt"]


def test_the_registered_picture_lies_on_the_map(client, placed, tmp_path):
    """The image of the place is its map moved by a known shift: with it as the transform, the two are one picture."""
    moved = shift_of(*SHIFT_PX)
    Correspondences.objects.update(transform_parameters=moved.parameters.tolist())
    picture = saved(client, placed, "picture", tmp_path)
    world = saved(client, placed, "world", tmp_path)
    assert world.stem == picture.stem

    with rasterio.open(picture) as data:
        west, north = data.transform * (2 * SHIFT_PX[0], 2 * SHIFT_PX[1])
    assert np.allclose([west, north], on_map(placed, [[0.0, 0.0]])[0], atol=1e-6)


def test_an_annotation_names_the_service_that_shows_the_picture(client, placed):
    refused = asked(client, placed, "annotation")
    assert (refused.status_code, refused.json()["code"]) == (400, "not_writable")
    said = json.loads(asked(client, placed, "annotation", service="https://iiif.example.org/t/1").content)
    assert said["target"]["source"]["id"] == "https://iiif.example.org/t/1"
    assert len(said["body"]["features"]) == len(PLACES)


@pytest.mark.parametrize("form", TEXTS)
def test_without_a_match_or_once_rejected_there_is_nothing_to_write(client_of, form):
    client = client_of(UserFactory(role="admin"))
    for row in (CorrespondencesFactory(no_match=True), CorrespondencesFactory(state="rejected")):
        reply = asked(client, row, form)
        assert (reply.status_code, reply.json()["code"]) == (409, "nothing_to_write")


def test_a_homography_is_no_world_file_and_another_format_is_none(client, placed):
    bent = Transform("homography", np.array([1, 0, 2, 0, 1, -1, 1e-5, 0]), np.eye(8) * 1e-6)
    Correspondences.objects.update(transform_kind=bent.kind, transform_parameters=bent.parameters.tolist(),
                                   transform_covariance=bent.covariance.tolist())  # fmt: skip
    reply = asked(client, placed, "world")
    assert (reply.status_code, reply.json()["code"]) == (400, "not_writable") and "affine" in reply.json()["detail"]
    assert asked(client, placed, "splendid").status_code == 404


def test_points_of_a_file_keep_the_numbers_of_those_that_they_are(client, placed, tmp_path):
    path = saved(client, placed, "qgis", tmp_path)
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    first = next(place for place, line in enumerate(lines) if line[:1] in "-0123456789")
    stranger = lines[first + 1].split(",")
    stranger[2] = str(float(stranger[2]) + 4)  # the second point, put two pixels of the tile further east
    path.write_text("".join([*lines[:first], *lines[first + 2 :], ",".join(stranger)]), encoding="utf-8")

    points = sent(client, placed, path, path.name).json()["payload"]["points"]

    count = len(PLACES)
    assert [point["number"] for point in points] == [*range(3, count + 1), count + 1]
    assert np.allclose([point["map_xy"] for point in points], [*PLACES[2:], PLACES[1]], atol=1e-6)


@pytest.mark.parametrize("form", ["qgis", "geotiff", "gcps"])
def test_what_leaves_comes_back_as_the_points_of_an_answer_and_stores_nothing(client, placed, tmp_path, form):
    path = saved(client, placed, form, tmp_path)

    reply = sent(client, placed, path, path.name)

    assert reply.status_code == 200, reply.content
    said = reply.json()
    assert said["payload"]["transform"] == "shift"
    assert np.allclose([point["map_xy"] for point in said["payload"]["points"]], PLACES, atol=1e-6)
    image_xy = [point["image_xy"] for point in said["payload"]["points"]]
    assert np.allclose(image_xy, PROPOSED.apply(np.array(PLACES)), atol=1e-6)
    assert said["refit"]["transform"]["parameters"] == pytest.approx([2.0, -1.0])
    refit = reverse("api-correspondences-refit", args=[placed.pk])
    assert client.post(refit, said["payload"], format="json").json() == said["refit"]
    placed.refresh_from_db()
    assert placed.state == "proposed" and placed.points.filter(corrected=True).count() == 0


def test_points_of_another_system_size_and_model_are_brought_to_the_tile(client, placed):
    west, south, east, north = tile_address(placed.pair.tile).bounds_lonlat
    rows = [
        f"{west + (east - west) * x / 256},{north - (north - south) * y / 256},{4 * x},{-4 * y},{on}"
        for x, y, on in [(20, 30, 1), (220, 40, 1), (230, 210, 1), (40, 220, 1), (99, 99, 0)]
    ]
    text = "mapX,mapY,pixelX,pixelY,enable\n" + "\n".join(rows)
    refused = sent(client, placed, text.encode(), size_px=1024)
    assert (refused.status_code, refused.json()["code"]) == (400, "bad_points_file")
    assert "EPSG:4326" in refused.json()["detail"]

    said = sent(client, placed, text.encode(), size_px=1024, crs="EPSG:4326", transform="affine").json()

    assert said["payload"]["transform"] == "affine"
    assert [point["enabled"] for point in said["payload"]["points"]] == [True] * 4 + [False]
    assert np.allclose(said["refit"]["transform"]["matrix"], np.eye(3), atol=1e-3)


HEADER = b"mapX,mapY,pixelX,pixelY,enable\n"


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (b"", "invalid", "empty"),
        (b"\x00\xff\x13", "bad_points_file", "UTF-8"),
        (b"<VRTDataset/>", "bad_points_file", "columns"),
        (HEADER, "bad_points_file", "0 points"),
        (HEADER + b"1,2,3,-4,1\n", "bad_points", "-256 to 512"),
        (b"gdal_translate -gcp 1 2 3 a b", "bad_points_file", "-gcp"),
        (b"gdal_translate -gcp 1 2 3 4 'a b", "bad_points_file", "quotation"),
        (b"gdal_translate -a_srs /etc/passwd -gcp 1 2 3 4 a b", "bad_points_file", "reference system"),
        (b"II*\x00" + b"\x00" * 40, "bad_points_file", "read"),
        (HEADER + b"1,2,3,-4,1\n" * 401, "bad_points_file", "400"),
    ],
)
def test_a_file_that_is_none_is_refused_with_what_to_do(client, placed, content, code, words):
    reply = sent(client, placed, content, crs="EPSG:3857")
    assert reply.status_code == 400 and reply.json()["code"] == code, reply.content
    assert words in json.dumps(reply.json()), reply.content


def test_a_file_that_is_too_large_is_refused_before_it_is_read(client, placed, monkeypatch):
    monkeypatch.setattr("annotation.correspondences.api.files.MOST_BYTES", 1000)
    reply = sent(client, placed, b"0" * 2000)
    assert (reply.status_code, reply.json()["code"]) == (413, "too_large")


def test_a_geotiff_whose_points_lie_elsewhere_is_told_by_the_number_of_the_point(client, placed, tmp_path):
    path = tmp_path / "far.tif"
    points = [GroundControlPoint(row=y, col=x, x=10 + x / 100, y=20.0) for x, y in [(0, 0), (9, 0), (9, 9)]]
    how = {"driver": "GTiff", "width": 16, "height": 16, "count": 1, "dtype": "uint8"}
    with rasterio.open(path, "w", gcps=points, crs="EPSG:4326", **how) as data:
        data.write(np.zeros((1, 16, 16), np.uint8))
    assert len(read_gcps(path)) == 3
    reply = sent(client, placed, path, "far.tif")
    assert (reply.status_code, reply.json()["code"], reply.json()["point"]) == (400, "bad_points", 1)


def test_write_world_file_of_the_library_says_the_same_as_the_download(client, placed, tmp_path):
    picture = saved(client, placed, "picture", tmp_path)
    downloaded = saved(client, placed, "world", tmp_path).read_text()
    written, _ = write_world_file(control_points(placed, list(placed.points.order_by("number"))), picture)
    assert written.read_text() == downloaded
