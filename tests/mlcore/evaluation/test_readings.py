"""Readings of a map: a tile is clean where no reader is sure of an error of 40 m2."""

import json
import math
from dataclasses import replace

import pytest
import shapely

from mlcore.changes.candidate import Candidate
from mlcore.errors import InvalidInputError
from mlcore.evaluation.readings import Disagreement, Readings, load_readings, real_figures
from mlcore.geometry.webmercator import TileAddress

ERROR = {"kind": "missing", "lon": 85.0, "lat": 27.0, "area_m2": 55, "sure": True}


def write(path, *readers, **changes):
    record = {"format": "mapwright-readings", "version": 1, "place": "here", "readers": [{"tiles": r} for r in readers]}
    path.write_text(json.dumps(record | changes), encoding="utf-8")
    return path


def test_a_tile_is_wrong_where_one_reader_is_sure_of_an_error_of_40_m2(tmp_path):
    first = {"19/1/1": [ERROR], "19/1/2": [ERROR | {"sure": False}], "19/1/3": [ERROR | {"area_m2": 39}], "19/1/4": []}
    second = {"19/1/1": [], "19/1/2": [], "19/1/3": [], "19/1/4": [ERROR], "19/1/5": []}
    readings = load_readings(write(tmp_path / "readings.json", first, second))
    assert readings.place == "here"
    assert readings.read == {TileAddress(19, 1, y) for y in (1, 2, 3, 4)}  # what one reader alone saw is not read
    assert readings.clean == {TileAddress(19, 1, 2), TileAddress(19, 1, 3)}


@pytest.mark.parametrize("changes", [{"format": "other"}, {"version": 2}, {"readers": []}, {"readers": [{"tiles": 3}]}])
def test_another_file_is_refused_in_words(tmp_path, changes):
    with pytest.raises(InvalidInputError, match="leave --readings out"):
        load_readings(write(tmp_path / "readings.json", {}, **changes))


@pytest.mark.parametrize("text", ["", "[]", "{}", "{" * 3000, '{"format": "mapwright-readings", "version": 1}'])
def test_a_damaged_file_is_refused_in_words(tmp_path, text):
    path = tmp_path / "readings.json"
    path.write_text(text)
    with pytest.raises(InvalidInputError, match="leave --readings out"):
        load_readings(path)


TILE = TileAddress(19, 386690, 220241)
MIDDLE = shapely.get_coordinates(TILE.polygon_lonlat.centroid)[0]
METRE = 1 / 111_320  # degrees of latitude


def square(east_m, north_m, side_m):
    """A square about a point so many metres from the middle of the tile."""
    wide = METRE / math.cos(math.radians(MIDDLE[1]))
    x, y = MIDDLE[0] + east_m * wide, MIDDLE[1] + north_m * METRE
    return shapely.box(x - side_m / 2 * wide, y - side_m / 2 * METRE, x + side_m / 2 * wide, y + side_m / 2 * METRE)


def seen(sort, east_m, north_m, area_m2=60.0, sure=True):
    return Disagreement(sort, square(east_m, north_m, 1).centroid, area_m2, sure)


def proposed(kind, east_m, north_m, confidence=0.5):
    return Candidate(kind, square(east_m, north_m, 8), None, None, TILE, confidence)


@pytest.mark.parametrize(
    ("candidate", "confirmed"),
    [
        (proposed("add", 1, 1), True),
        (proposed("add", 6, 0), True),  # its wall is two metres from where the reader points
        (proposed("add", 8, 0), False),
        (proposed("remove", 0, 0), False),  # another sort of error
        (proposed("remove", 0, 30), True),
        (proposed("shifted", 0, -30), True),
        (proposed("modify", 0, -30), True),
        (proposed("add", 30, 0), False),  # the reader was not sure
    ],
)
def test_a_candidate_is_confirmed_by_a_sure_reader_who_points_at_the_same_error(candidate, confirmed):
    said = [seen("missing", 0, 0), seen("gone", 0, 30), seen("wrong", 0, -30), seen("missing", 30, 0, sure=False)]
    assert Readings("here", ({TILE: []}, {TILE: said})).confirms(candidate) == confirmed


def test_what_two_readers_saw_counts_once_and_small_or_doubtful_things_not_at_all():
    first = [seen("missing", 0, 0), seen("missing", 20, 0), seen("missing", -20, 0, area_m2=30)]
    second = [seen("missing", 2, 1), seen("missing", 0, 20, sure=False)]
    readings = Readings("here", ({TILE: first}, {TILE: second}))
    figures = real_figures([proposed("add", 0, 0, 0.1), proposed("add", -20, 0), proposed("remove", 20, 0)], readings)
    assert figures == {"real_confirmed_first40": 2.0, "real_missing": 2.0, "real_missing_found": 0.5}
    assert math.isnan(real_figures([], Readings("here", ({TILE: []},)))["real_missing_found"])


def test_a_part_of_a_building_is_confirmed_where_it_lies_and_not_where_the_building_stands():
    part = Candidate("modify", square(0, 0, 40), "way", 1, TILE, 0.9, {}, "way/1", square(16, 0, 8))
    at_part, elsewhere = seen("missing", 16, 0), seen("missing", -14, 0)
    assert Readings("here", ({TILE: [at_part]},)).confirms(part)
    assert Readings("here", ({TILE: [seen("wrong", -14, 0)]},)).confirms(part)  # its outline is wrong
    assert not Readings("here", ({TILE: [elsewhere]},)).confirms(part)
    assert not Readings("here", ({TILE: [at_part]},)).confirms(replace(part, part=None))
    figures = real_figures([part], Readings("here", ({TILE: [at_part, elsewhere]},)))
    assert figures["real_missing"] == 2 and figures["real_missing_found"] == 0.5
