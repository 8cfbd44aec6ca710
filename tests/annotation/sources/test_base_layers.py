"""Imagery of other servers: who offers it, whom the browser may ask, and what a changeset says was looked at."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.db import IntegrityError, transaction

from annotation.edits.services.changesets import create
from annotation.review.models import AuditEntry
from annotation.review.services.undo import undo
from annotation.sources.base_layers import BaseLayer
from annotation.sources.services import base_layers
from tests import factories
from tests.annotation.access import LAYER
from tests.factories_changes import ChangeFactory, save_decision

pytestmark = pytest.mark.django_db


def policy(answer) -> dict[str, list[str]]:
    directives = (one.split() for one in answer["Content-Security-Policy"].split("; "))
    return {name: sources for name, *sources in directives}


@pytest.fixture
def admin():
    return factories.UserFactory(role="admin")


def test_an_admin_offers_changes_and_removes_a_layer(client_of, admin):
    region, client = factories.RegionFactory(), client_of(admin)
    address = f"/api/regions/{region.pk}/layers/"
    made = client.post(address, {**LAYER, "captured": "2024-05", "east_m": 1.5, "max_zoom": 19}, format="json")
    assert made.status_code == 201 and made.json()["everywhere"] is False and made.json()["captured"] == "2024-05"
    one = f"{address}{made.json()['id']}/"
    assert client.patch(one, {"osm_use": "forbidden"}, format="json").json()["osm_use"] == "forbidden"
    assert client.get(one).json()["max_zoom"] == 19
    assert client.delete(one).status_code == 204 and client.get(one).status_code == 404
    actions = list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))
    assert actions == ["layer.add", "layer.change", "layer.remove"]


def test_a_layer_of_every_region_is_offered_in_each_and_its_title_taken_in_all(client_of, admin):
    here, there = factories.RegionFactory(), factories.RegionFactory()
    client = client_of(admin)
    made = client.post(f"/api/regions/{here.pk}/layers/", {**LAYER, "everywhere": True}, format="json")
    assert made.json()["everywhere"] is True
    rows = client.get(f"/api/regions/{there.pk}/layers/").json()["results"]
    assert [row["title"] for row in rows] == ["L"]
    again = client.post(f"/api/regions/{there.pk}/layers/", LAYER, format="json")
    assert again.status_code == 409 and again.json()["code"] == "name_taken"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"template": "https://10.0.0.1/{z}/{x}/{y}"}, "layer_address"),
        ({"min_zoom": 12, "max_zoom": 9}, "invalid"),
        ({"title": "a;b"}, "invalid"),
        ({"captured": "2024-13"}, "invalid"),
        ({"attribution_url": "javascript:alert(1)"}, "invalid"),
        ({"attribution_url": "ftp://example.org/"}, "invalid"),
        ({"osm_use": "maybe"}, "invalid"),
        ({"east_m": 1000}, "invalid"),
        ({"kind": "bing"}, "invalid"),
    ],
)
def test_what_a_layer_can_not_be_is_refused(client_of, admin, fields, code):
    region = factories.RegionFactory()
    answer = client_of(admin).post(f"/api/regions/{region.pk}/layers/", {**LAYER, **fields}, format="json")
    assert answer.status_code == 400 and answer.json()["code"] == code
    assert not BaseLayer.objects.exists()


def test_a_changed_address_is_checked_as_a_new_one_is(client_of, admin):
    layer = factories.BaseLayerFactory()
    address = f"/api/regions/{layer.region_id}/layers/{layer.pk}/"
    answer = client_of(admin).patch(address, {"template": "https://localhost/{z}/{x}/{y}"}, format="json")
    assert answer.status_code == 400 and answer.json()["code"] == "layer_address"
    answer = client_of(admin).patch(address, {"kind": "wms"}, format="json")
    assert answer.status_code == 400, "its address is one of tiles"


def test_nobody_but_admins_offers_layers(client_of):
    editor = factories.UserFactory(role="editor")
    layer = factories.BaseLayerFactory(region=factories.RegionFactory(members=[editor]))
    client, address = client_of(editor), f"/api/regions/{layer.region_id}/layers/"
    assert client.get(address).json()["results"][0]["title"] == layer.title
    assert client.post(address, LAYER, format="json").status_code == 403
    assert client.patch(f"{address}{layer.pk}/", {"title": "M"}, format="json").status_code == 403
    assert client.delete(f"{address}{layer.pk}/").status_code == 403
    assert client.get(f"/api/regions/{layer.region_id}/layer-index/").status_code == 403


def test_a_region_offers_so_many_layers_at_most(admin, monkeypatch):
    region = factories.RegionFactory()
    monkeypatch.setattr(base_layers, "MOST", 1)
    base_layers.add_layer(user=admin, region=region, **LAYER)
    with pytest.raises(base_layers.InvalidError, match="1 layers already"):
        base_layers.add_layer(user=admin, region=region, **{**LAYER, "title": "M"})


@pytest.mark.parametrize("page", ["", "changes/review/", "layers/"])
def test_pages_that_show_layers_may_load_images_of_exactly_their_hosts(client_of, admin, page):
    layer = factories.BaseLayerFactory(template="https://{switch:a,b}.tiles.example.org/{z}/{x}/{y}.png")
    factories.BaseLayerFactory(region=None, template="https://earth.example.org:8443/{z}/{x}/{y}.png")
    factories.BaseLayerFactory(template="https://elsewhere.example.org/{z}/{x}/{y}.png")  # of another region
    said = policy(client_of(admin).get(f"/regions/{layer.region_id}/{page}"))
    assert said["img-src"] == [
        "'self'", "data:", "blob:",
        "https://a.tiles.example.org", "https://b.tiles.example.org", "https://earth.example.org:8443",
    ]  # fmt: skip
    assert all("example.org" not in " ".join(sources) for name, sources in said.items() if name != "img-src")


@pytest.mark.parametrize("page", ["sources/", "changes/", "edits/", "training/"])
def test_no_other_page_may_load_images_of_other_servers(client_of, admin, page):
    layer = factories.BaseLayerFactory()
    answer = client_of(admin).get(f"/regions/{layer.region_id}/{page}")
    assert policy(answer)["img-src"] == ["'self'", "data:", "blob:"]


def test_the_review_page_speaks_to_josm_and_to_the_layers_hosts(client_of, admin):
    layer = factories.BaseLayerFactory()
    said = policy(client_of(admin).get(f"/regions/{layer.region_id}/changes/review/"))
    assert said["connect-src"] == ["'self'", "http://127.0.0.1:8111"]
    assert "https://tiles.example.org" in said["img-src"]


def test_a_changeset_names_the_imagery_that_its_changes_were_seen_on_and_no_other(admin):
    seen, other = ChangeFactory(), None
    region = seen.scan.region
    other = ChangeFactory(scan=seen.scan, geometry=factories.square(1.5, 1.5))
    looked = factories.BaseLayerFactory(region=region, title="Province 2024")
    factories.BaseLayerFactory(region=region, title="Never looked at")
    save_decision(admin, seen, layers=[looked.pk, 2**40])
    save_decision(admin, other)
    made = create(user=admin, region=region, comment="test").changeset
    assert made.tags["imagery_used"] == "A survey;Province 2024"
    base_layers.remove_layer(user=admin, layer=looked)
    seen.refresh_from_db()
    assert seen.looked_at == ["Province 2024"]


def test_imagery_used_ends_with_a_whole_title(admin):
    change = ChangeFactory()
    titles = [f"{n}{'x' * 118}" for n in range(3)]
    layers = [factories.BaseLayerFactory(region=change.scan.region, title=title) for title in titles]
    save_decision(admin, change, layers=[one.pk for one in layers])
    made = create(user=admin, region=change.scan.region, comment="test").changeset
    assert made.tags["imagery_used"] == f"A survey;{titles[0]};{titles[1]}"


def test_nothing_is_accepted_by_imagery_that_osm_may_not_be_edited_by(admin):
    change = ChangeFactory()
    layer = factories.BaseLayerFactory(region=change.scan.region, osm_use="forbidden")
    with pytest.raises(base_layers.InvalidError, match="may not be edited by"):
        save_decision(admin, change, layers=[layer.pk])
    change.item.refresh_from_db()
    assert change.item.state == "open"


@pytest.mark.parametrize("layers", ["1", [True], [1.5], ["1"], list(range(100)), {"a": 1}])
def test_layers_of_an_answer_are_ids(admin, layers):
    with pytest.raises(base_layers.InvalidError):
        save_decision(admin, ChangeFactory(), layers=layers)


def test_a_layer_of_another_region_is_not_named(admin):
    change, foreign = ChangeFactory(), factories.BaseLayerFactory()
    save_decision(admin, change, layers=[foreign.pk])
    change.refresh_from_db()
    assert change.looked_at == []


def test_an_answer_that_is_taken_back_was_seen_on_nothing(admin):
    change = ChangeFactory()
    layer = factories.BaseLayerFactory(region=change.scan.region)
    save_decision(admin, change, layers=[layer.pk])
    undo(user=admin, item_id=change.item_id, version=1, idempotency_key="6e0c5f3e-0d65-4b0e-9f4e-0b4f6f0f8a19")
    change.refresh_from_db()
    assert change.looked_at == []


@pytest.mark.parametrize(
    "fields", [{"min_zoom": 9, "max_zoom": 3}, {"kind": "bing"}, {"east_m": 101}, {"template": "x"}, {"osm_use": "?"}]
)
def test_the_database_holds_no_other_layers(fields):
    with pytest.raises(IntegrityError), transaction.atomic():
        factories.BaseLayerFactory(**fields)


def listed(name: str, ground=None, **said) -> dict:
    about = {"id": name, "name": name, "type": "tms", "url": f"https://{name}.example.org/{{zoom}}/{{x}}/{{y}}.png"}
    return {"type": "Feature", "properties": {**about, **said}, "geometry": ground}


def test_the_layer_index_offers_what_covers_the_region_and_can_be_shown(client_of, admin, settings, tmp_path: Path):
    region = factories.RegionFactory()
    west, south, east, north = region.area.extent
    around = json.loads(factories.box(west - 1, south - 1, east + 1, north + 1).geojson)
    beside = json.loads(factories.box(west + 1, south, east + 2, north).geojson)
    wms = "https://wms.example.org/s?CRS={proj}&WIDTH={width}&HEIGHT={height}&BBOX={bbox}"
    rows = [
        listed("earth"),
        listed("elsewhere", beside),
        listed("here", around, best=True, permission_osm="explicit", end_date="2024-05", license_url="https://l.example",
               attribution={"text": "A province", "url": "https://p.example"}, min_zoom=3, max_zoom=21),
        listed("wms", around, type="wms", url=wms, available_projections=["EPSG:4326", "EPSG:3857"]),
        listed("flat", around, type="wms", url=wms, available_projections=["EPSG:4326"]),
        listed("keyed", around, url="https://k.example.org/{zoom}/{x}/{y}?key={apikey}"),
        listed("overlay", around, overlay=True),
        listed("bing", around, type="bing", url=""),
        listed("refused", around, permission_osm="no"),
    ]  # fmt: skip
    path = tmp_path / "imagery.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": rows}))
    settings.LAYER_INDEX = str(path)
    client, address = client_of(admin), f"/api/regions/{region.pk}/layer-index/"
    found = client.get(address).json()
    assert [one["title"] for one in found] == ["here", "refused", "wms", "earth"]
    assert [one["osm_use"] for one in found] == ["allowed", "forbidden", "unknown", "unknown"]
    assert found[0]["template"] == "https://here.example.org/{z}/{x}/{y}.png" and found[0]["captured"] == "2024-05"
    assert found[0]["attribution_url"] == "https://p.example" and found[0]["max_zoom"] == 21
    assert [one["title"] for one in client.get(address, {"q": "WM"}).json()] == ["wms"]
    made = client.post(f"/api/regions/{region.pk}/layers/", found[0], format="json")
    assert made.status_code == 201 and made.json()["index_id"] == "here"


@pytest.mark.parametrize("content", [None, "{", "[]", '{"features": [{"properties": {}}]}'])
def test_an_index_that_can_not_be_read_says_where_it_comes_from(client_of, admin, settings, tmp_path: Path, content):
    path = tmp_path / "imagery.geojson"
    if content is not None:
        path.write_text(content)
    settings.LAYER_INDEX = str(path)
    answer = client_of(admin).get(f"/api/regions/{factories.RegionFactory().pk}/layer-index/")
    if content == '{"features": [{"properties": {}}]}':
        assert answer.json() == []  # a row without a kind is none that is shown
    else:
        assert answer.status_code == 409 and "MAPWRIGHT_LAYER_INDEX" in answer.json()["detail"]


def test_without_an_index_nothing_is_offered(client_of, admin, settings):
    settings.LAYER_INDEX = ""
    assert client_of(admin).get(f"/api/regions/{factories.RegionFactory().pk}/layer-index/").json() == []
