"""I4: no address that is not public is asked, by whatever name, unless an administrator allowed the host."""

import asyncio
import socket

import pytest

from mlcore.anchors.generators.endpoint import Endpoint, endpoint_from
from mlcore.anchors.generators.hosts import ForbiddenHostError, UnknownHostError, checked_address, is_public
from mlcore.anchors.generators.served import HttpGenerator
from mlcore.errors import ConfigError
from tests.loopback import Said, completion, endpoint
from tests.mlcore.anchors.generators.sources import Noise, never, tiles


def check(url, allowed=()):
    return asyncio.run(checked_address(url, allowed))


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.9.1", "10.0.0.5", "172.16.3.4", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1",
        "224.0.0.1", "255.255.255.255", "240.0.0.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12:3456::1",
        "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::",
        "2001:db8::1", "2001:0:0:0:0:0:f5ff:fffe",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.215.14", "2606:4700:4700::1111"])
def test_public_addresses(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8000/v1", "http://localhost/v1", "http://LOCALHOST./v1", "http://[::1]:8000/v1",
        "http://2130706433/v1", "http://0x7f000001/v1", "http://127.1/v1", "http://0/v1", "http://[::ffff:127.0.0.1]/v1",
        "http://169.254.169.254/latest/meta-data", "http://10.1.2.3/v1",
    ],
)  # fmt: skip
def test_a_url_that_leads_inside_is_refused_however_it_is_written(url):
    with pytest.raises(ForbiddenHostError, match="MAPWRIGHT_MLLM_ALLOWED_HOSTS"):
        check(url)


def test_an_allowed_host_is_asked_and_only_that_one():
    assert check("http://127.0.0.1:8000/v1", ["127.0.0.1"]) == "127.0.0.1"
    assert check("http://Localhost:8000/v1", ["localhost"]) in ("127.0.0.1", "::1")
    with pytest.raises(ForbiddenHostError):
        check("http://localhost:8000/v1", ["127.0.0.1"])


def test_a_host_without_an_address_is_said_to_be_unknown():
    with pytest.raises(UnknownHostError):
        check("http://nowhere.invalid/v1")


def test_one_private_address_among_public_ones_is_enough_to_refuse(monkeypatch):
    answers = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, 80)) for ip in ("93.184.215.14", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: answers)
    with pytest.raises(ForbiddenHostError, match=r"10\.0\.0\.1"):
        check("http://mixed.example/v1")


def test_a_name_that_turns_to_loopback_between_two_requests_is_refused_at_the_second(monkeypatch):
    """DNS rebinding: every request resolves anew and connects to the very address that was checked."""
    turns = iter([["93.184.215.14"], ["127.0.0.1"]])

    def resolve(host, port, *args, **kwargs):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in next(turns)]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    assert check("http://turning.example/v1") == "93.184.215.14"
    with pytest.raises(ForbiddenHostError):
        check("http://turning.example/v1")


def test_the_checked_address_is_connected_to_under_the_name_of_the_host(monkeypatch):
    """The name resolves once per request: the connection goes to the checked address, Host names the host."""
    with endpoint(lambda number, body: completion()) as server:
        resolved = []

        def resolve(host, port, *args, **kwargs):
            resolved.append(host)
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

        asked = Endpoint(f"http://model.example:{server.port}/v1", "m", side_px=28)
        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        found = list(HttpGenerator(asked, allowed_hosts=["model.example"]).describe(tiles(1), Noise(), never))
        assert found[0].anchor is not None
        assert server.requests[0][0]["Host"] == f"model.example:{server.port}"
        assert [name for name in resolved if name != "127.0.0.1"] == ["model.example"]


def test_a_forbidden_host_gets_no_connection_and_the_run_says_why():
    with endpoint(lambda number, body: completion()) as server:
        generator = HttpGenerator(Endpoint(server.url, "m", side_px=28, concurrency=1))
        found = list(generator.describe(tiles(3), Noise(), never))
        assert server.requests == []
    assert [one.reason for one in found] == ["refused", "given_up", "given_up"]
    assert "no public address" in found[0].detail


def test_redirects_are_not_followed():
    with endpoint(lambda number, body: completion()) as inner:
        away = Said(status=307, headers={"Location": f"{inner.url}/chat/completions"})
        with endpoint(lambda number, body: away) as outer:
            asked = Endpoint(outer.url, "m", side_px=28, concurrency=1)
            found = list(HttpGenerator(asked, allowed_hosts=["127.0.0.1"]).describe(tiles(2), Noise(), never))
            assert len(outer.requests) == 1
        assert inner.requests == []
    assert found[0].reason == "refused" and "redirects are not followed" in found[0].detail


def test_a_proxy_named_in_the_environment_is_not_used(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    with endpoint(lambda number, body: completion()) as server:
        asked = Endpoint(server.url, "m", side_px=28)
        found = list(HttpGenerator(asked, allowed_hosts=["127.0.0.1"]).describe(tiles(1), Noise(), never))
    assert found[0].anchor is not None


@pytest.mark.parametrize(
    "values",
    [
        {"url": "file:///etc/passwd"}, {"url": "ftp://h/v1"}, {"url": "http:///v1"}, {"url": "http://user:pw@h/v1"},
        {"url": "http://h/v1?key=1"}, {"model": ""}, {"key_env": "A-B"}, {"attempts": 0}, {"concurrency": 10_000},
        {"timeout_s": float("nan")}, {"price_in": -1.0}, {"timeout_s": "60"}, {"api_key": "secret"}, {"name": "x"},
    ],
)  # fmt: skip
def test_a_wrong_setting_of_an_endpoint_is_refused(values):
    with pytest.raises(ConfigError):
        endpoint_from("good", {"url": "https://h.example/v1", "model": "m", **values})
