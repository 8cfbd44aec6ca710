"""Landmarks by hand, by table and from the region's own map."""

from __future__ import annotations

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from annotation.common.models import Job, JobState
from annotation.common.services import jobs
from annotation.landmarks.models import Landmark
from annotation.review.models import AuditEntry
from annotation.sources.services.add_sources import add_snapshot
from annotation.sources.services.files import Upload
from tests.factories import ORIGIN, RegionFactory, UserFactory, tile_area
from tests.factories_landmarks import LandmarkFactory, LandmarkPhotoFactory, within

pytestmark = pytest.mark.django_db
TABLE = "/api/landmarks/import-csv/"


@pytest.fixture
def editor():
    return UserFactory(role="editor")


@pytest.fixture
def region(editor):
    return RegionFactory(members=[editor])


def send(client, region, content: str | bytes, name: str = "places.csv"):
    file = SimpleUploadedFile(name, content.encode() if isinstance(content, str) else content)
    return client.post(TABLE, {"region": region.pk, "file": file}, format="multipart")


def test_a_landmark_is_added_changed_and_removed(client_of, editor, region):
    client = client_of(editor)
    body = {"region": region.pk, "name": "Chandeshwari", "lon": 85.52, "lat": 27.63, "description": "a temple"}
    made = client.post("/api/landmarks/", body, format="json")
    assert made.status_code == 201 and (made.json()["source"], made.json()["photos"]) == ("hand", [])
    address = f"/api/landmarks/{made.json()['id']}/"
    changed = client.patch(address, {"lon": 85.6, "lat": 27.7}, format="json").json()
    assert (changed["lon"], changed["lat"], changed["name"]) == (85.6, 27.7, "Chandeshwari")
    assert [row["id"] for row in client.get("/api/landmarks/", {"name": "deshw"}).json()["results"]] == [changed["id"]]
    assert client.get("/api/landmarks/", {"bbox": "0,0,1,1"}).json()["results"] == []
    assert client.delete(address).status_code == 204 and client.get(address).status_code == 404
    acts = AuditEntry.objects.filter(object_kind="landmark").values_list("action", flat=True)
    assert set(acts) == {"landmark.add", "landmark.update", "landmark.delete"}


@pytest.mark.parametrize(
    "body",
    [
        {"name": ""}, {"name": "a\x00"}, {"lat": 95}, {"lon": 1e400}, {"lon": "east"}, {"lat": None},
        {"name": "x" * 201}, {"description": "x" * 2001}, {"region": 2**70},
    ],
)  # fmt: skip
def test_i7_what_can_not_be_a_landmark_is_refused(client_of, editor, region, body):
    whole = {"region": region.pk, "name": "Temple", "lon": 85.5, "lat": 27.6, **body}
    answer = client_of(editor).post("/api/landmarks/", json.dumps(whole), content_type="application/json")
    assert answer.status_code == 400 and not Landmark.objects.exists()


def test_a_table_comes_in_and_what_can_not_be_used_is_told(client_of, editor, region):
    text = (
        "\ufeffName;Latitude;Longitude;Description;ID\r\n"
        "Temple;27,63;85,52;red roof;t1\r\nNowhere;95;85;;t2\r\n;27;85;;t3\r\n\r\nTemple;27.6;85.5;;t1\r\n"
        "=HYPERLINK(1);27.61;85.51;<script>alert(1)</script>;t4\r\n"
    )
    done = send(client_of(editor), region, text).json()
    assert (done["added"], done["changed"], done["left_out"]) == (2, 0, 3)
    assert [one["line"] for one in done["skipped"]] == [3, 4, 6]
    assert Landmark.objects.get(key="t1").point.coords == (85.52, 27.63)
    again = send(client_of(editor), region, text.replace("red roof", "blue roof")).json()
    assert (again["added"], again["changed"]) == (0, 1)


def test_a_table_leaves_what_a_person_changed(client_of, editor, region):
    client = client_of(editor)
    send(client, region, "name,lat,lon,id\nTemple,27,85,1\n")
    row = Landmark.objects.get()
    client.patch(f"/api/landmarks/{row.pk}/", {"name": "Old temple"}, format="json")
    assert send(client, region, "name,lat,lon,id\nShrine,27,85,1\n").json()["changed"] == 0
    row.refresh_from_db()
    assert row.name == "Old temple"


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe\x00", b"name,lat,lon\nA\x00,1,2\n", b"PK\x03\x04\xff\xfe", b"title,where\nA,B\n",
        b'name,lat,lon\n"A', b"name,lat,lon\n" + b"A,1,2\n" * 20_001, b"a" * 200_000,
    ],
)  # fmt: skip
def test_what_is_no_table_is_refused_whole(client_of, editor, region, content):
    answer = send(client_of(editor), region, content)
    refused = answer.status_code == 400 and answer.json()["code"] == "unreadable_table"
    assert refused or answer.json()["left_out"] == 1  # an open quote is one broken line
    assert not Landmark.objects.exists()


