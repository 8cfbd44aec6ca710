"""The client of the map's server, against a server of API 0.6 in a process of its own."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from annotation.edits.engine import MapServer, OsmApi, UnlikeOursError, check_server, parse_change, receipts_of
from annotation.edits.engine.answers import parse_person
from annotation.edits.engine.client import refused
from annotation.edits.engine.readback import with_changeset
from annotation.edits.engine.server import Reply, send
from annotation.edits.engine.sign_in import authorize_url, fetch_token, new_challenge, revoke_token
from annotation.edits.errors import (
    BusyServerError,
    ChangesetClosedError,
    ForbiddenServerError,
    MapConflictError,
    NoAnswerError,
    NotSentError,
    RefusedByServerError,
    ServerAddressError,
    SignedOutError,
    SignInFailedError,
)
from annotation.edits.osmchange.elements import Node, Operation, Relation, Way
from annotation.edits.osmchange.write import write_osc
from tests.loopback import Said, endpoint
from tests.osm_server import OsmServer, osm_server
from tests.osm_server.process import CLIENT, SECRET

ALLOWED = ("127.0.0.1",)
HOUSE = (
    ("node", 1, 1, {"lon": 1.0, "lat": 1.0}),
    ("node", 2, 1, {"lon": 2.0, "lat": 1.0}),
    ("node", 3, 1, {"lon": 1.0, "lat": 2.0}),
    ("way", 9, 3, {"body": [1, 2, 3, 1], "tags": {"building": "yes"}}),
)
MEANS = [
    (429, BusyServerError), (503, NoAnswerError), (400, RefusedByServerError), (302, RefusedByServerError),
    (403, SignedOutError), (401, SignedOutError), (404, RefusedByServerError),
]  # fmt: skip


@pytest.fixture(scope="module")
def running(tmp_path_factory) -> Iterator[OsmServer]:
    with osm_server(tmp_path_factory.mktemp("osm") / "state.sqlite") as server:
        server.person()
        yield server


@pytest.fixture
def api(running: OsmServer) -> OsmApi:
    return OsmApi(MapServer(running.url, running.url, CLIENT, SECRET, ALLOWED), "a token")


def osc(*operations: Operation) -> bytes:
    return "".join(write_osc(operations)).encode()


def building(first: int, lon: float, tags: dict[str, str] | None = None) -> list[Operation]:
    """A new triangle; node ids from `first` downwards, the way's id the same as its first node's."""
    nodes = [Node(first - n, None, lon + n % 2, n / 2) for n in range(3)]
    refs = (*(node.id for node in nodes), first)
    way = Way(first, None, refs, {"building": "yes"} if tags is None else tags)
    return [*(Operation("create", node) for node in nodes), Operation("create", way)]


def test_a_diff_is_sent_and_its_changeset_tells_the_same_receipts_when_it_is_read_back(api, running):
    running.put(*HOUSE)
    change = osc(
        *building(-1, 10.0), *building(-4, 10.0, {"building": "shed", "name": 'a changeset="0"'}),
        Operation("delete", Way(9, 3, (1, 2, 3, 1), {})),
        *(Operation("delete", Node(n, 1, 0, 0), if_unused=True) for n in (1, 2, 3)),
    )  # fmt: skip
    number = api.open({"comment": 'Tom & Jerry\'s "<house>"', "mapwright:upload": "x"})
    receipts = api.upload(number, with_changeset(change, number))
    assert receipts_of(parse_change(change), api.contents(number)) == receipts
    assert [one["tags"] for one in running.present("way")][-1]["name"] == 'a changeset="0"'
    assert running.changesets()[-1]["tags"]["comment"] == 'Tom & Jerry\'s "<house>"'
    api.close(number)
    api.close(number)
    with pytest.raises(ChangesetClosedError):
        api.upload(number, with_changeset(change, number))


def test_two_corners_on_one_place_are_told_apart_by_the_building_that_they_belong_to(api):
    """Read back, each new building's nodes are its own, though the server names them in any order."""
    number = api.open({})
    change = osc(*building(-1, 30.0), *building(-4, 30.0, {"building": "garage"}))
    sent = api.upload(number, with_changeset(change, number))
    theirs = api.contents(number)
    assert receipts_of(parse_change(change), theirs[::-1]) == sent
    theirs[-1].tags["building"] = "church"
    with pytest.raises(UnlikeOursError):
        receipts_of(parse_change(change), theirs)


