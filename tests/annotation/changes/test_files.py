"""Suspected changes as files: read back by the tools they are for."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pytest
from django.contrib.gis.geos import Polygon
from PIL import Image, ImageDraw

from annotation.changes.models import Change
from annotation.common import geopackage
from annotation.sources.models import Imagery
from annotation.tiles.models import Tile
from tests.factories import ORIGIN, UserFactory, square
from tests.factories_changes import ChangeFactory, ScanFactory, save_decision

pytestmark = pytest.mark.django_db


@pytest.fixture
def scan():
    scan = ScanFactory()
    scan.region.open_to_all = True
    scan.region.save()
    return scan


@pytest.fixture
def client(client_of):
    return client_of(UserFactory(role="reviewer"))


def fetched(client, scan, form: str, **query) -> bytes:
    reply = client.get(f"/api/regions/{scan.region_id}/changes.{form}", query)
    assert reply.status_code == 200, reply.content
    return b"".join(reply.streaming_content)


def rows_of(client, scan, **query) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(fetched(client, scan, "csv", **query).decode())))


def with_courtyard() -> Polygon:
    whole, hole = square(side=0.4), square(side=0.2)
    return Polygon(whole.coords[0], hole.coords[0], srid=4326)


def test_csv_tells_where_a_change_is_and_what_was_said_of_it(client, scan):
    kept, removal = ChangeFactory(scan=scan), ChangeFactory(scan=scan, kind="remove")
    save_decision(UserFactory(role="reviewer"), removal, "reject")
    first, second = rows_of(client, scan)
    assert (first["change"], first["kind"], first["state"], first["verdict"]) == (str(kept.pk), "add", "open", "")
    middle = kept.geometry.envelope.centroid
    assert (float(first["lon"]), float(first["lat"])) == pytest.approx((middle.x, middle.y), abs=1e-7)
    assert (float(first["confidence"]), float(first["area_m2"])) == (0.8, 120)
    assert (second["verdict"], second["osm"], second["imagery_licence"], second["map_licence"]) == (
        "reject", removal.footprint.key, "CC-BY-4.0", "ODbL-1.0",
    )  # fmt: skip
    assert [row["change"] for row in rows_of(client, scan, decision="reject")] == [str(removal.pk)]


def test_a_name_that_is_a_formula_stays_text_in_a_spreadsheet(client, scan):
    ChangeFactory(scan=scan)
    Imagery.objects.filter(pk=scan.imagery_id).update(original_name='=HYPERLINK("http://evil.example")')
    assert rows_of(client, scan)[0]["imagery"].startswith("'=HYPERLINK")


def test_what_a_newer_scan_replaced_is_left_out_unless_asked_for(client, scan):
    gone = ChangeFactory(scan=scan)
    gone.item.state = "withdrawn"
    gone.item.save()
    assert rows_of(client, scan) == []
    assert len(rows_of(client, scan, state="withdrawn")) == 1


def test_a_filter_that_does_not_exist_as_asked_is_refused(client, scan):
    for form in ("csv", "gpkg", "coco.json"):
        assert client.get(f"/api/regions/{scan.region_id}/changes.{form}", {"kind": "paint"}).status_code == 400


def test_ogr2ogr_reads_the_geopackage_with_every_column_and_shape(client, scan, tmp_path: Path):
    if shutil.which("ogr2ogr") is None:
        pytest.skip("no ogr2ogr: apt-get install gdal-bin")
    plain, yard = ChangeFactory(scan=scan), ChangeFactory(scan=scan, geometry=with_courtyard())
    save_decision(UserFactory(role="reviewer"), yard)
    yard.item.refresh_from_db()
    path, out = tmp_path / "changes.gpkg", tmp_path / "out.geojson"
    path.write_bytes(fetched(client, scan, "gpkg"))
    command = ["ogr2ogr", "-f", "GeoJSON", "-lco", "COORDINATE_PRECISION=15", str(out), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    one, other = json.loads(out.read_text())["features"]
    assert one["properties"]["change"] == plain.pk and one["properties"]["captured_on"] in ("2024/03/01", "2024-03-01")
    assert Polygon(*one["geometry"]["coordinates"], srid=4326).equals_exact(plain.geometry, 1e-12)
    assert len(other["geometry"]["coordinates"]) == 2
    told = other["properties"]
    assert (told["verdict"], told["map_licence"]) == ("accept", "ODbL-1.0")
    assert told["decided_at"].replace("/", "-").startswith(yard.item.decided_at.strftime("%Y-%m-%d"))
    told = subprocess.run(["ogrinfo", "-so", str(path), "changes"], capture_output=True, text=True, check=False)
    assert "warning" not in (told.stdout + told.stderr).lower() and "WGS 84" in told.stdout


def test_an_empty_geopackage_still_opens(client, scan, tmp_path: Path):
    if shutil.which("ogrinfo") is None:
        pytest.skip("no ogrinfo: apt-get install gdal-bin")
    path = tmp_path / "changes.gpkg"
    path.write_bytes(fetched(client, scan, "gpkg"))
    told = subprocess.run(["ogrinfo", "-so", str(path), "changes"], capture_output=True, text=True, check=True)
    assert "Feature Count: 0" in told.stdout


def test_f6_a_full_disk_ends_a_geopackage_with_a_word_and_leaves_nothing(client, scan, monkeypatch, tmp_path: Path):
    for _ in range(40):
        ChangeFactory(scan=scan)
    monkeypatch.setattr(geopackage, "TABLES", f"{geopackage.TABLES} PRAGMA max_page_count = 1;")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    reply = client.get(f"/api/regions/{scan.region_id}/changes.gpkg")
    assert (reply.status_code, reply.json()["code"]) == (507, "disk_full")
    assert list(tmp_path.iterdir()) == []


def mask_of(segmentation, size: int = 256) -> np.ndarray:
    """As pycocotools reads it: rings are drawn together, runs go down the columns and begin with what is empty."""
    if isinstance(segmentation, list):
        picture = Image.new("1", (size, size))
        for ring in segmentation:
            ImageDraw.Draw(picture).polygon(ring, fill=1)
        return np.asarray(picture)
    height, width = segmentation["size"]
    values = np.arange(len(segmentation["counts"])) % 2
    return np.repeat(values, segmentation["counts"]).reshape(width, height).T.astype(bool)


def test_coco_has_pixels_of_the_tile_licences_and_courtyards(client, scan):
    Tile.objects.filter(pairs__imagery=scan.imagery).update(x=ORIGIN.x)
    plain = ChangeFactory(scan=scan, geometry=square(0.5, 0.5, 0.2))
    yard = ChangeFactory(scan=scan, geometry=with_courtyard(), kind="remove")
    over_the_edge = ChangeFactory(scan=scan, geometry=square(0.0, 0.5, 0.2))
    Change.objects.filter(pk=over_the_edge.pk).update(confidence=0.3)
    told = json.loads(fetched(client, scan, "coco.json"))
    assert [one["name"] for one in told["licenses"]] == ["CC-BY-4.0"]
    (image,) = told["images"]
    assert (image["width"], image["height"], image["license"]) == (256, 256, 1)
    first, second, third = told["annotations"]
    assert [one["id"] for one in told["annotations"]] == [1, 2, 3]
    assert {one["image_id"] for one in told["annotations"]} == {image["id"]}
    assert first["bbox"] == pytest.approx([102.4, 102.4, 51.2, 51.2], abs=0.05) and first["change"] == plain.pk
    assert first["area"] == pytest.approx(51.2**2, rel=1e-3)
    names = {one["id"]: one["name"] for one in told["categories"]}
    assert (names[second["category_id"]], second["change"]) == ("remove", yard.pk)
    mask = mask_of(second["segmentation"])
    assert not mask[128, 128] and mask[90, 90] and mask[128, 90] and not mask[20, 20]
    assert mask.sum() == pytest.approx(second["area"], rel=0.03)
    assert third["bbox"] == pytest.approx([0, 102.4, 25.6, 51.2], abs=0.05) and third["score"] == 0.3
