"""Lines of the log: JSON that programs can read, with request, person and job, and never a secret."""

from __future__ import annotations

import io
import json
import logging

import pytest

from annotation.common.logs import JsonLines, Lines, about, without_secrets
from annotation.common.services.jobs import execute
from tests.factories import PASSWORD, JobFactory, UserFactory

REQUEST = "8d1f0c2a-request"


@pytest.fixture
def lines():
    """Every line of the root logger, as the JSON that it would be."""
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(JsonLines())
    root, requests = logging.getLogger(), logging.getLogger("mapwright.requests")
    level = requests.level
    root.addHandler(handler)
    requests.setLevel(logging.INFO)
    yield lambda: [json.loads(line) for line in out.getvalue().splitlines()]
    root.removeHandler(handler)
    requests.setLevel(level)


def of_requests(lines):
    return [line for line in lines() if line["logger"] == "mapwright.requests"]


@pytest.mark.django_db
def test_a_request_leaves_a_line_with_its_id_and_person(client, lines):
    person = UserFactory()
    client.force_login(person)
    answer = client.get("/api/me/?token=not-for-the-log")
    (line,) = of_requests(lines)
    assert line["request"] == answer["X-Request-ID"] and len(line["request"]) == 32
    assert (line["user"], line["status"], line["method"], line["path"]) == (person.pk, 200, "GET", "/api/me/")
    assert line["ms"] > 0 and line["time"].endswith("+00:00")
    assert "not-for-the-log" not in json.dumps(lines())


@pytest.mark.django_db
def test_only_a_trusted_proxy_names_request_and_client(client, settings, lines):
    headers = {"HTTP_X_REQUEST_ID": REQUEST, "HTTP_X_FORWARDED_FOR": "6.6.6.6, 203.0.113.7", "REMOTE_ADDR": "10.0.0.2"}
    assert client.get("/login/", **headers)["X-Request-ID"] != REQUEST
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]
    answer = client.get("/login/", **headers)
    assert answer["X-Request-ID"] == REQUEST
    assert answer.wsgi_request.META["REMOTE_ADDR"] == "203.0.113.7"
    assert client.get("/login/", **{**headers, "REMOTE_ADDR": "192.0.2.1"})["X-Request-ID"] != REQUEST
    for bad in ("short", "with space in it", "x" * 65, 'line"break-here'):
        assert client.get("/login/", **{**headers, "HTTP_X_REQUEST_ID": bad})["X-Request-ID"] != bad


@pytest.mark.django_db
def test_a_socket_is_trusted_by_name(client, settings):
    headers = {"HTTP_X_REQUEST_ID": REQUEST, "REMOTE_ADDR": ""}
    assert client.get("/login/", **headers)["X-Request-ID"] != REQUEST
    settings.TRUSTED_PROXIES = ["unix"]
    assert client.get("/login/", **headers)["X-Request-ID"] == REQUEST


@pytest.mark.django_db
def test_lines_of_a_job_name_it(lines, monkeypatch, settings):
    settings.JOB_RUNNERS = {**settings.JOB_RUNNERS, "test.fails": "tests.annotation.common.test_logs.fails"}
    job = JobFactory(kind="test.fails")
    execute(job.pk)
    (line,) = (line for line in lines() if "failed" in line["message"])
    assert (line["job"], line["kind"], line["level"]) == (str(job.pk), "test.fails", "ERROR")
    assert "RuntimeError: broken" in line["error"]
    logging.getLogger("afterwards").warning("nothing")
    assert "job" not in lines()[-1]


def fails(context):
    raise RuntimeError("broken")


@pytest.mark.django_db
def test_a_password_that_is_tried_is_in_no_line(client, lines):
    UserFactory(username="ada")
    client.post("/login/", {"username": "ada", "password": PASSWORD})
    client.post("/login/", {"username": "ada", "password": "a wrong one"})
    client.post("/api/auth/token/", {"username": "ada", "password": PASSWORD})
    said = json.dumps(lines())
    assert of_requests(lines)
    assert PASSWORD not in said and "a wrong one" not in said


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("GET /x?token=abcdefgh&page=2", "abcdefgh"),
        ("Authorization: Bearer abc.def-ghi_jkl", "abc.def-ghi_jkl"),
        ("{'Authorization': 'Token 9944b09199c62bcf9418'}", "9944b09199c62bcf9418"),
        ("redis://:hunter2hunter2@redis:6379/0", "hunter2hunter2"),
        ("postgres://mapwright:pa55word@db/mapwright", "pa55word"),
        ('{"password": "pa55word", "name": "ada"}', "pa55word"),
        ("Cookie: sessionid=abc123; csrftoken=def456", "abc123"),
        ("api_key=sk-1234567890", "sk-1234567890"),
    ],
)
def test_what_is_named_like_a_secret_is_hidden(text, secret):
    assert secret not in without_secrets(text)
    assert "***" in without_secrets(text)


def test_what_this_process_was_given_as_a_secret_is_hidden(settings, monkeypatch):
    from annotation.common import logs

    logs._given_secrets.cache_clear()
    monkeypatch.setenv("SOME_ENDPOINT_KEY", "sk-of-an-endpoint")
    settings.SECRET_KEY = "the-key-that-signs-sessions"
    try:
        for formatter in (Lines("%(message)s"), JsonLines()):
            record = logging.LogRecord("x", 20, "f", 1, "it sent sk-of-an-endpoint, %s", (settings.SECRET_KEY,), None)
            line = formatter.format(record)
            assert "sk-of-an-endpoint" not in line and settings.SECRET_KEY not in line
    finally:
        logs._given_secrets.cache_clear()


def test_lines_stay_one_line_and_say_what_they_are_about(lines):
    with about(request="outer"), about(job="inner", user=lambda: None):
        logging.getLogger("x").warning("two\nlines\u2028and more", extra={"told": {"tiles": 3}})
    (line,) = lines()
    assert (line["request"], line["job"], line["tiles"]) == ("outer", "inner", 3)
    assert "user" not in line
