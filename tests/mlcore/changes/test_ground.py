"""What stands beside a footprint is measured as a building of its own and as a part of the mapped one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import shapely
import shapely.affinity
from shapely import Polygon

from mlcore.changes.candidate import Candidate, non_maximum_suppression
from mlcore.changes.diff import candidates_of, measure_block
from mlcore.changes.ground import GroundMeasure
from mlcore.changes.moves import MapMoves
from mlcore.changes.polygons import iou, mends
from mlcore.evidence.picture import EvidenceReader
from mlcore.geometry.webmercator import xy_to_lonlat
from mlcore.maps.features import MapFeature
from mlcore.maps.index import MapIndex
from tests.mlcore.changes.made_place import CORNER, tiles_of, write_perfect_evidence
from tests.mlcore.changes.sure_classifier import Sure

TURN = 20.0
HOUSE = (100, 110, 160, 140)  # pixels of the tile


def shape_of(left: float, top: float, right: float, bottom: float) -> Polygon:
    """A box in pixels, turned about the middle of the house, in degrees."""
    turned = shapely.affinity.rotate(shapely.box(left, top, right, bottom), TURN, origin=(130, 125))
    return Polygon(xy_to_lonlat(np.asarray(turned.exterior.coords), CORNER))


def house(number: int, *box: float) -> MapFeature:
    return MapFeature("building", shape_of(*box), {"building": "yes"}, "way", number, 1)


WHOLE, HALF = house(1, *HOUSE), house(1, 100, 110, 128, 140)
ATTACHED = house(2, 160, 110, 200, 140)


def measured(folder: Path, real: list[MapFeature], drawn: list[MapFeature]) -> list[GroundMeasure]:
    evidence = EvidenceReader(write_perfect_evidence(folder / "e.tif", real, 1, 1), 19)
    return measure_block(evidence, MapIndex(drawn), CORNER, tiles_of(1, 1), MapMoves({})).ground


def largest(ground: list[GroundMeasure]) -> GroundMeasure:
    return max(ground, key=lambda one: one.area_m2)


def test_the_missing_half_of_a_house_is_measured_as_a_part_of_it(tmp_path: Path) -> None:
    found = largest(measured(tmp_path, [WHOLE], [HALF]))

    assert found.adjacent is not None and found.adjacent.feature.key == HALF.key
    assert iou(found.adjacent.extended, WHOLE.geometry) > 0.85
    assert mends(found.adjacent.extended, HALF.geometry, WHOLE.geometry)
    assert found.figure("abutting") > 0.15
    assert found.leads_to(WHOLE.geometry) and not found.leads_to(HALF.geometry)


def test_a_wall_tells_an_attached_house_from_a_part_of_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "part").mkdir()
    (tmp_path / "own").mkdir()
    part = largest(measured(tmp_path / "part", [WHOLE], [HALF]))
    own = largest(measured(tmp_path / "own", [WHOLE, ATTACHED], [WHOLE]))

    assert own.adjacent is not None
    assert own.figure("wall") > 2 * part.figure("wall")
    assert iou(own.proposal, ATTACHED.geometry) > 0.75


def test_a_building_that_stands_alone_has_no_neighbour(tmp_path: Path) -> None:
    apart = house(2, 190, 190, 230, 230)
    found = largest(measured(tmp_path, [WHOLE, apart], [WHOLE]))

    assert found.adjacent is None
    assert (found.figure("abutting"), found.figure("wall"), found.figure("joined")) == (0.0, 1.0, 0.0)
    assert not found.leads_to(WHOLE.geometry)


@pytest.mark.parametrize("chances", [(0.1, 0.2, 0.7), (0.1, 0.4, 0.5), (0.1, 0.7, 0.2)])
def test_a_part_is_suggested_as_another_shape_of_its_building_and_a_building_as_a_new_one(
    tmp_path: Path, chances: tuple[float, ...]
) -> None:
    evidence = EvidenceReader(write_perfect_evidence(tmp_path / "e.tif", [WHOLE], 1, 1), 19)
    measures = measure_block(evidence, MapIndex([HALF]), CORNER, tiles_of(1, 1), MapMoves({}))

    found = candidates_of(measures, lambda _: [Sure(*chances)])[0]

    assert found.confidence == pytest.approx(0.9)  # that it is missing, as the one or the other
    if chances[2] > 2 * chances[1]:
        assert (found.kind, found.key, found.osm_id) == ("modify", HALF.key, HALF.osm_id)
        assert iou(found.geometry, WHOLE.geometry) > 0.85
        assert 0 < found.changed_m2 < float(found.evidence["area_m2"])
    else:
        assert (found.kind, found.key) == ("add", None)
        assert found.changed_m2 == found.evidence["area_m2"]


def test_of_two_edits_of_one_footprint_the_surer_stays(tmp_path: Path) -> None:
    evidence = EvidenceReader(write_perfect_evidence(tmp_path / "e.tif", [WHOLE], 1, 1), 19)
    measures = measure_block(evidence, MapIndex([HALF]), CORNER, tiles_of(1, 1), MapMoves({}))
    extended = candidates_of(measures, lambda _: [Sure(0.1, 0.2, 0.7)])[0]
    gone = replace(extended, kind="remove", geometry=HALF.geometry, confidence=0.4)

    assert non_maximum_suppression([gone, extended]) == [extended]


def test_what_the_map_has_right_of_a_building_stays_as_it_is(tmp_path: Path) -> None:
    """A courtyard, a notch and the far end of a long hall are none of the part's business."""
    ring = shape_of(20, 110, 128, 140).difference(shape_of(40, 118, 52, 130)).difference(shape_of(60, 108, 66, 122))
    drawn = replace(HALF, geometry=ring)
    found = largest(measured(tmp_path, [replace(HALF, geometry=ring.union(WHOLE.geometry))], [drawn]))

    assert found.adjacent is not None
    assert found.adjacent.extended.intersection(ring).area == pytest.approx(ring.area, rel=1e-6)
    assert len(found.adjacent.extended.interiors) == 1
    assert iou(found.adjacent.part, WHOLE.geometry.difference(HALF.geometry)) > 0.75