OSM = """<?xml version="1.0" encoding="UTF-8"?><osm version="0.6" generator="test">
<node id="1" version="1" lon="{lon}" lat="{lat}"><tag k="name" v="{name}"/><tag k="tourism" v="viewpoint"/></node>
<node id="2" version="1" lon="{lon}" lat="{lat}"><tag k="historic" v="city_gate"/></node>
<node id="3" version="1" lon="10" lat="10"><tag k="name" v="Far away"/></node>
<node id="11" version="1" lon="{west}" lat="{north}"/><node id="12" version="1" lon="{lon}" lat="{north}"/>
<node id="13" version="1" lon="{lon}" lat="{lat}"/><node id="14" version="1" lon="{west}" lat="{lat}"/>
<way id="20" version="1"><nd ref="11"/><nd ref="12"/><nd ref="13"/><nd ref="14"/><nd ref="11"/>
<tag k="building" v="temple"/><tag k="name" v="Chandeshwari"/><tag k="wikidata" v="Q1"/></way>
<way id="21" version="1"><nd ref="11"/><nd ref="13"/><tag k="highway" v="primary"/><tag k="name" v="Main Road"/></way>
</osm>"""


def bring_map(region, tmp_path, **words) -> None:
    west, _, _, north = ORIGIN.bounds_lonlat
    point = within()
    path = tmp_path / "map.osm"
    values = {
        "lon": point.x,
        "lat": point.y,
        "west": west + 1e-5,
        "north": north - 1e-5,
        "name": "Gaukhureshwor",
        **words,
    }
    path.write_text(OSM.format(**values), encoding="utf-8")
    added = add_snapshot(user=None, region=region, file=Upload.from_path(path), licence="ODbL-1.0", attribution="OSM",
                         wake=False)  # fmt: skip
    assert jobs.run_now(added.source.job).state == JobState.SUCCEEDED


def from_map(client, region) -> dict:
    answer = client.post("/api/landmarks/from-map/", {"region": region.pk}, format="json")
    assert answer.status_code == 202
    job = jobs.run_now(Job.objects.get(pk=answer.json()["job"]["id"]))
    assert job.state == JobState.SUCCEEDED, job.error_detail
    return dict(job.result)


def test_the_map_names_landmarks_points_among_them_and_no_roads(client_of, editor, region, tmp_path):
    bring_map(region, tmp_path)
    assert from_map(client_of(editor), region)["added"] == 3
    found = {row.key: row for row in Landmark.objects.all()}
    assert {key: row.name for key, row in found.items()} == {
        "node/1": "Gaukhureshwor", "node/2": "city gate", "way/20": "Chandeshwari",
    }  # fmt: skip
    assert found["way/20"].tags == {"name": "Chandeshwari", "wikidata": "Q1"}
    assert found["way/20"].description == "temple" and tile_area().covers(found["way/20"].point)


def test_landmarks_follow_the_map_unless_a_person_changed_them(client_of, editor, region, tmp_path):
    client = client_of(editor)
    bring_map(region, tmp_path)
    from_map(client, region)
    gate, temple = Landmark.objects.get(key="node/2"), Landmark.objects.get(key="way/20")
    client.patch(f"/api/landmarks/{gate.pk}/", {"name": "East gate"}, format="json")
    gone = LandmarkFactory(region=region, source="map", key="node/99")
    kept = LandmarkFactory(region=region, source="map", key="node/98")
    LandmarkPhotoFactory(region=region, landmark=kept)
    bring_map(region, tmp_path, name="Gaukhureshwor Mahadev")
    done = from_map(client, region)
    assert (done["added"], done["changed"], done["removed"]) == (0, 1, 1)
    names = set(Landmark.objects.values_list("name", flat=True))
    assert names == {"Gaukhureshwor Mahadev", "East gate", temple.name, kept.name} and gone.name not in names


def test_without_a_map_it_is_said(client_of, editor, region):
    answer = client_of(editor).post("/api/landmarks/from-map/", {"region": region.pk}, format="json")
    assert answer.status_code == 400 and "map" in answer.json()["detail"]
