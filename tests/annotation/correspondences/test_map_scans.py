"""Map scans: a picture comes in over HTTP, a job finds it in the imagery, pairs and control points go out."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from annotation.common.models import JobState
from annotation.common.services import jobs
from annotation.correspondences.models import MapScan
from annotation.correspondences.services.map_scans import scan_folder
from mlcore.correspondences.exchange import ControlPoints, qgis_text, read_qgis_points
from mlcore.correspondences.hybrid.apart import prepared_apart
from mlcore.errors import InvalidInputError
from mlcore.evaluation.readers.mapdata import read_mapdata
from mlcore.progress import SilentProgress
from tests.annotation.correspondences.conftest import STEP_M
from tests.factories import RegionFactory
from tests.factories_correspondences import MapScanFactory
from tests.mlcore.correspondences.hybrid.made import (
    NORTH,
    WEST,
    ground,
    moved,
    scan,
    scan_matrix,
    write_png,
)

pytestmark = pytest.mark.django_db


def sent(client, region, content: bytes, name: str = "sheet.png", **fields):
    data = {"file": SimpleUploadedFile(name, content), "licence": "ODbL-1.0", "attribution": "Survey", **fields}
    return client.post(reverse("api-map-scans", args=[region.pk]), data, format="multipart")


def points_of_a_person() -> bytes:
    image_xy = np.array([[100, 100], [900, 120], [880, 700], [120, 720.0]])
    return qgis_text(ControlPoints.of(image_xy, moved(scan_matrix(), image_xy) * [1, -1])).encode()


def test_a_scan_becomes_pairs_and_gets_a_place(client_of, person, region, tmp_path):
    client = client_of(person)
    sheet = write_png(tmp_path / "sheet.png", scan(ground(), scan_matrix())).read_bytes()
    points = SimpleUploadedFile("sheet.points", points_of_a_person())
    reply = sent(client, region, sheet, points=points, windows=6)
    assert reply.status_code == 202, reply.content
    row = MapScan.objects.get()
    assert reply.json()["job"]["kind"] == "correspondences.build_pairs" and row.options == {"windows": 6}
    address = reverse("api-map-scan-pairs", args=[row.pk])
    assert client.get(address).json()["code"] == "no_scan_pairs"

    done = jobs.run_now(row.job)

    assert done.state == JobState.SUCCEEDED, done.error_detail
    shown = client.get(reverse("api-map-scan", args=[row.pk])).json()
    assert shown["made"]["pairs"] == done.result["pairs"] >= 2
    assert shown["made"]["map"]["name"] == "sheet.png" and shown["made"]["image"]["licence"] == "CC-BY-4.0"
    with zipfile.ZipFile(io.BytesIO(client.get(address).getvalue())) as file:
        file.extractall(tmp_path / "set")
    assert len(list(read_mapdata(tmp_path / "set"))) == done.result["pairs"]
    placed = read_qgis_points(tmp_path / "set" / "sheet.png.points")
    true = [WEST, NORTH] + moved(np.linalg.inv(scan_matrix()), placed.image_xy) * [STEP_M, -STEP_M]
    assert np.linalg.norm(placed.map_xy - true, axis=1).max() < 2 * STEP_M
    folder = scan_folder(row)
    assert client.delete(reverse("api-map-scan", args=[row.pk])).status_code == 204
    assert not folder.exists() and not MapScan.objects.exists()


def test_what_is_no_picture_fails_with_its_own_name(client_of, person, region):
    client = client_of(person)
    assert sent(client, region, b"x", name="sheet.pdf").status_code == 400
    assert sent(client, region, b"not a picture at all").status_code == 202
    done = jobs.run_now(MapScan.objects.get().job)
    assert (done.state, done.error_code) == (JobState.FAILED, "invalid_input")
    assert "sheet.png" in done.error_detail and "upload.png" not in done.error_detail


def test_a_region_without_imagery_takes_no_scan(client_of, person):
    bare = RegionFactory(members=[person])
    reply = sent(client_of(person), bare, b"x")
    assert (reply.status_code, reply.json()["code"]) == (400, "no_sources") and not MapScan.objects.exists()


@pytest.mark.parametrize("number", [1, 5])
def test_a_list_takes_as_many_queries_however_long_it_is(client_of, person, number, django_assert_max_num_queries):
    region = RegionFactory(members=[person])
    MapScanFactory.create_batch(number, region=region)
    client = client_of(person)
    with django_assert_max_num_queries(5):
        assert len(client.get(reverse("api-map-scans", args=[region.pk])).json()["results"]) == number


def test_a_picture_is_copied_in_another_process_that_leaves_nothing_of_a_broken_one(tmp_path):
    picture = write_png(tmp_path / "a.png", ground()[:80, :120])
    prepared_apart(picture, tmp_path / "copy.tif", SilentProgress())
    assert (tmp_path / "copy.tif").is_file()
    (tmp_path / "b.png").write_bytes(picture.read_bytes()[:-400])
    with pytest.raises(InvalidInputError, match=r"mine\.png"):
        prepared_apart(tmp_path / "b.png", tmp_path / "other.tif", SilentProgress(), "mine.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.png", "copy.tif"]
