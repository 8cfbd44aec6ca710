"""Reference sets come in over HTTP, are prepared by a job, are seen by whom they are for, and go."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from annotation.common.models import Job, JobState
from annotation.common.services import jobs
from annotation.geolocation import engine
from annotation.geolocation.engine import tile_servers
from annotation.geolocation.models import ReferenceBase, ReferenceFile, ReferenceSet, ReferenceState
from annotation.review.models import AuditEntry
from tests.annotation.geolocation.tile_server import Said, png, tile_server
from tests.factories import ORIGIN, RegionFactory, UserFactory
from tests.factories_geolocation import (
    FeatureDatabaseFactory,
    PlacementCandidateFactory,
    ReferenceBaseFactory,
    ReferenceFileFactory,
    ReferenceSetFactory,
)
from tests.files import write_geotiff

pytestmark = pytest.mark.django_db
FILES = {"name": "City 2024", "kind": "files", "licence": "CC-BY-4.0", "attribution": "The city"}
SETS = "api-reference-sets"


@pytest.fixture
def admin():
    return UserFactory(role="admin")


@pytest.fixture
def client(client_of, admin):
    return client_of(admin)


@pytest.fixture(autouse=True)
def small(settings, monkeypatch):
    settings.REFERENCE_BASE_PX = 512
    settings.REFERENCE_TILES_PER_SECOND = 1000.0
    settings.REFERENCE_HOSTS = ["127.0.0.1"]
    monkeypatch.setattr(tile_servers, "WAIT_S", 0.01)


def created(client, **fields):
    reply = client.post(reverse(SETS), {**FILES, **fields}, format="json")
    assert reply.status_code == 201, reply.content
    return ReferenceSet.objects.get(pk=reply.json()["id"])


def uploaded(client, of_set, path: Path):
    file = SimpleUploadedFile(path.name, path.read_bytes())
    return client.post(reverse("api-reference-files", args=[of_set.pk]), {"file": file}, format="multipart")


def of_tiles(server, side: int = 3) -> dict:
    """Fields of a set of the tiles from ORIGIN on, at the zoom above."""
    west, _, _, north = ORIGIN.parent(1).bounds_lonlat
    first = ORIGIN.parent(1)
    _, south, east, _ = type(first)(first.z, first.x + side - 1, first.y + side - 1).bounds_lonlat
    inset = 1e-5
    ring = [[west + inset, south + inset], [east - inset, south + inset], [east - inset, north - inset],
            [west + inset, north - inset], [west + inset, south + inset]]  # fmt: skip
    area = {"type": "Polygon", "coordinates": [ring]}
    return {"kind": "tiles", "url_template": server.template, "zoom": first.z, "area": area}


def test_an_uploaded_file_is_read_cut_and_told(client, tmp_path):
    of_set = created(client)
    assert of_set.state == ReferenceState.REGISTERED
    reply = uploaded(client, of_set, write_geotiff(tmp_path / "city.tif", 4, 4))
    assert reply.status_code == 202 and not reply.json()["ready"]
    of_set.refresh_from_db()
    done = jobs.run_now(of_set.job)
    assert done.state == JobState.SUCCEEDED, done.error_detail
    shown = client.get(reverse("api-reference-set", args=[of_set.pk])).json()
    assert shown["state"] == "ready" and shown["files"][0]["ready"] and shown["base_count"] == done.result["bases"] > 1
    assert shown["counts"] == {"waiting": shown["base_count"]}
    west, south, east, north = shown["bounds"]
    lon, lat = ((a + b) / 2 for a, b in zip(ORIGIN.bounds_lonlat[:2], ORIGIN.bounds_lonlat[2:], strict=True))
    assert west < lon < east and south < lat < north
    base = client.get(reverse("api-reference-bases", args=[of_set.pk])).json()["results"][0]
    assert base["name"].startswith(f"{of_set.pk}/f") and base["original_name"] == "city.tif"
    row = ReferenceBase.objects.get(pk=base["id"])
    rgb, valid = engine.RowBases().read(engine.base_of(row))
    assert rgb.shape == (512, 512, 3) and valid.any() and rgb[valid].std() > 5


def test_the_same_file_comes_once_and_one_that_is_none_says_so_beside_the_others(client, tmp_path):
    of_set = created(client)
    good, bad = write_geotiff(tmp_path / "a.tif"), tmp_path / "b.tif"
    bad.write_bytes(b"II*\x00 no picture at all")
    assert uploaded(client, of_set, good).json()["id"] == uploaded(client, of_set, good).json()["id"]
    uploaded(client, of_set, bad)
    assert Job.objects.filter(kind="geolocation.prepare").count() == 1  # one job takes what came meanwhile
    of_set.refresh_from_db()
    assert jobs.run_now(of_set.job).state == JobState.SUCCEEDED
    files = client.get(reverse("api-reference-set", args=[of_set.pk])).json()["files"]
    assert [(one["ready"], "b.tif" in one["error"]) for one in files] == [(True, False), (False, True)]
    again = client.post(reverse("api-reference-prepare", args=[of_set.pk]))
    assert again.status_code == 202 and again.json()["job"]["state"] == "queued"
    assert client.post(reverse("api-reference-prepare", args=[of_set.pk])).json()["code"] == "nothing_to_prepare"
    assert uploaded(client, of_set, tmp_path / "a.tif").status_code == 202
    (tmp_path / "c.png").write_bytes(b"x")
    assert uploaded(client, of_set, tmp_path / "c.png").status_code == 400


def test_a_set_none_of_whose_files_can_be_read_is_not_ready(client, tmp_path):
    (tmp_path / "b.tif").write_bytes(b"no picture at all")
    of_set = created(client)
    uploaded(client, of_set, tmp_path / "b.tif")
    of_set.refresh_from_db()
    jobs.run_now(of_set.job)
    of_set.refresh_from_db()
    assert of_set.state == ReferenceState.FAILED and "see why beside each" in of_set.error


def test_files_of_the_server_are_named_below_their_folder_alone(client, tmp_path, settings):
    folder = tmp_path / "reference"
    (folder / "sub").mkdir(parents=True)
    write_geotiff(folder / "sub" / "city.tif")
    write_geotiff(tmp_path / "secret.tif", seed=2)
    (folder / "link.tif").symlink_to(tmp_path / "secret.tif")
    asked = {**FILES, "server_files": ["sub"]}
    assert client.post(reverse(SETS), asked, format="json").json()["code"] == "no_reference_folder"
    settings.REFERENCE_FOLDER = str(folder)
    for path in ("../secret.tif", str(tmp_path / "secret.tif"), "link.tif", "missing.tif", "a\0b", "../reference-2"):
        reply = client.post(reverse(SETS), {**FILES, "server_files": [path]}, format="json")
        assert reply.status_code == 400, path
    assert not ReferenceSet.objects.exists()
    of_set = created(client, server_files=["sub", "."])
    assert [file.server_path for file in of_set.files.all()] == ["sub/city.tif"]
    done = jobs.run_now(of_set.job)
    assert done.state == JobState.SUCCEEDED and done.result["bases"] >= 1, done.error_detail
    assert (folder / "sub" / "city.tif").is_file()


def test_tiles_of_a_server_become_bases(client):
    with tile_server(lambda tile, number: Said(png(tile))) as server:
        of_set = created(client, **of_tiles(server))
        assert of_set.resolution_m == pytest.approx(0.53, abs=0.05)
        done = jobs.run_now(of_set.job)
        assert done.state == JobState.SUCCEEDED, done.error_detail
        assert len(server.asked) == len(set(server.asked))  # of the tiles that bases share each is asked for once
    of_set.refresh_from_db()
    assert (of_set.state, of_set.base_count) == ("ready", done.result["bases"])
    assert not (engine.set_folder(of_set.pk) / "tiles").exists()
    for row in ReferenceBase.objects.filter(set=of_set):
        rgb, valid = engine.RowBases().read(engine.base_of(row))
        assert valid.all() and rgb.std() > 5


def test_a_preparation_that_failed_goes_on_where_it_was(client):
    down = [True]

    def answer(tile, number):
        return Said(status=403) if down[0] and number >= 4 else Said(png(tile))

    with tile_server(answer) as server:
        of_set = created(client, **of_tiles(server))
        failed = jobs.run_now(of_set.job)
        assert (failed.state, failed.error_code) == (JobState.FAILED, "tile_server")
        of_set.refresh_from_db()
        assert of_set.state == ReferenceState.FAILED and "answers 403" in of_set.error
        had, down[0] = set(server.asked[:4]), False
        assert client.post(reverse("api-reference-prepare", args=[of_set.pk])).status_code == 202
        of_set.refresh_from_db()
        assert jobs.run_now(of_set.job).state == JobState.SUCCEEDED
        assert not had & set(server.asked[5:])


def test_an_area_that_is_too_large_is_refused_with_its_number(client, settings):
    area = {"type": "Polygon", "coordinates": [[[0, 0], [40, 0], [40, 40], [0, 40], [0, 0]]]}
    wish = {**FILES, "kind": "tiles", "url_template": "https://t.example/{z}/{x}/{y}", "zoom": 18, "area": area}
    reply = client.post(reverse(SETS), wish, format="json")
    assert (reply.status_code, reply.json()["code"]) == (400, "too_many_tiles") and reply.json()["tiles"] > 10**8
    inner = {**wish, "url_template": "http://10.0.0.1/{z}/{x}/{y}"}
    assert client.post(reverse(SETS), inner, format="json").json()["code"] == "tile_address"
    assert client.post(reverse(SETS), {**wish, "zoom": None}, format="json").status_code == 400
    assert client.post(reverse(SETS), {**FILES, "kind": "region"}, format="json").status_code == 400


def test_a_name_is_taken_once(client):
    created(client)
    reply = client.post(reverse(SETS), FILES, format="json")
    assert (reply.status_code, reply.json()["code"]) == (409, "name_taken")


def test_who_sees_a_set_is_changed_by_admins_and_the_address_is_theirs(client, client_of):
    person = UserFactory()
    of_set = ReferenceSetFactory(of_tiles=True, url_template="https://t.example/{z}/{x}/{y}?key=secret")
    address = reverse("api-reference-set", args=[of_set.pk])
    assert client_of(person).get(address).status_code == 404
    reply = client.patch(address, {"viewers": [person.pk], "name": "Renamed"}, format="json")
    assert reply.status_code == 200 and reply.json()["viewers"] == [person.pk]
    seen = client_of(person).get(address)
    assert seen.json()["name"] == "Renamed" and "secret" not in seen.content.decode() and seen.json()["viewers"] == []
    assert client_of(person).patch(address, {"name": "Mine"}, format="json").status_code == 403
    assert AuditEntry.objects.filter(action="reference_set.update").count() == 1


def test_the_set_of_a_region_is_the_regions(client):
    of_set = ReferenceSetFactory(of_region=True)
    address = reverse("api-reference-set", args=[of_set.pk])
    assert client.get(address).json()["name"] == of_set.region.name
    for reply in (
        client.patch(address, {"name": "Mine"}, format="json"),
        client.delete(address),
        client.post(reverse("api-reference-prepare", args=[of_set.pk])),
    ):
        assert (reply.status_code, reply.json()["code"]) == (409, "set_of_region")
    of_set.region.delete()
    assert not ReferenceSet.objects.exists()


def test_a_set_goes_with_its_bases_and_files_but_not_with_what_was_found_on_it(client, tmp_path):
    of_set = created(client)
    uploaded(client, of_set, write_geotiff(tmp_path / "city.tif"))
    of_set.refresh_from_db()
    jobs.run_now(of_set.job)
    found = PlacementCandidateFactory(base=ReferenceBase.objects.first())
    folder = engine.set_folder(of_set.pk)
    database = FeatureDatabaseFactory(serving=True)
    assert folder.is_dir()
    with_commit = client.delete(reverse("api-reference-set", args=[of_set.pk]))
    assert with_commit.status_code == 204 and not ReferenceSet.objects.exists() and not ReferenceFile.objects.exists()
    found.refresh_from_db()
    database.refresh_from_db()
    assert found.base is None and database.stale_since is not None


@pytest.mark.django_db(transaction=True)
def test_the_files_of_a_set_leave_the_disk_with_it(client, tmp_path):
    of_set = created(client)
    uploaded(client, of_set, write_geotiff(tmp_path / "city.tif"))
    assert engine.set_folder(of_set.pk).is_dir()
    assert client.delete(reverse("api-reference-set", args=[of_set.pk])).status_code == 204
    assert not engine.set_folder(of_set.pk).exists()
    assert Job.objects.get().state == JobState.CANCELLED


@pytest.mark.parametrize("number", [1, 6])
def test_lists_take_as_many_queries_however_long_they_are(client_of, number, django_assert_max_num_queries):
    person = UserFactory()
    for _ in range(number):
        of_set = ReferenceSetFactory(of_region=True, region=RegionFactory(members=[person]))
        ReferenceBaseFactory.create_batch(number, set=of_set)
        ReferenceFileFactory(set=ReferenceSetFactory(open_to_all=True))
    client = client_of(person)
    with django_assert_max_num_queries(9):
        assert len(client.get(reverse(SETS)).json()["results"]) == 2 * number
    with django_assert_max_num_queries(8):
        page = client.get(reverse("api-reference-bases", args=[of_set.pk]), {"state": "waiting"})
        assert len(page.json()["results"]) == number


def test_a_base_whose_file_is_gone_says_so_and_stops_nothing():
    row = ReferenceBaseFactory(file=ReferenceFileFactory(cog_path="geolocation/sets/0/gone.tif"), width=64, height=64)
    rgb, valid = engine.RowBases().read(engine.base_of(row))
    assert not valid.any() and rgb.shape == (64, 64, 3)
    row.refresh_from_db()
    assert row.state == "failed" and row.error
    assert len(engine.RowBases()) == 0 and list(engine.RowBases()) == []
