"""Imports: from an uploaded file to a ready source, or to a failed one that says why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import shapely
from django.conf import settings as django_settings
from django.core.files.uploadedfile import SimpleUploadedFile

from annotation.common.services import jobs
from annotation.review.models import QueueItem
from annotation.sources.models import Footprint, Imagery, MapFeature, MapObject, MapSnapshot
from annotation.sources.services.files import region_folder, source_folder
from annotation.sources.services.regions import delete_region
from annotation.tiles.models import TilePair
from tests import factories
from tests.factories_anchors import AnchorFactory
from tests.factories_changes import ChangeFactory, ModelVersionFactory, ScanFactory, save_decision
from tests.files import ready_imagery, ready_snapshot, write_geotiff, write_osm

pytestmark = pytest.mark.django_db
RIGHTS = {"licence": "CC0-1.0", "attribution": "A test"}


@pytest.fixture(autouse=True)
def media(settings: Any, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path / "media"
    return settings.MEDIA_ROOT


@pytest.fixture
def editor() -> Any:
    return factories.UserFactory(role="editor")


@pytest.fixture
def region(editor: Any) -> Any:
    return factories.RegionFactory(members=[editor], zoom=None, area=None)


def post(client: Any, region: Any, kind: str, name: str, content: bytes, **fields: Any) -> Any:
    file = SimpleUploadedFile(name, content)
    return client.post(f"/api/regions/{region.pk}/{kind}/", {"file": file, **RIGHTS, **fields}, format="multipart")


def imported(answer: Any) -> Any:
    """Run the job that an upload answered with; the source as the API shows it then."""
    from annotation.common.models import Job

    jobs.run_now(Job.objects.get(pk=answer.json()["job"]))
    model = Imagery if "captured_on" in answer.json() else MapSnapshot
    return model.objects.select_related("job").get(pk=answer.json()["id"])


def test_an_uploaded_image_becomes_a_cog_and_gives_its_region_a_grid(client_of, editor, region, tmp_path):
    content = write_geotiff(tmp_path / "a.tif").read_bytes()
    answer = post(client_of(editor), region, "imagery", "a.tif", content, captured_on="2024-02-03")
    assert answer.status_code == 202 and answer.json()["state"] == "pending" and answer.json()["reused"] is False
    imagery = imported(answer)
    region.refresh_from_db()
    assert (imagery.state, imagery.width, imagery.height, str(imagery.captured_on)) == ("ready", 512, 512, "2024-02-03")
    assert region.zoom == 19 and region.area.intersects(factories.tile_area())
    assert [path.name for path in source_folder(imagery).iterdir()] == [Path(imagery.cog_path).name]


def test_a_map_keeps_ids_versions_times_tags_and_nodes(region, tmp_path):
    snapshot = ready_snapshot(region, tmp_path, tags={"name": "Hall"})
    building = Footprint.objects.get(snapshot=snapshot)
    assert (building.key, building.version) == ("way/10", 4)
    assert building.edited_at.isoformat() == "2020-05-06T07:08:09+00:00"
    assert building.tags == {"building": "yes", "name": "Hall"}
    assert [node[0] for node in building.nodes] == [1, 2, 3, 4, 1] and building.nodes[0][1] == 2
    assert MapFeature.objects.get(snapshot=snapshot).kind == "road"
    assert snapshot.counts == {"building": 1, "road": 1}
    assert snapshot.taken_at.year == 2020


def test_an_import_that_runs_twice_leaves_one_map(region, tmp_path):
    snapshot = ready_snapshot(region, tmp_path)
    MapSnapshot.objects.filter(pk=snapshot.pk).update(state="pending")
    type(snapshot.job).objects.filter(pk=snapshot.job_id).update(state="queued")
    jobs.run_now(snapshot.job)
    assert Footprint.objects.count() == 1 and MapFeature.objects.count() == 1


def test_the_same_file_again_is_reused_and_another_area_is_not(client_of, editor, region, tmp_path):
    client, content = client_of(editor), write_osm(tmp_path / "m.osm").read_bytes()
    first = post(client, region, "snapshots", "m.osm", content)
    again = post(client, region, "snapshots", "renamed.osm", content)
    assert (again.status_code, again.json()["id"], again.json()["reused"]) == (200, first.json()["id"], True)
    area = SimpleUploadedFile("area.geojson", factories.tile_area().geojson.encode())
    other = post(client, region, "snapshots", "m.osm", content, area=area)
    assert other.status_code == 202 and other.json()["coverage"]["type"] == "MultiPolygon"


@pytest.mark.parametrize(
    ("kind", "name", "content"),
    [
        ("imagery", "vrt.tif", b'<VRTDataset rasterXSize="1" rasterYSize="1"><SRS>EPSG:3857</SRS></VRTDataset>'),
        ("imagery", "empty.tif", b"II*\x00"),
        ("snapshots", "xxe.osm", b'<?xml version="1.0"?><!DOCTYPE o [<!ENTITY e SYSTEM "file:///etc/passwd">]><osm>&e;</osm>'),
        ("snapshots", "cut.osm.pbf", b"\x00\x00\x00\x0d\x0a\x09OSMHeader\x18"),
        ("snapshots", "random.osm.pbf", bytes(range(256)) * 8),
        ("snapshots", "id.osm", b'<osm version="0.6"><node id="1180591620717411303424" lat="1" lon="1"/></osm>'),
        ("snapshots", "lat.osm", b'<osm version="0.6"><node id="1" lat="999" lon="1"/></osm>'),
        ("snapshots", "deep.geojson", b'{"a":' * 50_000),
        ("snapshots", "inf.geojson", b'{"type":"FeatureCollection","features":[{"type":"Feature","properties":{},'
         b'"geometry":{"type":"Point","coordinates":[1e400,0]}}]}'),
    ],
)  # fmt: skip
def test_a_bad_file_ends_as_a_failed_source_that_says_why(client_of, editor, region, kind, name, content):
    client = client_of(editor)
    answer = post(client, region, kind, name, content)
    assert answer.status_code == 202
    source = imported(answer)
    assert source.state == "failed"
    shown = client.get(f"/api/{kind}/{source.pk}/").json()
    assert shown["error"]["code"] == "invalid_input" and len(shown["error"]["detail"]) > 20
    assert not source_folder(source).exists()


def test_a_failed_file_may_be_sent_again(client_of, editor, region):
    client = client_of(editor)
    first = imported(post(client, region, "snapshots", "bad.osm", b"<osm"))
    second = post(client, region, "snapshots", "bad.osm", b"<osm")
    assert second.status_code == 202 and second.json()["id"] != first.pk


def test_a_name_that_climbs_out_of_its_folder_is_only_a_name(client_of, editor, region, media, tmp_path):
    content = write_geotiff(tmp_path / "a.tif").read_bytes()
    body = (
        b'--B\r\nContent-Disposition: form-data; name="licence"\r\n\r\nx\r\n'
        b'--B\r\nContent-Disposition: form-data; name="attribution"\r\n\r\nx\r\n'
        b'--B\r\nContent-Disposition: form-data; name="file"; filename="../../../../tmp/\x07evil.tif"\r\n\r\n'
        + content
        + b"\r\n--B--\r\n"
    )
    url = f"/api/regions/{region.pk}/imagery/"
    answer = client_of(editor).generic("POST", url, body, content_type="multipart/form-data; boundary=B")
    assert answer.status_code == 202 and answer.json()["original_name"] == "evil.tif"
    stored = [path for path in media.rglob("*") if path.is_file()]
    assert [path.name for path in stored] == ["upload.tif"]


@pytest.mark.parametrize("name", ["notes.txt", "picture.mrf", "noending"])
def test_a_file_of_another_kind_is_refused_at_once(client_of, editor, region, name):
    answer = post(client_of(editor), region, "imagery", name, b"x")
    assert answer.status_code == 400 and ".tif" in answer.json()["detail"]
    assert not Imagery.objects.exists()


def test_an_upload_over_the_limit_is_refused_before_it_is_read(client_of, editor, region, settings):
    settings.MAX_UPLOAD_BYTES = 1000
    answer = post(client_of(editor), region, "imagery", "big.tif", b"0" * (2 * 2**20))
    assert answer.status_code == 413 and answer.json()["code"] == "too_large"


@pytest.mark.parametrize("missing", ["file", "licence", "attribution"])
def test_file_licence_and_attribution_are_asked_for(client_of, editor, region, missing):
    fields: dict[str, Any] = {"file": SimpleUploadedFile("a.tif", b"x"), **RIGHTS}
    del fields[missing]
    answer = client_of(editor).post(f"/api/regions/{region.pk}/imagery/", fields, format="multipart")
    assert answer.status_code == 400 and missing in answer.json()["fields"]


def test_a_day_in_the_future_is_no_day_of_a_flight(client_of, editor, region):
    answer = post(client_of(editor), region, "imagery", "a.tif", b"x", captured_on="2999-01-01")
    assert answer.status_code == 400 and "captured_on" in answer.json()["fields"]


@pytest.mark.parametrize(
    "area", [b"{", b"[]", b'{"type":"Point","coordinates":[0,0]}', b'{"a":' * 50_000,
             b'{"type":"Polygon","coordinates":[[[1e400,0],[1,0],[1,1],[1e400,0]]]}',
             b'{"type":"Polygon","coordinates":[[[179,0],[-179,0],[-179,1],[179,0]]]}'],
)  # fmt: skip
def test_a_bad_area_is_refused_at_once(client_of, editor, region, area):
    answer = post(client_of(editor), region, "snapshots", "m.osm", b"<osm/>", area=SimpleUploadedFile("a.json", area))
    assert answer.status_code == 400, answer.content
    assert not MapSnapshot.objects.exists()


def test_a_source_goes_with_all_that_nobody_answered(client_of, editor, region, tmp_path):
    imagery, wrong = ready_imagery(region, tmp_path), ready_snapshot(region, tmp_path)
    pair = factories.PairFactory(region=region, imagery=imagery, snapshot=wrong)
    AnchorFactory(pair=pair)
    scan = ScanFactory(model=ModelVersionFactory(region=region), imagery=imagery, snapshot=wrong)
    assert scan.model.run.data_set.snapshot != wrong
    house = factories.FootprintFactory(snapshot=wrong)
    change = ChangeFactory(scan=scan, kind="remove", footprint=house)
    kept = factories.FootprintFactory(snapshot=factories.SnapshotFactory(region=region))
    client = client_of(editor)
    assert client.delete(f"/api/snapshots/{wrong.pk}/").status_code == 204
    assert not QueueItem.objects.filter(pk=change.item_id).exists()
    assert list(MapObject.objects.filter(region=region)) == [kept.object]
    assert not source_folder(wrong).exists() and source_folder(imagery).exists()
    assert not TilePair.objects.filter(imagery=imagery).exists()


def test_a_source_that_people_answered_about_or_a_model_learnt_from_stays(client_of, editor, region, tmp_path):
    imagery, snapshot = ready_imagery(region, tmp_path), ready_snapshot(region, tmp_path)
    client = client_of(editor)
    model = ModelVersionFactory(region=region)
    assert "a model learnt" in client.delete(f"/api/snapshots/{model.run.data_set.snapshot_id}/").json()["detail"]
    factories.PairFactory(region=region, imagery=imagery, snapshot=snapshot)
    save_decision(editor, ChangeFactory(scan=ScanFactory(model=model, imagery=imagery, snapshot=snapshot)))
    for source in (f"snapshots/{snapshot.pk}", f"imagery/{imagery.pk}"):
        told = client.delete(f"/api/{source}/").json()
        assert told["code"] == "in_use" and "people answered" in told["detail"]
    assert source_folder(snapshot).exists()


def test_a_source_is_not_taken_from_under_a_job_at_work(client_of, editor, region, tmp_path):
    snapshot = ready_snapshot(region, tmp_path)
    factories.JobFactory(scope_id=region.pk, state="running")
    assert "at work" in client_of(editor).delete(f"/api/snapshots/{snapshot.pk}/").json()["detail"]
    assert MapSnapshot.objects.filter(pk=snapshot.pk).exists()


def test_a_region_goes_with_all_that_was_made_of_it(region, tmp_path):
    snapshot = ready_snapshot(region, tmp_path)
    waiting = jobs.enqueue(kind="tiles.build_pairs", params={}, scope_id=region.pk, created_by=None)
    folder = region_folder(region.pk)
    assert folder.is_dir() and django_settings.MEDIA_ROOT in folder.parents
    delete_region(user=None, region=region)
    assert not folder.exists()
    assert not Footprint.objects.exists() and not MapSnapshot.objects.filter(pk=snapshot.pk).exists()
    assert not type(waiting).objects.filter(scope_id=region.pk).exists()


def test_listing_sources_takes_the_same_few_queries_for_one_as_for_many(
    client_of, editor, region, django_assert_max_num_queries
):
    for _ in range(12):
        factories.ImageryFactory(region=region, job=factories.JobFactory())
    client = client_of(editor)
    with django_assert_max_num_queries(5):
        assert len(client.get(f"/api/regions/{region.pk}/imagery/").json()["results"]) == 12


def test_a_map_beside_the_image_is_said_on_import_and_the_other_way_round(client_of, editor, region, tmp_path):
    ready_imagery(region, tmp_path)
    elsewhere = json.dumps(collection(shapely.box(10, 10, 10.001, 10.001))).encode()
    snapshot = imported(post(client_of(editor), region, "snapshots", "far.geojson", elsewhere))
    assert snapshot.state == "ready" and "do not touch" in snapshot.warnings[0]
    other = factories.RegionFactory(members=[editor], zoom=None, area=None)
    imported(post(client_of(editor), other, "snapshots", "far.geojson", elsewhere))
    image = write_geotiff(tmp_path / "b.tif").read_bytes()
    assert any(
        "do not touch" in note for note in imported(post(client_of(editor), other, "imagery", "b.tif", image)).warnings
    )


def test_objects_that_can_not_leave_as_osmchange_are_counted_on_import(client_of, editor, region):
    body = json.dumps(collection(shapely.box(10, 10, 10.001, 10.001), shapely.box(11, 10, 11.001, 10.001))).encode()
    snapshot = imported(post(client_of(editor), region, "snapshots", "a.geojson", body))
    assert any(note.startswith("2 of 2 buildings come without OSM ids") for note in snapshot.warnings)
    assert snapshot.job.message == "2 features of the map are stored"


def test_errors_of_an_import_name_the_persons_own_file(client_of, editor, region):
    failed = imported(post(client_of(editor), region, "snapshots", "our town.geojson", b'{"type": "FeatureCollection"'))
    assert failed.state == "failed"
    assert "our town.geojson" in failed.job.error_detail and "upload" not in failed.job.error_detail


def collection(*shapes):
    return {
        "type": "FeatureCollection",
        "features": [
            {"type": "Feature", "geometry": one.__geo_interface__, "properties": {"building": "yes"}} for one in shapes
        ],
    }
