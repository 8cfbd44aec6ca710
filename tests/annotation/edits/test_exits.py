"""Exits of a changeset beside osmChange: a JOSM file, a MapRoulette challenge, links that open without a session."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from django.core import signing
from rest_framework.test import APIClient

from annotation.consistency.models import TileScore
from annotation.edits.models import Changeset, EditItem
from annotation.edits.services import links
from mlcore.geometry.webmercator import tile_at
from tests.annotation.edits.extract import Extract
from tests.annotation.edits.josm_tool import MISSING, josm_is_here, loaded_by_josm
from tests.annotation.edits.osmium_tool import run_osmium
from tests.annotation.edits.town import box, differing, town_from
from tests.factories import RegionFactory, UserFactory
from tests.factories_changes import ChangeFactory, save_decision
from tests.files import ready_imagery

pytestmark = pytest.mark.django_db


@pytest.fixture
def town(made_osm):
    """Six decisions of every kind on the made extract."""
    town = town_from(made_osm)
    town.accept("add", box(20, 20))
    town.accept("modify", box(0, 0, 2, 3), key="way/11")
    town.accept("shifted", box(4.5, 4), key="way/17")
    town.accept("remove", key="way/16")
    town.accept("remove", key="way/13")
    town.accept("remove", key="relation/51")
    return town


def body(reply) -> str:
    assert reply.status_code == 200, reply.content
    return b"".join(reply.streaming_content).decode()


def fetched(client, changeset: Changeset, name: str, **query) -> str:
    return body(client.get(f"/api/changesets/{changeset.pk}/{name}", query))


def parsed(client, changeset: Changeset) -> ET.Element:
    return ET.fromstring(fetched(client, changeset, "edits.osm"))


def test_a_josm_file_marks_what_is_done_and_brings_the_nodes_along(town, client_of):
    changeset = town.changeset()
    root = parsed(client_of(town.user), changeset)
    assert root.attrib["upload"] == "false"
    assert {tag.get("k"): tag.get("v") for tag in root.find("changeset")} == changeset.tags
    assert "id" not in root.find("changeset").attrib
    elements = {f"{one.tag}/{one.get('id')}": one for one in root if one.tag != "changeset"}
    assert elements["way/-1"].get("action") == "modify" and "version" not in elements["way/-1"].attrib
    assert (elements["way/11"].get("action"), elements["way/11"].get("version")) == ("modify", "3")
    assert (elements["way/16"].get("action"), elements["way/16"].get("version")) == ("delete", "8")
    assert elements["way/13"].find("tag[@k='demolished:building']").get("v") == "retail"
    assert "action" not in elements["node/7"].attrib, "a node that stays is there for its way alone"
    for way in root.iter("way"):
        missing = [nd.get("ref") for nd in way.iter("nd") if f"node/{nd.get('ref')}" not in elements]
        assert missing == [], "JOSM draws no way with a missing node"
    kinds = [one.tag for one in root if one.tag != "changeset"]
    assert kinds == sorted(kinds, key=["node", "way", "relation"].index)


def test_osmium_and_ogr2ogr_read_the_josm_file(town, client_of, tmp_path: Path):
    path = tmp_path / "changeset.osm"
    path.write_text(fetched(client_of(town.user), town.changeset(), "edits.osm"), encoding="utf-8")
    run_osmium("fileinfo", "-e", str(path))
    assert Extract.read(path).tags("way/11") == {"building": "house", "note": "café <&>"}
    if shutil.which("ogr2ogr") is None:
        pytest.skip("no ogr2ogr: apt-get install gdal-bin")
    out = tmp_path / "out.geojson"
    command = ["ogr2ogr", "-f", "GeoJSON", str(out), str(path), "multipolygons"]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    told = [one["properties"] for one in json.loads(out.read_text())["features"]]
    assert {"11", "17"} <= {one.get("osm_way_id") for one in told}
    assert "51" in {one.get("osm_id") for one in told}  # with its member ways


def test_josm_draws_its_file_asks_before_it_uploads_and_fills_the_comment_in(town, client_of, tmp_path: Path):
    if not josm_is_here():
        pytest.skip(MISSING)
    changeset, client = town.changeset(), client_of(town.user)
    path, osc = tmp_path / "changeset.osm", tmp_path / "changeset.osc"
    path.write_text(fetched(client, changeset, "edits.osm"), encoding="utf-8")
    osc.write_text(fetched(client, changeset, "edits.osc"), encoding="utf-8")
    loaded = loaded_by_josm(path)
    assert (loaded.policy, loaded.tags) == ("DISCOURAGED", changeset.tags)
    assert loaded.elements["way/11"][:3] == (3, "modified", True) and loaded.elements["way/16"][1] == "deleted"
    assert loaded.elements["node/7"][1] == "kept" and loaded.elements["way/13"][2], "drawn, by the nodes it came with"
    assert loaded.uploads == loaded_by_josm(osc).uploads == osc.read_text().count('timestamp="')


def test_osmchange_and_josm_file_say_the_same_under_the_same_ids(town, client_of, made_osm, tmp_path: Path):
    changeset, client = town.changeset(), client_of(town.user)
    root = parsed(client, changeset)
    osc = ET.fromstring(fetched(client, changeset, "edits.osc"))
    written = {(one.tag, one.get("id")) for block in osc for one in block}
    assert written == {(one.tag, one.get("id")) for one in root if one.get("action")}


def test_a_copy_of_the_map_takes_next_versions_and_ids_of_its_own(town, client_of, made_osm, tmp_path: Path):
    changeset, client = town.changeset(), client_of(town.user)
    upload, copy = (fetched(client, changeset, "edits.osc", tool=tool) for tool in ("upload", "copy"))
    assert "For JOSM and OSM's API" in upload and "Never upload" in copy
    assert "if-unused" in upload and "if-unused" not in copy
    assert '<way id="11" version="3"' in upload and '<way id="11" version="4"' in copy
    assert '<way id="-1" version="0"' in upload and '<way id="1000000000001" version="1"' in copy
    order = [(one.tag, int(one.get("id"))) for block in ET.fromstring(copy) for one in block]
    assert order == sorted(order, key=lambda one: (["node", "way", "relation"].index(one[0]), one[1]))
    osc, after = tmp_path / "copy.osc", tmp_path / "after.osm"
    osc.write_text(copy, encoding="utf-8")
    run_osmium("apply-changes", str(made_osm), str(osc), "-o", str(after))
    touched = differing(Extract.read(made_osm), Extract.read(after))
    assert {"way/11", "way/13", "way/16", "way/17", "relation/51", "way/1000000000001"} <= touched
    assert "way/12" not in touched and "way/18" not in touched
    assert client.get(f"/api/changesets/{changeset.pk}/edits.osc", {"tool": "paint"}).status_code == 400


def test_a_maproulette_challenge_has_a_task_for_each_edit_that_stands_alone(town, client_of, tmp_path, made_osm):
    changeset = town.changeset()
    text = fetched(client_of(town.user), changeset, "maproulette.geojson")
    lines = text.rstrip("\n").split("\n")
    assert len(lines) == 6 and all(line.startswith("\x1e{") for line in lines)
    seen = set()
    for number, line in enumerate(lines):
        task = json.loads(line[1:])
        assert task["type"] == "FeatureCollection" and task["cooperativeWork"]["meta"] == {"version": 2, "type": 2}
        file = task["cooperativeWork"]["file"]
        assert {key: file[key] for key in ("type", "format", "encoding")} == {
            "type": "xml", "format": "osc", "encoding": "base64",
        }  # fmt: skip
        (feature,) = task["features"]
        assert feature["geometry"]["type"] in ("Polygon", "MultiPolygon") and None not in feature["properties"].values()
        seen.add(feature["properties"].get("@id"))
        osc, after = tmp_path / f"{number}.osc", tmp_path / f"{number}.osm"
        osc.write_bytes(base64.b64decode(file["content"]))
        run_osmium("apply-changes", str(made_osm), str(osc), "-o", str(after))
        assert differing(Extract.read(made_osm), Extract.read(after))
    assert seen == {None, "way/11", "way/17", "way/16", "way/13", "relation/51"}


@pytest.fixture
def linked(town, client_of):
    changeset = town.changeset()
    reply = client_of(town.user).post(f"/api/changesets/{changeset.pk}/links/", {}, format="json")
    assert reply.status_code == 200, reply.content
    return changeset, reply.json()


def opened(address: str):
    return APIClient().get(unquote(parse_qs(urlsplit(address).query)["url"][0]).removeprefix("http://testserver"))


def test_josm_is_given_an_address_that_opens_without_a_session(linked, town, client_of):
    changeset, told = linked
    address = told["josm_import"]
    assert address.startswith("http://127.0.0.1:8111/import?") and address.endswith("changeset.osm")
    assert body(opened(address)) == fetched(client_of(town.user), changeset, "edits.osm")


def test_a_link_opens_nothing_once_it_is_old_forged_or_its_person_may_not_see_the_region(linked, town, settings):
    changeset, _ = linked

    def asked(token: str) -> int:
        reply = APIClient().get(f"/api/links/{token}/changeset.osm")
        assert reply.status_code == 200 or reply.json()["code"] == "not_found"
        return reply.status_code

    token = links.file_token(town.user, changeset)
    assert asked(token) == 200
    assert asked(token[:-1] + ("A" if token[-1] != "A" else "B")) == 404
    assert asked(links.tiles_token(town.user, town.scan.imagery)) == 404, "a link of tiles opens no file"
    assert asked(signing.dumps([town.user.pk, changeset.pk], key="another", salt=links.FILE)) == 404
    reviewer, stranger = UserFactory(role="reviewer"), UserFactory(role="editor", is_active=False)
    assert {asked(links.file_token(user, changeset)) for user in (reviewer, stranger)} == {404}
    town.scan.region.open_to_all = False
    town.scan.region.save()
    assert asked(token) == 404


def test_a_link_ages(linked, town, monkeypatch):
    changeset, _ = linked
    token = links.file_token(town.user, changeset)
    now = signing.time.time()
    monkeypatch.setattr(signing.time, "time", lambda: now + links.FILE_SECONDS + 2)
    assert APIClient().get(f"/api/links/{token}/changeset.osm").status_code == 404


def test_a_link_writes_nothing_and_leaves_out_what_was_dropped(linked, town):
    changeset, told = linked
    before = list(EditItem.objects.order_by("pk").values("pk", "operations"))
    item = EditItem.objects.get(changeset=changeset, change__footprint__osm_id=16)
    kept = [one for one in before if one["pk"] != item.pk]
    item.delete()
    text = body(opened(told["josm_import"]))
    assert '<way id="16"' not in text and '<way id="11"' in text
    assert list(EditItem.objects.order_by("pk").values("pk", "operations")) == kept
    for method in ("post", "put", "delete", "patch"):
        token = links.file_token(town.user, changeset)
        assert getattr(APIClient(), method)(f"/api/links/{token}/changeset.osm").status_code == 405


def test_id_rapid_and_josm_are_told_place_comment_imagery_and_its_offset(town, client_of):
    changeset = town.changeset()
    change = changeset.items.first().change
    TileScore.objects.create(
        scan=change.scan, pair=change.pair, disc=0, proto=0, final=0, difference=0, probability=0.5,
        shift_east_m=1.5, shift_north_m=-0.5, shift_origin="measured",
    )  # fmt: skip
    client = client_of(town.user)
    told = client.post(f"/api/changesets/{changeset.pk}/links/", {}, format="json").json()
    assert told["offset_m"] == [-1.5, 0.5]
    for name in ("id", "rapid"):
        place = parse_qs(urlsplit(told[name]).fragment)
        assert place["map"][0].startswith("18/55.") and place["comment"] == ["buildings from imagery"]
        assert place["background"][0].startswith("custom:http://testserver/api/links/")
        assert place["background"][0].endswith("/tiles/{z}/{x}/{y}.png") and place["offset"] == ["-1.50,0.50"]
    layer = parse_qs(urlsplit(told["josm_imagery"]).query)
    assert layer["url"][0].startswith("tms:http") and "{zoom}/{x}/{y}.png" in layer["url"][0]
    assert "shift it by -1.5 m east, +0.5 m north" in layer["title"][0]


def test_imagery_of_a_closed_region_is_not_told_to_third_parties(client_of):
    change = ChangeFactory()
    user = UserFactory(role="admin")
    changeset = Changeset.objects.create(
        region=change.scan.region, snapshot=change.scan.snapshot, comment="c", source="s", tags={"comment": "c"}
    )
    save_decision(user, change)
    EditItem.objects.create(changeset=changeset, change=change)
    told = client_of(user).post(f"/api/changesets/{changeset.pk}/links/", {}, format="json").json()
    assert "background" not in told["id"] and "links" in told["josm_imagery"]


def test_tiles_of_a_link_are_png(tmp_path, settings):
    settings.MEDIA_ROOT = tmp_path
    imagery = ready_imagery(RegionFactory(), tmp_path)
    token = links.tiles_token(UserFactory(role="admin"), imagery)
    lon, lat = imagery.footprint.centroid.coords
    tile = tile_at(lon, lat, 18)
    reply = APIClient().get(f"/api/links/{token}/tiles/{tile.z}/{tile.x}/{tile.y}.png")
    assert reply.status_code == 200 and reply.content.startswith(b"\x89PNG")
    assert APIClient().get(f"/api/links/{token}/tiles/3/9/9.png").status_code == 404
