"""An edit that would change nothing is no suggestion, at any latitude, zoom and turn."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import shapely
import shapely.affinity
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from shapely import Polygon

from mlcore.changes.candidate import Candidate
from mlcore.changes.diff import candidates_of, measure_block
from mlcore.changes.least_change import LEAST_MOVE_M, changes_enough
from mlcore.changes.moves import MapMoves
from mlcore.evidence.picture import EvidenceReader
from mlcore.geometry.polygons import LocalFrame
from mlcore.geometry.webmercator import ground_resolution_m
from mlcore.maps.features import MapFeature
from mlcore.maps.index import MapIndex
from tests.mlcore.changes.made_place import CORNER, houses, tiles_of, write_perfect_evidence
from tests.mlcore.changes.sure_classifier import Sure
from tests.mlcore.changes.test_ground import ATTACHED, WHOLE, house

SIDE_M = 12.0
lat, zoom, turn = st.floats(-80, 80), st.integers(17, 21), st.floats(0, 89)


def there(shape: Polygon, lat: float, turn: float) -> Polygon:
    return LocalFrame(11.0, lat).to_lonlat(shapely.affinity.rotate(shape, turn, origin=(0, 0)))


def enough(proposal: Polygon, lat: float, zoom: int, turn: float) -> bool:
    drawn = shapely.box(0, 0, SIDE_M, SIDE_M)
    return changes_enough(there(drawn, lat, turn), there(proposal, lat, turn), ground_resolution_m(zoom, lat))


@given(lat=lat, zoom=zoom, turn=turn, east=st.floats(-0.9, 0.9), north=st.floats(-0.9, 0.9))
@settings(max_examples=60, deadline=None)
def test_walls_that_move_by_less_than_a_metre_change_nothing(
    lat: float, zoom: int, turn: float, east: float, north: float
) -> None:
    assert not enough(shapely.box(0, 0, SIDE_M + east, SIDE_M + north), lat, zoom, turn)
    assert not enough(shapely.box(east, north, SIDE_M + east, SIDE_M + north), lat, zoom, turn)


@given(lat=lat, zoom=zoom, turn=turn, by=st.floats(1.1, 6))
@settings(max_examples=60, deadline=None)
def test_a_wall_that_moves_further_than_a_metre_and_two_pixels_is_worth_an_edit(
    lat: float, zoom: int, turn: float, by: float
) -> None:
    least = max(LEAST_MOVE_M, 2 * ground_resolution_m(zoom, lat))
    assume(abs(by / least - 1) > 0.03)
    assert enough(shapely.box(0, 0, SIDE_M + by, SIDE_M), lat, zoom, turn) == (by > least)


def test_a_strip_along_a_long_wall_counts_for_nothing_and_a_porch_for_something() -> None:
    drawn = shapely.box(0, 0, 80, 20)
    for proposal, expected in (
        (shapely.box(0, 0, 80, 20.8), False),
        (drawn.union(shapely.box(30, 20, 33, 23)), True),
        (drawn.union(shapely.box(30, 20, 31.5, 21.5)), False),
        (drawn.difference(shapely.box(30, 5, 40, 15)), True),
        (drawn, False),
    ):
        assert changes_enough(there(drawn, 47.0, 20), there(proposal, 47.0, 20), 0.2) is expected


def suggested(folder: Path, real: list[MapFeature], drawn: list[MapFeature], classifier: Sure) -> list[Candidate]:
    evidence = EvidenceReader(write_perfect_evidence(folder / "e.tif", real, 2, 2), CORNER.z)
    measures = measure_block(evidence, MapIndex(drawn), CORNER, tiles_of(2, 2), MapMoves({}))
    return candidates_of(measures, lambda _: [classifier])


SURE = Sure(0.1, 0.9, 0.0, footprints=(0.0, 0.0, 1.0))
"""Says that every footprint has another shape, and that everything on bare ground is a new building."""


def test_a_model_that_finds_every_shape_wrong_suggests_no_other_shape_of_a_right_map(tmp_path: Path) -> None:
    drawn = houses(2, 2)

    found = suggested(tmp_path, drawn, drawn, SURE)

    assert not found


@pytest.mark.parametrize("wrong", [6, 12])
def test_shapes_that_are_wrong_are_still_suggested(tmp_path: Path, wrong: int) -> None:
    drawn = houses(2, 2)
    smaller = [
        replace(one, geometry=shapely.affinity.scale(one.geometry, 0.6, 0.6)) if number < wrong else one
        for number, one in enumerate(drawn)
    ]

    found = suggested(tmp_path, drawn, smaller, SURE)

    assert {one.key for one in found if one.kind == "modify"} == {one.key for one in drawn[:wrong]}


def test_what_the_map_has_some_metres_off_is_moved_and_not_added(tmp_path: Path) -> None:
    off = replace(WHOLE, geometry=shapely.affinity.translate(WHOLE.geometry, 5.5e-5, 3e-5))

    found = suggested(tmp_path, [WHOLE], [off], Sure(0.1, 0.9, 0.0, footprints=(0.4, 0.0, 0.6)))

    assert [one.kind for one in found] == ["shifted"]


def test_a_building_under_ground_is_neither_removed_nor_in_the_way_of_what_stands_above_it(tmp_path: Path) -> None:
    garage = replace(WHOLE, tags={"building": "yes", "location": "underground"})

    gone = suggested(tmp_path, [], [garage], Sure(0.0, 1.0, 0.0, footprints=(0.0, 1.0, 0.0)))
    above = suggested(tmp_path, [house(5, 100, 110, 145, 140)], [garage], SURE)

    assert not gone
    assert [one.kind for one in above] == ["add"]


def test_a_house_that_shares_a_wall_with_a_mapped_one_is_still_added(tmp_path: Path) -> None:
    found = suggested(tmp_path, [WHOLE, ATTACHED], [WHOLE], Sure(0.1, 0.9, 0.0))

    assert [one.kind for one in found] == ["add"]
