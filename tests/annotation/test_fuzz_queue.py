"""What an editor's queue is asked with, however it is written: refused or answered, no server error (S4, Z5, I7)."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from annotation.changes.asked import StatedQuery
from annotation.changes.services.saved_filters import feed_token
from tests.annotation.world import make_world
from tests.factories_changes import BulkRejectionFactory, SavedFilterFactory

pytestmark = pytest.mark.django_db
FUZZING = settings(
    max_examples=60,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
NUMBERS = st.sampled_from(
    ["0", "-1", "1e400", "nan", "-inf", "2147483648", "9223372036854775808", "1_0", "0x1f", " 7 ", "٣", "1e-320", "1.5"]
)
TEXT = st.text(st.characters(codec="utf-8"), max_size=40)
HOSTILE = st.sampled_from(
    [
        "\x00", "' OR 1=1 --", "<script>alert(1)</script>", "building=" + "x" * 300, "=", "a=b=c", "{}", "[]", "%00",
        "null", "true", "2024-02-30", "0001-01-01", "9999-12-31", "24,60,24,60", "181,0,182,1", "0,0,1,1,0,1,1,0",
        "0,0,0,1,1,1,nan,0", "-180,-90,180,90", ",".join(["0", "1"] * 300), "../../etc/passwd", "\u202e",
        "near_certain",
    ]
)  # fmt: skip
VALUES = st.one_of(NUMBERS, HOSTILE, TEXT)
NAMES = [*StatedQuery().fields.keys(), "view", "zoom", "ordering", "cursor", "page_size", "order", "near", "changeset"]
QUERIES = st.dictionaries(st.sampled_from(NAMES), st.one_of(VALUES, st.lists(VALUES, max_size=9)), max_size=5)
DEEP: Any = []
for _ in range(60):
    DEEP = [DEEP]
BODIES = st.dictionaries(
    st.sampled_from(NAMES), st.one_of(VALUES, st.lists(VALUES, max_size=9), st.just(DEEP), st.floats(), st.integers()),
    max_size=5,
)  # fmt: skip
READ = (
    "changes/",
    "changes/map/",
    "changes/lots/",
    "changes.geojson",
    "changes.csv",
    "changes.coco.json",
    "changes.gpkg",
)


@pytest.fixture
def world() -> dict[str, Any]:
    """As ever, with what belongs to the administrator who asks."""
    world = make_world()
    region = SavedFilterFactory._meta.model.objects.get(pk=world["ids"]["saved_filter_id"]).region
    world["own_filter"] = SavedFilterFactory(region=region, owner=world["admin"], feed_key="key", name="own")
    world["own_bulk"] = BulkRejectionFactory(region=region, reviewer=world["admin"])
    return world


@pytest.fixture
def client(world: dict[str, Any]) -> APIClient:
    client = APIClient(raise_request_exception=False)
    client.force_login(world["admin"])
    return client


def fine(reply: Any, about: Any) -> None:
    """No server error, while what streams is read as well."""
    if reply.streaming:
        reply.getvalue()
    assert reply.status_code < 500, (about, reply.content[:300])


@pytest.mark.parametrize("path", READ)
def test_no_query_of_a_list_a_map_or_a_file_ends_in_a_server_error(client: APIClient, world: dict[str, Any], path: str):
    address = f"/api/regions/{world['ids']['region_id']}/{path}"

    @FUZZING
    @given(QUERIES)
    def ask(query: dict[str, Any]) -> None:
        fine(client.get(address, query), query)

    ask()


def _claim(ids: dict[str, Any], said: Any) -> tuple[str, dict[str, Any]]:
    return "/api/review/changes/claim/", {"region": ids["region_id"], "wanted": said, "first": said.get("first", [])}


def _assign(ids: dict[str, Any], said: Any) -> tuple[str, dict[str, Any]]:
    known = {"region": ids["region_id"], "items": [ids["item_id"]], "to": ids["member_id"]}
    return "/api/review/changes/assign/", {**known, "idempotency_key": str(uuid.uuid4()), **said}


def _bulk(ids: dict[str, Any], said: Any) -> tuple[str, dict[str, Any]]:
    query = "&".join(f"{name}={value}" for name, value in said.items())
    body = {"query": query, "expected": 1, "reason": "other", "idempotency_key": str(uuid.uuid4()), **said}
    return f"/api/regions/{ids['region_id']}/bulk-rejections/", body


def _filter(ids: dict[str, Any], said: Any) -> tuple[str, dict[str, Any]]:
    query = "&".join(f"{name}={value}" for name, value in said.items())
    return f"/api/regions/{ids['region_id']}/changes/filters/", {"name": query[:80] or "all", "query": query, **said}


@pytest.mark.parametrize("act", [_claim, _assign, _bulk, _filter])
def test_no_message_to_the_queue_ends_in_a_server_error(
    client: APIClient, world: dict[str, Any], act: Callable[..., tuple[str, dict[str, Any]]]
):
    @FUZZING
    @given(BODIES)
    def send(said: dict[str, Any]) -> None:
        address, body = act(world["ids"], said)
        fine(client.post(address, body, format="json"), body)

    send()


def test_no_address_of_a_feed_or_a_page_ends_in_a_server_error(client: APIClient, world: dict[str, Any]):
    region, token = world["ids"]["region_id"], feed_token(world["own_filter"])

    @FUZZING
    @given(st.one_of(TEXT, HOSTILE, st.just(token), st.just(token[:-1])), st.sampled_from(["rss", "atom", "json", "x"]))
    def read(given: str, form: str) -> None:
        if "\x00" not in given and "/" not in given:
            fine(client.get(f"/feeds/{given}/{form}/"), given)

    @FUZZING
    @given(QUERIES)
    def open_page(query: dict[str, Any]) -> None:
        for page in ("changes/", "changes/review/"):
            fine(client.get(f"/regions/{region}/{page}", query), query)

    read()
    open_page()


def test_what_is_kept_as_a_filter_can_be_read_again_in_every_form(client: APIClient, world: dict[str, Any]):
    """Whatever was let in, its feed, its list and its count answer."""
    own = world["own_filter"]
    address = f"/api/change-filters/{own.pk}/"

    @FUZZING
    @given(QUERIES)
    def keep(query: dict[str, Any]) -> None:
        pieces = [
            (name, one) for name, value in query.items() for one in (value if isinstance(value, list) else [value])
        ]
        text = "&".join(f"{name}={value}" for name, value in pieces)
        reply = client.put(address, {"name": "own", "query": text}, format="json")
        fine(reply, text)
        if reply.status_code == 200:
            own.refresh_from_db()
            kept = reply.json()["query"]
            for form in ("rss", "atom", "json"):
                assert client.get(f"/feeds/{feed_token(own)}/{form}/").status_code == 200, kept
            listed = client.get(f"/api/regions/{own.region_id}/changes/?{kept}")
            assert listed.status_code == 200, (kept, listed.content)

    keep()


def test_nobody_sets_whose_a_filter_or_a_rejection_is(client: APIClient, world: dict[str, Any]):
    """Z4."""
    own, other = world["own_filter"], world["reviewer"]
    stolen = {"owner": other.pk, "owner_id": other.pk, "region": 1, "feed_key": "mine", "alerted_to": 10**9}
    reply = client.put(f"/api/change-filters/{own.pk}/", {"name": "renamed", "query": "", **stolen}, format="json")
    assert reply.status_code == 200
    before = (own.region_id, own.owner_id, own.feed_key, own.alerted_to)
    own.refresh_from_db()
    assert (own.region_id, own.owner_id, own.feed_key, own.alerted_to) == before and own.name == "renamed"
    body = {"expected": 1, "reason": "other", "idempotency_key": str(uuid.uuid4()), "reviewer": other.pk, "done": 1}
    reply = client.post(f"/api/regions/{own.region_id}/bulk-rejections/", body, format="json")
    assert reply.status_code in {201, 400, 409}
    assert not type(world["own_bulk"]).objects.filter(reviewer=other, idempotency_key=body["idempotency_key"]).exists()


@pytest.mark.parametrize("query", [{"ordering": "scan__model__sha256"}, {"ordering": "-id"}, {"state": "secret"}])
@pytest.mark.parametrize("path", ["changes/", "changes/map/"])
def test_lists_and_maps_are_ordered_by_what_is_allowed_alone(client: APIClient, world: dict[str, Any], path, query):
    """Z5."""
    if path == "changes/map/" and "ordering" in query:
        query = {**query, "zoom": 3}
    assert client.get(f"/api/regions/{world['ids']['region_id']}/{path}", query).status_code == 400