def test_a_hall_that_reaches_beyond_the_window_is_kept_whole(tmp_path: Path) -> None:
    hall = house(1, -700, 110, 128, 140)
    found = largest(measured(tmp_path, [hall, WHOLE], [hall]))

    assert found.adjacent is not None
    assert found.adjacent.extended.intersection(hall.geometry).area == pytest.approx(hall.geometry.area, rel=1e-6)


def test_a_building_of_several_polygons_has_no_part_of_its_own(tmp_path: Path) -> None:
    two = replace(HALF, geometry=shapely.MultiPolygon([HALF.geometry, shape_of(20, 110, 60, 140)]))

    assert largest(measured(tmp_path, [WHOLE], [two])).adjacent is None


def test_a_house_with_two_missing_wings_is_extended_by_one_and_the_other_is_still_suggested(tmp_path: Path) -> None:
    evidence = EvidenceReader(write_perfect_evidence(tmp_path / "e.tif", [house(1, 60, 110, 200, 140)], 1, 1), 19)
    middle = house(1, 110, 110, 150, 140)
    measures = measure_block(evidence, MapIndex([middle]), CORNER, tiles_of(1, 1), MapMoves({}))

    found = candidates_of(measures, lambda _: [Sure(0.1, 0.1, 0.8)])

    assert sorted(one.kind for one in found) == ["add", "modify"]


def test_of_one_footprint_or_one_place_in_two_blocks_one_edit_is_suggested() -> None:
    tile = tiles_of(1, 1)[0]
    gone = Candidate("remove", HALF.geometry, "way", 1, tile, 0.9, {}, HALF.key)
    grown = Candidate("modify", WHOLE.geometry, "way", 1, tile, 0.8, {}, HALF.key)
    new = [Candidate("add", ATTACHED.geometry, None, None, tile, chance) for chance in (0.3, 0.95)]

    assert non_maximum_suppression([grown, *new, gone]) == [new[1], gone]


def test_a_house_cut_by_the_border_of_the_image_keeps_what_lies_beyond_it(tmp_path: Path) -> None:
    wide, drawn = house(1, 40, -20, 90, 40), house(1, 40, -20, 90, 12)

    found = largest(measured(tmp_path, [wide], [drawn]))

    assert found.adjacent is not None
    assert iou(found.adjacent.extended, wide.geometry) > 0.75
