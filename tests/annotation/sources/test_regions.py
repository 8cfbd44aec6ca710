"""Regions: who sees them, how they change, and the commands that make them."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from annotation.review.models import AuditEntry, QueueItem
from annotation.sources.engine import grid_zoom
from annotation.sources.models import Imagery, MapSnapshot, Region
from tests import factories
from tests.files import write_geotiff, write_osm

pytestmark = pytest.mark.django_db


def test_an_admin_makes_changes_and_removes_a_region(client_of):
    client = client_of(factories.UserFactory(role="admin"))
    area = json.loads(factories.tile_area().geojson)
    made = client.post("/api/regions/", {"name": "Town", "area": area, "zoom": 19}, format="json")
    assert made.status_code == 201 and made.json()["area"]["type"] == "MultiPolygon"
    address = f"/api/regions/{made.json()['id']}/"
    assert client.patch(address, {"open_to_all": True}, format="json").json()["name"] == "Town"
    QueueItem.objects.create(stage="changes", scope_id=made.json()["id"])
    assert client.delete(address).status_code == 204
    assert not Region.objects.exists() and not QueueItem.objects.exists()
    actions = list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))
    assert actions == ["region.create", "region.update", "region.delete"]


def test_two_regions_do_not_share_a_name(client_of):
    client = client_of(factories.UserFactory(role="admin"))
    factories.RegionFactory(name="Town")
    answer = client.post("/api/regions/", {"name": "Town"}, format="json")
    assert answer.status_code == 409 and answer.json()["code"] == "name_taken"


def test_the_zoom_stays_once_there_are_tiles(client_of):
    tile = factories.TileFactory()
    client = client_of(factories.UserFactory(role="admin"))
    answer = client.patch(f"/api/regions/{tile.region_id}/", {"zoom": 18}, format="json")
    assert answer.status_code == 409 and answer.json()["code"] == "in_use"


def test_people_see_their_regions_and_the_open_ones(client_of):
    person = factories.UserFactory()
    mine, opened = factories.RegionFactory(members=[person]), factories.RegionFactory(open_to_all=True)
    factories.RegionFactory()
    rows = client_of(person).get("/api/regions/").json()["results"]
    assert {row["id"] for row in rows} == {mine.pk, opened.pk}


@pytest.mark.parametrize(
    "body",
    [
        b'{"name":' + b"[" * 100_000,
        b'{"name":"a\\u0000b"}',
        b'{"name":"x","zoom":1e400}',
        b'{"name":"x","zoom":99}',
        b"[",
    ],
)
def test_bad_json_is_a_bad_request(client_of, body):
    client = client_of(factories.UserFactory(role="admin"))
    assert client.generic("POST", "/api/regions/", body, content_type="application/json").status_code == 400


@pytest.mark.parametrize(
    ("resolution_m", "lat", "zoom"), [(0.13, 27.6, 19), (0.3, 0, 19), (0.3, 52, 18), (1.0, 40, 17), (0.5, 70, 17)]
)
def test_the_grid_follows_the_resolution_of_the_image(resolution_m, lat, zoom):
    assert grid_zoom(resolution_m, lat) == zoom


def test_the_commands_make_a_region_and_fill_it(settings, tmp_path: Path):
    settings.MEDIA_ROOT = tmp_path / "media"
    image, osm = write_geotiff(tmp_path / "i.tif"), write_osm(tmp_path / "m.osm")
    (tmp_path / "area.geojson").write_text(factories.tile_area().geojson)
    call_command("create_region", "Town", stdout=io.StringIO())
    rights = ["--licence", "CC0-1.0", "--attribution", "A test"]
    call_command("import_imagery", "Town", str(image), *rights, "--captured-on", "2024-01-02", stdout=io.StringIO())
    call_command("import_map", "Town", str(osm), "--area", str(tmp_path / "area.geojson"), stdout=io.StringIO())
    again = io.StringIO()
    call_command("import_map", "Town", str(osm), "--area", str(tmp_path / "area.geojson"), stdout=again)
    assert "already" in again.getvalue()
    assert Imagery.objects.get().state == MapSnapshot.objects.get().state == "ready"
    assert MapSnapshot.objects.get().coverage is not None
    assert image.exists() and osm.exists()


def test_a_command_that_can_not_import_says_why(settings, tmp_path: Path):
    settings.MEDIA_ROOT = tmp_path / "media"
    call_command("create_region", "Town", stdout=io.StringIO())
    (tmp_path / "bad.osm").write_text("<osm")
    with pytest.raises(CommandError, match="invalid_input"):
        call_command("import_map", "Town", str(tmp_path / "bad.osm"), stdout=io.StringIO())
    with pytest.raises(CommandError, match="no region"):
        call_command("import_map", "Elsewhere", str(tmp_path / "bad.osm"))
    with pytest.raises(CommandError, match="no file"):
        call_command("import_map", "Town", str(tmp_path / "missing.osm"))


def test_jobs_are_shown_to_the_people_of_their_region_only(client_of, django_assert_max_num_queries):
    person = factories.UserFactory()
    region = factories.RegionFactory(members=[person])
    jobs = [factories.JobFactory(scope_id=region.pk, created_by=person) for _ in range(8)]
    foreign = factories.JobFactory(scope_id=factories.RegionFactory().pk)
    client = client_of(person)
    with django_assert_max_num_queries(4):
        rows = client.get("/api/jobs/").json()["results"]
    assert {row["id"] for row in rows} == {str(job.pk) for job in jobs}
    assert client.get(f"/api/jobs/{foreign.pk}/").status_code == 404
    assert client.get("/api/jobs/", {"region": foreign.scope_id}).status_code == 404
    assert client.post(f"/api/jobs/{jobs[0].pk}/cancel/").json()["state"] == "cancelled"
    assert client.post(f"/api/jobs/{jobs[0].pk}/cancel/").status_code == 409