def test_a_new_multipolygon_is_read_back_with_its_ways(api):
    number = api.open({})
    outer, inner = building(-1, 40.0, {}), building(-4, 40.2, {})
    members = (("way", -1, "outer"), ("way", -4, "inner"))
    whole = Operation("create", Relation(-1, None, members, {"type": "multipolygon", "building": "yes"}))
    change = osc(*outer, *inner, whole)
    sent = api.upload(number, with_changeset(change, number))
    assert receipts_of(parse_change(change), api.contents(number)) == sent


def test_what_was_done_besides_is_never_taken_for_ours(api):
    number = api.open({})
    change = osc(*building(-1, 50.0))
    api.upload(number, with_changeset(change, number))
    api.upload(number, with_changeset(osc(*building(-1, 51.0)), number))
    with pytest.raises(UnlikeOursError):
        receipts_of(parse_change(change), api.contents(number))


def test_a_changeset_is_found_by_its_tag_whether_it_is_open_or_closed(api):
    number = api.open({"mapwright:upload": "token-7.1"})
    person, long_ago = api.person().id, dt.datetime(2020, 1, 1, tzinfo=dt.UTC)

    def found(of: int, value: str) -> list[tuple[int, bool]]:
        return [(one.id, one.open) for one in api.find(of, long_ago, "mapwright:upload", value)]

    assert found(person, "token-7.") == [(number, True)]
    assert found(person, "token-8.") == found(person + 1, "token-7.") == []
    api.close(number)
    assert found(person, "token-7.") == [(number, False)]
    later = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1)
    assert api.find(person, later, "mapwright:upload", "token-7.") == []


def test_a_changeset_that_the_server_does_not_know_says_nothing(api):
    assert api.changeset(999_999) is None
    for ask in (api.contents, api.close):
        with pytest.raises(NoAnswerError, match="does not know changeset 999999"):
            ask(999_999)
    api.close(999_999, or_unknown=True)


def test_a_newer_version_a_deleted_object_and_one_still_in_use_are_conflicts_that_name_it(api, running):
    running.put(("node", 501, 1, {"lon": 5.0, "lat": 5.0}), ("node", 502, 1, {"lon": 5.1, "lat": 5.0}),
                ("node", 503, 2, None), ("way", 501, 2, {"body": [501, 502], "tags": {}}))  # fmt: skip
    number = api.open({})

    def conflict(*operations: Operation) -> dict:
        with pytest.raises(MapConflictError) as error:
            api.upload(number, with_changeset(osc(*operations), number))
        return error.value.data

    assert conflict(Operation("delete", Way(501, 1, (), {}))) == {
        "reason": "newer_version", "key": "way/501", "ours": 1, "theirs": 2,
    }  # fmt: skip
    assert conflict(Operation("delete", Node(503, 2, 1, 1))) == {"reason": "gone", "key": "node/503"}
    assert conflict(Operation("delete", Node(501, 1, 5, 5))) == {"reason": "in_use", "key": "node/501"}
    assert conflict(Operation("modify", Way(501, 2, (501, 503), {}))) == {"reason": "in_use", "key": "node/503"}
    assert api.contents(number) == []


@pytest.mark.parametrize("listed", ["555,556", "(555,556)"])
def test_what_a_way_needs_is_named_by_either_program_that_serves_the_api(listed: str):
    told = f"Precondition failed: Way -1 requires the nodes with id in {listed}, which either do not exist, or are not"
    with pytest.raises(MapConflictError) as error:
        refused(Reply(412, told.encode()))
    assert error.value.data == {"reason": "in_use", "key": "node/555"}


