"""What lies on the border of a block of tiles, of the grid or of the world gives one whole candidate."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import shapely
import shapely.affinity
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely import Polygon

from mlcore.changes.candidate import Candidate, non_maximum_suppression
from mlcore.changes.diff import candidates_of, iter_measures
from mlcore.changes.polygons import iou
from mlcore.changes.registration import region_shifts
from mlcore.correspondences.dense.shift import Shift
from mlcore.evidence.picture import EvidenceReader
from mlcore.geometry.webmercator import TileAddress, tile_at, xy_to_lonlat
from mlcore.maps.features import MapFeature
from mlcore.maps.index import MapIndex
from tests.mlcore.changes.made_place import write_perfect_evidence
from tests.mlcore.changes.sure_classifier import Sure

BORDER = TileAddress(19, 386692, 220241)  # its western border is that of a block
WEST = TileAddress(BORDER.z, BORDER.x - 2, BORDER.y)
LAST = 2**19 - 1
PLACES = {
    "the last column": TileAddress(19, LAST - 1, 220241),
    "the first column": TileAddress(19, 0, 220241),
    "the last row": TileAddress(16, 48336, 2**16 - 2),
    "the first row": TileAddress(16, 48336, 0),
    "the last corner": TileAddress(16, 2**16 - 2, 2**16 - 2),
    "Svalbard": tile_at(15.63, 78.22, 17),
    "Fiji, west of the antimeridian": TileAddress(19, LAST - 1, tile_at(179.99, -16.8, 19).y),
}


def place(shape: Polygon, corner: TileAddress) -> Polygon:
    return Polygon(xy_to_lonlat(np.asarray(shape.exterior.coords), corner))


def house(number: int, shape: Polygon, corner: TileAddress) -> MapFeature:
    return MapFeature("building", place(shape, corner), {"building": "yes"}, "way", number, 1)


def found_in(
    folder: Path,
    real: list[MapFeature],
    drawn: list[MapFeature],
    corner: TileAddress,
    columns: int = 4,
    shifts: Mapping[TileAddress, Shift] | None = None,
    classifier: Sure | None = None,
) -> list[Candidate]:
    tiles = [TileAddress(corner.z, corner.x + x, corner.y + y) for y in range(2) for x in range(columns)]
    evidence = EvidenceReader(write_perfect_evidence(folder / "e.tif", real, columns, 2, corner), corner.z)
    index = MapIndex(drawn)
    shifts = region_shifts(evidence, index, tiles) if shifts is None else shifts
    classifier = classifier or Sure(0.1, 0.7, 0.2)
    blocks = iter_measures(evidence, index, tiles, shifts)
    return non_maximum_suppression([one for block in blocks for one in candidates_of(block, lambda _: [classifier])])


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(east=st.floats(-12, 12), turn=st.floats(0, 89), off=st.floats(-6, 6), other=st.floats(-6, 6))
def test_a_new_house_on_the_border_of_two_blocks_is_suggested_once_and_whole(
    tmp_path: Path, east: float, turn: float, off: float, other: float
) -> None:
    """However differently the map, which has another house beside it, is moved on the two blocks."""
    middle = 2 * 256 + east
    new = shapely.affinity.rotate(shapely.box(middle - 25, 240, middle + 25, 275), turn)
    known = shapely.box(middle - 70, 330, middle + 70, 370)
    shifts = {
        TileAddress(WEST.z, WEST.x + x, WEST.y + y): Shift(off if x < 2 else other, 0.0, 0.9)
        for x in range(4)
        for y in range(2)
    }

    real, drawn = [house(1, new, WEST), house(2, known, WEST)], [house(2, known, WEST)]
    found = found_in(tmp_path, real, drawn, WEST, shifts=shifts)

    there = [one for one in found if one.kind == "add" and one.geometry.intersects(real[0].geometry)]
    assert len(there) == 1
    moved = off if there[0].tile.x < BORDER.x else other
    assert iou(there[0].geometry, place(shapely.affinity.translate(new, -moved), WEST)) > 0.75


@pytest.mark.parametrize(("left", "right"), [(-230, 230), (-150, 330), (-330, 160)])
def test_a_hall_longer_than_what_is_seen_around_a_block_is_suggested_once_and_whole(
    tmp_path: Path, left: float, right: float
) -> None:
    hall = house(1, shapely.box(512 + left, 200, 512 + right, 290), WEST)

    found = found_in(tmp_path, [hall], [], WEST)

    assert [one.kind for one in found] == ["add"]
    assert iou(found[0].geometry, hall.geometry) > 0.95


def test_a_mapped_hall_that_stands_as_drawn_is_not_suggested_to_end_where_the_window_does(tmp_path: Path) -> None:
    hall = house(1, shapely.box(100, 200, 1000, 290), WEST)

    found = found_in(tmp_path, [hall], [hall], WEST, classifier=Sure(0.1, 0.7, 0.2, footprints=(0.16, 0.04, 0.8)))

    assert not found


@pytest.mark.parametrize("name", sorted(PLACES))
def test_at_the_edges_of_the_grid_what_is_missing_gone_and_halved_is_found(tmp_path: Path, name: str) -> None:
    corner = PLACES[name]
    middle = np.array([256.0, 256.0])
    boxes = [(-190, -200, -130, -160), (60, -200, 120, -160), (-60, 60, 20, 110)]
    new, kept, halved = (
        house(number, shapely.box(*np.tile(middle, 2) + np.array(box)), corner)
        for number, box in enumerate(boxes, start=1)
    )
    west, south, east, north = halved.geometry.bounds
    half = MapFeature("building", shapely.box(west, south, (west + east) / 2, north), {"building": "yes"}, "way", 3, 1)

    adds = found_in(tmp_path, [new, kept, halved], [kept, half], corner, columns=2)
    parts = found_in(tmp_path, [new, kept, halved], [kept, half], corner, columns=2, classifier=Sure(0.1, 0.1, 0.8))

    assert max(iou(one.geometry, new.geometry) for one in adds if one.kind == "add") > 0.8
    assert [iou(one.geometry, halved.geometry) > 0.9 for one in parts if one.key == "way/3"] == [True]
    assert all(one.key != kept.key for one in adds)
    assert all(-180 <= value <= 180 for one in adds for value in one.geometry.bounds[::2])


def test_beyond_the_antimeridian_lies_nothing_that_could_be_seen(tmp_path: Path) -> None:
    corner = PLACES["the last column"]
    cut = house(1, shapely.box(400, 100, 512, 160), corner)

    found = found_in(tmp_path, [cut], [], corner, columns=2)

    assert len(found) == 1
    assert found[0].geometry.bounds[2] <= 180
