"""I4: which tile servers may be asked, and how they are asked."""

from __future__ import annotations

import socket

import pytest

from annotation.geolocation.engine import tile_servers
from annotation.geolocation.engine.tile_servers import TileServer, check_template, fetch_tiles
from annotation.geolocation.errors import TileAddressError, TileServerError
from mlcore.errors import StoppedError
from mlcore.geometry.webmercator import TileAddress
from mlcore.progress import SilentProgress
from tests.annotation.geolocation.tile_server import Said, png, tile_server

TILE = TileAddress(18, 193341, 110117)
LOCAL = ("127.0.0.1",)


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(tile_servers, "WAIT_S", 0.01)


def asked(server, *tiles, folder, allowed=LOCAL, progress=None):
    return fetch_tiles(TileServer(server.template, allowed, 1000.0), tiles, folder, progress or SilentProgress())


@pytest.mark.parametrize(
    "template",
    [
        "https://tiles.example/{z}/{x}/{y}.png", "https://tiles.example/{z}/{x}/{-y}.jpg?key=abc",
        "https://wmts.example/wmts?LAYER=a&TILEMATRIX={TileMatrix}&TILEROW={TileRow}&TILECOL={TileCol}",
    ],
)  # fmt: skip
def test_xyz_tms_and_wmts_are_taken(template):
    assert check_template(f" {template} ", ()) == template


@pytest.mark.parametrize(
    "template",
    [
        "http://tiles.example/{z}/{x}/{y}.png", "ftp://tiles.example/{z}/{x}/{y}", "file:///{z}/{x}/{y}", "{z}/{x}/{y}",
        "https://user:pw@tiles.example/{z}/{x}/{y}", "https://{z}.example/{z}/{x}/{y}", "https:///{z}/{x}/{y}",
        "https://tiles.example/{z}/{x}.png", "https://{s}.tiles.example/{z}/{x}/{y}", "https://t.example/{q}/{z}/{x}/{y}",
        "https://t.example/{z}/{x}/{y}#a", "https://t.example:port/{z}/{x}/{y}", "https://[::1/{z}/{x}/{y}",
        "https://t.example/{z}/{x}/{y}\nHost: other", "",
    ],
)  # fmt: skip
def test_anything_else_is_refused_with_the_remedy(template):
    with pytest.raises(TileAddressError):
        check_template(template, LOCAL)


def test_a_host_allowed_by_name_may_speak_plain_http():
    assert check_template("http://127.0.0.1:8080/{z}/{x}/{y}", LOCAL)


def test_places_are_filled_by_their_scheme():
    for place, value in (("{y}", "5"), ("{-y}", "10")):
        assert (
            TileServer(f"https://a.example/{{z}}/{{x}}/{place}").url_of(TileAddress(4, 3, 5)).endswith(f"4/3/{value}")
        )
    wmts = TileServer("https://a.example/?m={TileMatrix}&r={TileRow}&c={TileCol}")
    assert wmts.url_of(TileAddress(4, 3, 5)).endswith("?m=4&r=5&c=3")


def test_a_private_host_that_nobody_allowed_gets_no_connection(tmp_path):
    with tile_server(lambda tile, number: Said(png(tile))) as server:
        with pytest.raises(TileServerError, match="MAPWRIGHT_REFERENCE_HOSTS"):
            asked(server, TILE, folder=tmp_path, allowed=())
        assert server.asked == []


@pytest.mark.parametrize("address", ["10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1"])
def test_a_name_that_leads_to_a_private_address_is_refused(monkeypatch, tmp_path, address):
    def resolve(host, port, *args, **kwargs):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(TileServerError, match="not public"):
        fetch_tiles(TileServer("https://tiles.example/{z}/{x}/{y}"), [TILE], tmp_path, SilentProgress())


def test_redirects_are_not_followed(tmp_path):
    with tile_server(lambda tile, number: Said(png(tile))) as inner:
        away = Said(status=302, headers={"Location": inner.template.format(z=18, x=1, y=1)})
        with tile_server(lambda tile, number: away) as outer, pytest.raises(TileServerError, match="redirects"):
            asked(outer, TILE, folder=tmp_path)
        assert len(outer.asked) == 1 and inner.asked == []


def test_tiles_are_asked_for_once_and_what_the_server_lacks_is_no_error(tmp_path):
    other = TileAddress(18, TILE.x + 1, TILE.y)
    with tile_server(lambda tile, number: Said(png(tile)) if tile == TILE else Said(status=404)) as server:
        for _ in range(2):
            found = asked(server, TILE, other, folder=tmp_path)
            assert set(found) == {TILE} and found[TILE].read_bytes() == png(TILE)
        assert len(server.asked) == 2
    assert "Mapwright" in server.headers[0]["User-Agent"]


def test_a_server_that_is_busy_is_asked_again_and_one_that_refuses_is_not(tmp_path):
    busy = {0: Said(status=429, headers={"Retry-After": "0"}), 1: Said(status=503)}
    with tile_server(lambda tile, number: busy.get(number, Said(png(tile)))) as server:
        assert set(asked(server, TILE, folder=tmp_path)) == {TILE}
        assert len(server.asked) == 3
    with tile_server(lambda tile, number: Said(status=403)) as server:
        with pytest.raises(TileServerError, match="answers 403"):
            asked(server, TILE, folder=tmp_path / "other")
        assert len(server.asked) == 1
    with tile_server(lambda tile, number: Said(status=500)) as server:
        with pytest.raises(TileServerError, match="answers 500"):
            asked(server, TILE, folder=tmp_path / "third")
        assert len(server.asked) == tile_servers.ATTEMPTS


def test_what_is_too_large_for_a_tile_is_not_read_on(tmp_path):
    with (
        tile_server(lambda tile, number: Said(bytes(tile_servers.MOST_BYTES + 1))) as server,
        pytest.raises(TileServerError, match="larger than"),
    ):
        asked(server, TILE, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_stop_is_heard_and_what_came_stays(tmp_path):
    class Stop(SilentProgress):
        def should_stop(self) -> bool:
            return len(server.asked) == 1

    tiles = [TileAddress(18, TILE.x + step, TILE.y) for step in range(3)]
    with tile_server(lambda tile, number: Said(png(tile))) as server, pytest.raises(StoppedError):
        asked(server, *tiles, folder=tmp_path, progress=Stop())
    assert len(list(tmp_path.iterdir())) == 1