def test_each_refusal_says_what_it_means(api, running):
    path = "/api/0.6/changeset/create"
    for status, error in MEANS:
        running.answer("PUT", path, status, "no", Retry_After="7", Location="http://127.0.0.1:9/")
        with pytest.raises(error) as caught:
            api.open({})
        if status == 429:
            assert caught.value.retry_after_s == 7
    with pytest.raises(SignedOutError):
        OsmApi(api.server, "another token").open({})


def test_a_connection_that_breaks_is_told_from_one_that_never_came_about(api, running):
    rule = running.hold("PUT", "/changeset/create", "before", "drop")
    running.release(rule)
    with pytest.raises(NoAnswerError):
        api.open({})
    with pytest.raises(NotSentError):
        OsmApi(MapServer("http://127.0.0.1:9", "http://127.0.0.1:9", allowed=ALLOWED)).limits()
    with pytest.raises(NotSentError):
        OsmApi(MapServer("https://nowhere.invalid", "https://nowhere.invalid")).limits()


def test_private_addresses_are_refused_unless_allowed_by_name(running):
    """I4."""
    for url in (running.url, "http://[::1]:1", "http://169.254.169.254", "http://localhost:1"):
        with pytest.raises(ForbiddenServerError):
            OsmApi(MapServer(url, url)).limits()
        with pytest.raises(ServerAddressError):
            check_server(url, "https://example.org", ())
    for url in ("https://a:b@example.org", "https://example.org/x", "ftp://example.org", "https://example.org?x=1"):
        with pytest.raises(ServerAddressError):
            check_server("https://example.org", url, ())
    assert check_server("https://example.org/", running.url, ALLOWED) == ("https://example.org", running.url)


@pytest.mark.parametrize(
    "body",
    [b'<!DOCTYPE osm [<!ENTITY a "b">]><osm><user id="1" display_name="&a;"/></osm>', b"<html/>", b"<osm>", b"",
     b"x" * (2**20 + 1)],
)  # fmt: skip
def test_answers_that_are_none_of_the_api_are_refused(body: bytes):
    """I5: no entity is expanded, and no answer is read beyond its bound."""
    with endpoint(lambda *_: Said(body)) as there, pytest.raises(NoAnswerError):
        server = MapServer(f"http://127.0.0.1:{there.port}", "", allowed=ALLOWED)
        parse_person(send(server, "POST", server.api_url, body=b"{}").body)


def test_signing_in_gives_a_token_once_and_only_to_who_asked(api, running):
    challenge, back = new_challenge(), "http://127.0.0.1:1/osm/signed-in/"
    asked = urlsplit(authorize_url(api.server, challenge, back))
    form = {key: value[0] for key, value in parse_qs(asked.query).items()}
    sent_back = httpx.post(f"{running.url}/oauth2/authorize", data={**form, "name": "Ada", "decision": "yes"})
    told = {key: value[0] for key, value in parse_qs(urlsplit(sent_back.headers["Location"]).query).items()}
    assert told["state"] == challenge.state
    with pytest.raises(SignInFailedError):
        fetch_token(api.server, new_challenge(), back, told["code"])  # the code is used up by a wrong verifier, too
    sent_back = httpx.post(f"{running.url}/oauth2/authorize", data={**form, "name": "Ada", "decision": "yes"})
    code = parse_qs(urlsplit(sent_back.headers["Location"]).query)["code"][0]
    token = fetch_token(api.server, challenge, back, code)
    assert OsmApi(api.server, token).person().name == "Ada"
    with pytest.raises(SignInFailedError):
        fetch_token(api.server, challenge, back, code)
    revoke_token(api.server, token)
    with pytest.raises(SignedOutError):
        OsmApi(api.server, token).person()


def test_the_limits_of_the_server_are_read(api):
    assert (api.limits().elements, api.limits().way_nodes, api.limits().online) == (10_000, 2_000, True)


def test_the_state_of_the_server_outlives_it(tmp_path: Path):
    with osm_server(tmp_path / "state") as server:
        server.person()
        number = OsmApi(MapServer(server.url, server.url, allowed=ALLOWED), "a token").open({"a": "b"})
    with osm_server(tmp_path / "state") as server:
        assert [(one["id"], one["tags"]) for one in server.changesets()] == [(number, {"a": "b"})]
