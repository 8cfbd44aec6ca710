"""An edit beside what the map's server shows, where an upload met a conflict."""

import pytest

from tests.annotation.edits.test_three_way import WIDER, edit, put
from tests.annotation.edits.uploading import ran, started
from tests.factories import RegionFactory, UserFactory
from tests.factories_changes import ModelVersionFactory, ScanFactory

pytestmark = pytest.mark.django_db


def moved_on(server, house, **tags):
    """The building on the server, a metre to the east and with other tags."""
    corners = {node[0]: node for node in house.nodes}.values()
    server.put(
        *(("node", ref, 3, {"lon": lon + 1e-5, "lat": lat}) for ref, _, lon, lat, *_ in corners),
        ("way", house.osm_id, 5, {"body": [node[0] for node in house.nodes], "tags": tags}),
    )


def test_a_conflict_at_the_upload_is_settled_by_what_the_server_has(server, case, client_of):
    client, number = client_of(case.editor), case.changeset.pk
    change = case.changeset.items.get(change__footprint=case.reshaped).change
    moved_on(server, case.reshaped, building="barn", height="4")
    upload, _ = ran(started(case))
    assert (upload.state, upload.problem["change"]) == ("conflicted", change.pk)

    told = client.get(f"/api/changesets/{number}/edits/{change.pk}/three-way/?against=server").json()["conflict"]
    assert (told["base"]["version"], told["theirs"]["version"], told["shape"]["suggested"]) == (3, 5, "")
    assert {row["key"]: row["theirs"] for row in told["rows"]} == {"building": "barn", "height": "4"}
    body = {"seen": told["theirs"]["digest"], "shape": "ours", "against": "server"}
    url = f"/api/changesets/{number}/edits/{change.pk}/rebase/"
    assert client.post(url, {**body, "against": "map"}, format="json").json()["code"] == "no_conflict"
    assert client.post(url, body, format="json").json()["base_version"] == 5
    assert client.get(f"/api/changesets/{number}/").json()["conflicts"] == []

    upload, _ = ran(started(case))
    assert upload.state == "done", upload.problem
    (way,) = [row for row in server.present("way") if row["id"] == case.reshaped.osm_id]
    assert (way["version"], way["tags"]) == (6, {"building": "barn", "height": "4"})


def test_what_is_gone_from_the_server_can_only_be_dropped(server, case, client_of):
    change = case.changeset.items.get(change__footprint=case.reshaped).change
    server.put(("way", case.reshaped.osm_id, 4, None))
    url = f"/api/changesets/{case.changeset.pk}/edits/{change.pk}/"
    told = client_of(case.editor).get(f"{url}three-way/?against=server").json()["conflict"]
    assert (told["code"], told["theirs"]) == ("gone", None) and "drop" in told["why_not"]


def test_a_deployment_without_a_server_says_so(client_of):
    scan = ScanFactory(model=ModelVersionFactory(region=RegionFactory(open_to_all=True)))
    client = client_of(UserFactory(role="editor"))
    change = edit(scan, geometry=WIDER)
    number = put(client, scan, change)
    reply = client.get(f"/api/changesets/{number}/edits/{change.pk}/three-way/?against=server")
    assert (reply.status_code, reply.json()["code"]) == (409, "upload_off")


def test_an_outline_that_crosses_itself_on_the_server_is_named(server, case, client_of):
    house = case.reshaped
    change = case.changeset.items.get(change__footprint=house).change
    one, two, three, four = [node[0] for node in house.nodes[:-1]]
    server.put(("way", house.osm_id, 4, {"body": [one, three, two, four, one], "tags": {"building": "yes"}}))
    url = f"/api/changesets/{case.changeset.pk}/edits/{change.pk}/"
    reply = client_of(case.editor).get(f"{url}three-way/?against=server")
    assert (reply.status_code, reply.json()["code"]) == (409, "not_rebased")
    assert "crosses itself" in reply.json()["detail"] and "drop" in reply.json()["detail"]
