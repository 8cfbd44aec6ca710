"""Landmarks of a map file that nobody vouches for."""

from __future__ import annotations

import pytest
import shapely

from mlcore.errors import InvalidInputError
from mlcore.landmarks.readers import apart
from mlcore.landmarks.readers.apart import NamedPlaces, map_landmarks_apart, named
from mlcore.limits import MapLimits
from mlcore.progress import SilentProgress

CORNERS = "".join(
    f'<node id="1{number}" version="1" lon="{lon}" lat="{lat}"/>'
    for number, (lon, lat) in enumerate([(85.5, 27.6), (85.501, 27.6), (85.501, 27.601), (85.5, 27.601)])
)
HOUSE = (
    '<way id="5" version="1"><nd ref="10"/><nd ref="11"/><nd ref="12"/><nd ref="13"/><nd ref="10"/>'
    '<tag k="building" v="yes"/></way>'
)
MAP = (
    '<osm version="0.6"><node id="1" version="1" lon="85.5" lat="27.6"><tag k="name" v="Gate"/></node>'
    f'<node id="2" version="1" lon="85.5" lat="27.6"><tag k="shop" v="bakery"/></node>{CORNERS}{HOUSE}</osm>'
)
BOMB = (
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    '<osm version="0.6"><node id="1" version="1" lon="1" lat="1"><tag k="name" v="&b;"/></node></osm>'
)


def test_what_is_named_comes_back(tmp_path):
    path = tmp_path / "map.osm"
    path.write_text(MAP)
    assert map_landmarks_apart(path) == NamedPlaces([("node/1", (85.5, 27.6), {"name": "Gate"})])


def many(count: int, lon: float, first: int = 1) -> str:
    return "".join(
        f'<node id="{first + number}" version="1" lon="{lon}" lat="27.6"><tag k="name" v="Place {number}"/></node>'
        for number in range(count)
    )


def test_what_lies_elsewhere_or_is_a_road_takes_nobodys_room(tmp_path):
    """Left out before anything is cut off, however long the outline of the area is."""
    path, area = tmp_path / "map.osm", tmp_path / "area.wkb"
    road = '<way id="6" version="1"><nd ref="10"/><nd ref="11"/><tag k="highway" v="x"/><tag k="name" v="Way"/></way>'
    path.write_text(f'<osm version="0.6">{many(4, 10.0)}{many(3, 85.5, 50)}{CORNERS}{road}</osm>')
    here = shapely.Point(85.5, 27.6).buffer(0.01, quad_segs=6000)
    area.write_bytes(here.wkb)
    assert len(here.wkb) > 2**18, "more than a command line takes"
    told = named(str(path), str(area), 2, SilentProgress())
    assert [row[0] for row in told["places"]] == ["node/50", "node/51"] and told["left_out"] == 1
    assert [key for key, *_ in map_landmarks_apart(path, area=here.wkb).places] == ["node/50", "node/51", "node/52"]
    assert map_landmarks_apart(path, area=shapely.box(0, 0, 1, 1).wkb) == NamedPlaces([])


def test_what_is_cut_off_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(apart, "MOST", 3)
    path = tmp_path / "map.osm"
    path.write_text(f'<osm version="0.6">{many(5, 10.0)}{CORNERS}{HOUSE}</osm>')
    found = map_landmarks_apart(path)
    assert (len(found.places), found.left_out) == (3, 2)


@pytest.mark.parametrize("content", [BOMB, "no map", "", MAP[:90]])
def test_i5_what_is_no_sound_map_is_refused(tmp_path, content):
    path = tmp_path / "map.osm"
    path.write_text(content)
    with pytest.raises(InvalidInputError):
        map_landmarks_apart(path, name="my map", limits=MapLimits(wall_s=60))
