"""Landmarks of a map file that nobody vouches for."""

from __future__ import annotations

import pytest

from mlcore.errors import InvalidInputError
from mlcore.landmarks.readers.apart import map_landmarks_apart
from mlcore.limits import MapLimits

CORNERS = "".join(
    f'<node id="1{number}" version="1" lon="{lon}" lat="{lat}"/>'
    for number, (lon, lat) in enumerate([(85.5, 27.6), (85.501, 27.6), (85.501, 27.601), (85.5, 27.601)])
)
MAP = (
    '<osm version="0.6"><node id="1" version="1" lon="85.5" lat="27.6"><tag k="name" v="Gate"/></node>'
    f'<node id="2" version="1" lon="85.5" lat="27.6"><tag k="shop" v="bakery"/></node>{CORNERS}<way id="5" version="1">'
    '<nd ref="10"/><nd ref="11"/><nd ref="12"/><nd ref="13"/><nd ref="10"/><tag k="building" v="yes"/></way></osm>'
)
BOMB = (
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    '<osm version="0.6"><node id="1" version="1" lon="1" lat="1"><tag k="name" v="&b;"/></node></osm>'
)


def test_what_is_named_comes_back(tmp_path):
    path = tmp_path / "map.osm"
    path.write_text(MAP)
    assert map_landmarks_apart(path) == [("node/1", (85.5, 27.6), {"name": "Gate"})]


@pytest.mark.parametrize("content", [BOMB, "no map", "", MAP[:90]])
def test_i5_what_is_no_sound_map_is_refused(tmp_path, content):
    path = tmp_path / "map.osm"
    path.write_text(content)
    with pytest.raises(InvalidInputError):
        map_landmarks_apart(path, name="my map", limits=MapLimits(wall_s=60))
