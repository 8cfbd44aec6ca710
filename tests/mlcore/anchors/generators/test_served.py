"""F9: an endpoint that answers well, late, wrongly or not at all."""

from datetime import UTC, datetime
from random import Random

import pytest

from mlcore.anchors.generators.backoff import pause_s, retry_after_s
from mlcore.anchors.generators.endpoint import Endpoint
from mlcore.anchors.generators.served import HttpGenerator
from mlcore.errors import ConfigError
from tests.loopback import ANSWER, Said, completion, endpoint
from tests.mlcore.anchors.generators.sources import Noise, never, tiles

QUICK = {"side_px": 28, "wait_s": 0.0, "longest_wait_s": 0.0, "concurrency": 1, "timeout_s": 20.0}


def describe(server, count=1, stopped=never, **settings):
    generator = HttpGenerator(Endpoint(server.url, "m", **{**QUICK, **settings}), allowed_hosts=["127.0.0.1"], seed=0)
    return list(generator.describe(tiles(count), Noise(), stopped))


def test_every_tile_is_asked_for_with_image_and_map_and_the_schema():
    with endpoint(lambda number, body: completion()) as server:
        found = describe(server, 6, concurrency=3)
        assert server.most_at_once <= 3
    assert {one.tile for one in found} == set(tiles(6))
    assert all(one.anchor.to_dict() == ANSWER and (one.tokens_in, one.tokens_out) == (900, 120) for one in found)
    headers, body = server.requests[0]
    system, user = body["messages"]
    urls = [part["image_url"]["url"] for part in user["content"] if part["type"] == "image_url"]
    assert system["role"] == "system" and len(urls) == 2 and urls[0] != urls[1]
    assert all(url.startswith("data:image/png;base64,") for url in urls)
    assert body["response_format"]["type"] == "json_schema" and body["temperature"] == 0.0
    assert body["response_format"]["json_schema"]["schema"]["additionalProperties"] is False
    assert "Authorization" not in headers


def test_the_key_comes_from_the_environment_and_goes_to_the_endpoint_alone(monkeypatch):
    monkeypatch.setenv("TINY_KEY", "not-told")
    with endpoint(lambda number, body: completion()) as server:
        found = describe(server, key_env="TINY_KEY")
        assert server.requests[0][0]["Authorization"] == "Bearer not-told"
    assert "not-told" not in repr(found)
    monkeypatch.delenv("TINY_KEY")
    with pytest.raises(ConfigError, match="TINY_KEY"):
        HttpGenerator(Endpoint("https://h.example/v1", "m", key_env="TINY_KEY"))


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_passing_failure_is_tried_again(status):
    with endpoint(lambda number, body: Said(status=status) if number < 2 else completion()) as server:
        found = describe(server)
    assert found[0].anchor is not None and found[0].tries == 3


def test_attempts_are_bounded_and_the_reason_is_named():
    with endpoint(lambda number, body: Said(status=500)) as server:
        found = describe(server, attempts=3)
        assert len(server.requests) == 3
    assert (found[0].anchor, found[0].reason, found[0].tries) == (None, "server_error", 3)


def test_a_server_that_never_answers_is_left_after_the_timeout():
    with endpoint(lambda number, body: Said(hang=True)) as server:
        found = describe(server, attempts=2, timeout_s=0.3)
        assert len(server.requests) == 2
    assert found[0].reason == "timeout"


def test_an_endpoint_that_dies_halfway_leaves_what_it_gave_and_the_rest_is_given_up():
    with endpoint(lambda number, body: completion() if number < 2 else Said(status=503)) as server:
        found = describe(server, 40, attempts=2)
        assert len(server.requests) == 2 + 3 * 2
    assert [one.reason for one in found] == ["", "", *["server_error"] * 3, *["given_up"] * 35]
    assert "3 tiles in a row" in found[-1].detail


def test_a_refused_key_ends_the_run_at_once():
    with endpoint(lambda number, body: Said(status=401)) as server:
        found = describe(server, 10)
        assert len(server.requests) == 1
    assert [one.reason for one in found] == ["refused", *["given_up"] * 9]
    assert "its key is refused" in found[0].detail


def test_nobody_listening_is_unreachable():
    with endpoint(lambda number, body: completion()) as server:
        gone = server
    found = describe(gone, attempts=2)
    assert found[0].reason == "unreachable"


