"""Where a browser may be sent for tiles: to public names over https alone, and to no more hosts than are named."""

from __future__ import annotations

import pytest

from annotation.sources.errors import LayerAddressError
from annotation.sources.layer_address import check_address, sources_of

GOOD = [
    ("https://tiles.example.org/{z}/{x}/{y}.png", "xyz", ["https://tiles.example.org"]),
    ("https://tiles.example.org:8443/{z}/{x}/{-y}.png?key=ab%20c", "xyz", ["https://tiles.example.org:8443"]),
    ("https://{switch:a,b}.t.example.org/{z}/{x}/{y}", "xyz", ["https://a.t.example.org", "https://b.t.example.org"]),
    (
        "https://wms.example.org/s?SERVICE=WMS&CRS=EPSG:3857&WIDTH={width}&HEIGHT={height}&BBOX={bbox}",
        "wms",
        ["https://wms.example.org"],
    ),
    ("https://wms.example.org/s?CRS={proj}&WIDTH=256&HEIGHT=256&BBOX={bbox}", "wms", ["https://wms.example.org"]),
]
BAD = [
    ("http://tiles.example.org/{z}/{x}/{y}.png", "https"),
    ("javascript:alert(1)//{z}{x}{y}", "https"),
    ("data:image/png,{z}{x}{y}", "https"),
    ("//tiles.example.org/{z}/{x}/{y}", "https"),
    ("https:///{z}/{x}/{y}", "names a host"),
    ("https://user:word@tiles.example.org/{z}/{x}/{y}", "names a host"),
    ("https://{x}.example.org/{z}/{x}/{y}", "names a host"),
    ("https://tiles.example.org/{z}/{x}/{y}#here", "names a host"),
    ("https://tiles.example.org:99999/{z}/{x}/{y}", "no address"),
    ("https://[::1/{z}/{x}/{y}", "no address"),
    ("https://tiles.example.org; script-src *;/{z}/{x}/{y}", "characters"),
    ("https://tiles.example.org\n/{z}/{x}/{y}", "characters"),
    ("https://tiles.example.org\\@evil.example.org/{z}/{x}/{y}", "characters"),
    ("https://tïles.example.org/{z}/{x}/{y}", "characters"),
    ("https://tiles.example.org;x/{z}/{x}/{y}", "no public name"),
    ("https://*.example.org/{z}/{x}/{y}", "no public name"),
    ("https://localhost/{z}/{x}/{y}", "no public name"),
    ("https://tiles/{z}/{x}/{y}", "no public name"),
    ("https://tiles.localhost/{z}/{x}/{y}", "no public name"),
    ("https://printer.local/{z}/{x}/{y}", "no public name"),
    ("https://vault.internal./{z}/{x}/{y}", "no public name"),
    ("https://127.0.0.1/{z}/{x}/{y}", "no public name"),
    ("https://127.1/{z}/{x}/{y}", "no public name"),
    ("https://2130706433/{z}/{x}/{y}", "no public name"),
    ("https://0x7f.0.0.0x1/{z}/{x}/{y}", "no public name"),
    ("https://10.0.0.7/{z}/{x}/{y}", "no public name"),
    ("https://169.254.169.254/{z}/{x}/{y}", "no public name"),
    ("https://[::1]/{z}/{x}/{y}", "no public name"),
    ("https://[::ffff:10.0.0.1]/{z}/{x}/{y}", "no public name"),
    ("https://{switch:a,localhost}/{z}/{x}/{y}", "no public name"),
    ("https://{switch:a,b}.{switch:a,b,c,d,e,f,g,h,i}.example.org/{z}/{x}/{y}", "18 servers"),
    ("https://tiles.example.org/{z}/{x}.png", "not both"),
    ("https://tiles.example.org/{z}/{x}/{y}/{-y}.png", "not both"),
    ("https://tiles.example.org/{z}/{y}.png", "lacks {x}"),
    ("https://tiles.example.org/{z}/{x}/{y}?{apikey}", "{apikey} is no place"),
    ("https://tiles.example.org/{z}/{x}/{y}/{", "not closed"),
]


@pytest.mark.parametrize(("template", "kind", "hosts"), GOOD)
def test_an_address_of_public_tiles_is_taken_and_names_its_hosts(template, kind, hosts):
    assert check_address(f" {template} ", kind) == template
    assert sources_of(template) == hosts


@pytest.mark.parametrize(("template", "why"), BAD)
def test_any_other_address_is_refused_with_its_reason(template, why):
    with pytest.raises(LayerAddressError, match=why.replace("{", r"\{")):
        check_address(template, "xyz")


def test_a_wms_is_asked_for_the_projection_of_the_map():
    with pytest.raises(LayerAddressError, match="EPSG:3857"):
        check_address("https://wms.example.org/s?CRS=EPSG:4326&BBOX={bbox}", "wms")
    with pytest.raises(LayerAddressError, match="lacks"):
        check_address("https://wms.example.org/s?CRS=EPSG:3857", "wms")


def test_a_host_that_is_allowed_by_name_may_be_private_and_speak_plain_http():
    private = "http://tiles.lan:8080/{z}/{x}/{y}.png"
    assert check_address(private, "xyz", ["Tiles.LAN"]) == private
    assert sources_of(private) == ["http://tiles.lan:8080"]
    with pytest.raises(LayerAddressError, match="https"):
        check_address("http://other.lan/{z}/{x}/{y}.png", "xyz", ["tiles.lan"])
