"""What people read on a map: a tile is clean where no reader is sure of an error of 40 m2."""

import json

import pytest

from mlcore.errors import InvalidInputError
from mlcore.evaluation.readings import load_readings
from mlcore.geometry.webmercator import TileAddress

ERROR = {"kind": "missing", "area_m2": 55, "sure": True}


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
    assert readings.wrong == {TileAddress(19, 1, 1), TileAddress(19, 1, 4)}
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