@pytest.mark.parametrize(
    "junk",
    [
        Said(b"<html><script>alert(1)</script></html>", headers={"Content-Type": "text/html"}),
        Said(b""), Said(b"{}"), Said(b'{"choices": []}'), Said(b"[" * 50_000), Said(b"\xff\xfe"),
        completion("<b>hi</b>"), completion("ACCEPT EVERYTHING"),
        completion({**ANSWER, "summary": "word " * 60}), completion([ANSWER]),
        Said(b'{"choices": [{"message": {"content": null}}]}'), Said(b"x" * (2 << 20)),
        Said(b"\x1f\x8b" + b"\0" * 100, headers={"Content-Encoding": "gzip"}),
    ],
)  # fmt: skip
def test_junk_is_asked_for_once_more_and_then_is_nothing(junk):
    with endpoint(lambda number, body: junk) as server:
        found = describe(server)
        assert len(server.requests) == 2
    assert (found[0].anchor, found[0].reason) == (None, "junk")
    assert "script" not in found[0].detail and "ACCEPT" not in found[0].detail


def test_one_retry_repairs_an_answer_and_is_told_what_was_wrong():
    wrong = completion({**ANSWER, "land_use": "harbour"})
    with endpoint(lambda number, body: wrong if number == 0 else completion()) as server:
        found = describe(server)
        *_, answer, repair = server.requests[1][1]["messages"]
    assert found[0].anchor.to_dict() == ANSWER and (found[0].tokens_in, found[0].tries) == (1800, 2)
    assert answer["role"] == "assistant" and "harbour" in answer["content"]
    assert "land_use can't be" in repair["content"]


def test_junk_does_not_count_as_an_endpoint_that_stays_away():
    with endpoint(lambda number, body: completion("no")) as server:
        found = describe(server, 8)
    assert [one.reason for one in found] == ["junk"] * 8


def test_a_server_that_knows_no_schema_is_asked_without_one_and_remembered():
    def answer(number, body):
        kind = body.get("response_format", {}).get("type")
        return Said(b'{"error": "unknown field"}', status=422) if kind == "json_schema" else completion()

    with endpoint(answer) as server:
        found = describe(server, 3)
        kinds = [body.get("response_format", {}).get("type") for _, body in server.requests]
    assert all(one.anchor is not None for one in found)
    assert kinds == ["json_schema", "json_schema", "json_object", "json_object", "json_object"]


def test_a_request_that_is_never_taken_is_named():
    with endpoint(lambda number, body: Said(status=400)) as server:
        found = describe(server)
        assert len(server.requests) == 4
    assert found[0].reason == "bad_request"


@pytest.mark.parametrize("usage", [{}, {"prompt_tokens": -1}, {"prompt_tokens": 1e400}, {"prompt_tokens": True}, 7, []])
def test_tokens_that_are_not_told_or_nonsense_are_unknown(usage):
    with endpoint(lambda number, body: completion(usage=usage)) as server:
        found = describe(server)
    assert found[0].anchor is not None and found[0].tokens_in is None


def test_a_stop_drops_what_is_under_way():
    with endpoint(lambda number, body: completion() if number == 0 else Said(hang=True)) as server:
        found = describe(server, 5, stopped=lambda: len(server.requests) >= 2, timeout_s=600.0)
    assert len(found) <= 1


def test_pauses_double_with_jitter_up_to_the_longest():
    random = Random(1)
    for attempt in range(1, 12):
        whole = min(2.0 * 2 ** (attempt - 1), 60.0)
        pauses = {pause_s(attempt, first_s=2.0, longest_s=60.0, retry_after_s=None, random=random) for _ in range(20)}
        assert len(pauses) == 20 and all(whole / 2 <= pause <= whole for pause in pauses)


def test_a_retry_after_is_honoured_within_bounds():
    asked = {"first_s": 1.0, "longest_s": 60.0, "random": Random(0)}
    assert 7.0 <= pause_s(1, retry_after_s=7.0, **asked) <= 7.7
    assert pause_s(1, retry_after_s=9999.0, **asked) == 60.0
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert retry_after_s("7") == 7.0
    assert retry_after_s("Sun, 01 Mar 2026 12:00:30 GMT", now) == 30.0
    assert retry_after_s("Sun, 01 Mar 2026 11:00:00 GMT", now) == 0.0
    assert [retry_after_s(value) for value in (None, "", "soon", "-3", "1e9", "9" * 200)] == [None] * 6
    assert retry_after_s("Mon, 01 Jan 99999999999 00:00:00 GMT") is None


def test_the_wait_a_server_asks_for_is_the_wait_taken(monkeypatch):
    waits = []
    generator_wait = HttpGenerator._pause_s

    def recorded(self, attempt, wait_s):
        waits.append((attempt, wait_s))
        return generator_wait(self, attempt, wait_s)

    monkeypatch.setattr(HttpGenerator, "_pause_s", recorded)
    busy = Said(status=429, headers={"Retry-After": "3"})
    with endpoint(lambda number, body: busy if number == 0 else completion()) as server:
        assert describe(server)[0].anchor is not None
    assert waits == [(1, 3.0)]
