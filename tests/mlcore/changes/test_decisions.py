"""What people decided, and the map that follows from it."""

from __future__ import annotations

import pytest
import shapely
import shapely.affinity

from mlcore.changes.decisions import Decision, apart_from, decided_index, decisions_digest
from mlcore.errors import InvalidInputError
from mlcore.geometry.webmercator import tile_at
from mlcore.maps.features import MapFeature
from mlcore.maps.index import MapIndex
from tests.mlcore.changes.made_place import CORNER, houses, tiles_of

HOUSES = houses(4, 2)
INDEX = MapIndex(HOUSES)
ELSEWHERE = shapely.affinity.scale(shapely.affinity.translate(HOUSES[0].geometry, 8.6e-5, -7.6e-5), 0.3, 0.3)


def tile_of(shape: shapely.Geometry):
    return tile_at(shape.centroid.x, shape.centroid.y, CORNER.z)


def about(house: MapFeature, kind: str, decision: str, final=None, proposed=None, reason: str = "") -> Decision:
    shape = proposed if proposed is not None else house.geometry
    return Decision(kind, decision, shape, final, house.osm_type, house.osm_id, tile_of(shape), reason=reason)


def new(shape, decision: str = "accepted", reason: str = "") -> Decision:
    final = shape if decision != "rejected" else None
    return Decision("add", decision, shape, final, None, None, tile_of(shape), reason=reason)


def test_accepted_edits_are_in_the_map_and_rejected_ones_are_not():
    moved = shapely.affinity.translate(HOUSES[1].geometry, 3e-5, 0)
    index = decided_index(
        INDEX,
        [
            new(ELSEWHERE),
            about(HOUSES[0], "remove", "accepted"),
            about(HOUSES[1], "shifted", "adjusted", final=moved),
            about(HOUSES[2], "remove", "rejected"),
            about(HOUSES[3], "modify", "rejected", proposed=moved),
        ],
    )
    by_key = {feature.key: feature for feature in index}
    assert len(by_key) == len(HOUSES)
    assert HOUSES[0].key not in by_key
    assert by_key[HOUSES[1].key].geometry.equals(moved)
    assert by_key[HOUSES[1].key].tags == HOUSES[1].tags
    assert by_key[HOUSES[2].key] is HOUSES[2] and by_key[HOUSES[3].key] is HOUSES[3]
    assert any(feature.geometry.equals(ELSEWHERE) for feature in index)
    assert len(list(INDEX)) == len(HOUSES)


def test_what_a_newer_map_holds_already_is_not_added_twice_and_what_it_lost_is_no_error():
    nearly = shapely.affinity.scale(HOUSES[0].geometry, 0.9, 0.9)
    gone = MapFeature("building", ELSEWHERE, {}, "way", 10**6)
    assert decided_index(INDEX, [new(nearly), about(gone, "remove", "accepted")]) is INDEX


def test_a_later_decision_about_a_footprint_goes_before_an_earlier_one():
    shape = shapely.affinity.scale(HOUSES[0].geometry, 1.2, 1.2)
    index = decided_index(
        INDEX, [about(HOUSES[0], "modify", "accepted", final=shape), about(HOUSES[0], "remove", "accepted")]
    )
    assert HOUSES[0].key not in {feature.key for feature in index}


def test_a_person_vouches_for_buildings_and_for_bare_ground_but_not_where_the_reason_leaves_doubt():
    house = HOUSES[0]
    assert new(ELSEWHERE).seen.equals(ELSEWHERE)
    assert new(ELSEWHERE, "rejected").bare.equals(ELSEWHERE)
    doubt = new(ELSEWHERE, "rejected", "already_mapped")
    assert doubt.bare is None and doubt.doubtful.equals(ELSEWHERE)
    assert about(house, "remove", "accepted").bare.equals(house.geometry)
    assert about(house, "remove", "rejected", reason="still_there").seen.equals(house.geometry)
    assert about(house, "modify", "rejected", final=house.geometry, proposed=ELSEWHERE).seen.equals(house.geometry)
    wrong = about(house, "modify", "rejected", final=house.geometry, proposed=ELSEWHERE, reason="wrong_shape")
    assert wrong.seen is None and wrong.bare is None


def test_only_decisions_that_touch_none_of_the_tiles_are_apart_from_them():
    tiles = tiles_of(4, 2)
    inside = new(ELSEWHERE)
    far = new(next(h.geometry for h in HOUSES if tile_of(h.geometry) != inside.tile))
    _, south, east, _ = inside.tile.bounds_lonlat
    across = new(shapely.box(east - 1e-5, south + 1e-4, east + 9e-5, south + 2e-4))
    assert across.tile != inside.tile
    assert apart_from([inside, far, across], [inside.tile], INDEX) == [far]
    assert apart_from([inside, far, across], [], INDEX) == [inside, far, across]
    assert apart_from([inside, far, across], tiles, INDEX) == []


def test_the_digest_tells_decisions_apart():
    one, other = new(ELSEWHERE), new(ELSEWHERE, "rejected")
    assert decisions_digest([one]) == decisions_digest([new(ELSEWHERE)])
    assert len({decisions_digest(said) for said in ([], [one], [other], [one, other], [other, one])}) == 5


def test_a_decision_that_names_no_footprint_or_leaves_no_shape_is_refused():
    with pytest.raises(InvalidInputError, match="osm_type"):
        Decision("remove", "accepted", ELSEWHERE, None, None, None, tile_of(ELSEWHERE))
    with pytest.raises(InvalidInputError, match="final_geometry"):
        Decision("add", "accepted", ELSEWHERE, None, None, None, tile_of(ELSEWHERE))


def test_a_part_that_is_no_building_is_bare_ground_and_the_building_stands():
    house = HOUSES[0]
    west, south, east, north = house.geometry.bounds
    wing = shapely.box(east, south, 2 * east - west, north).difference(house.geometry)
    proposed = house.geometry.union(wing)
    said = about(house, "modify", "rejected", final=house.geometry, proposed=proposed, reason="not_a_building")
    assert said.bare is not None and said.bare.equals(proposed.difference(house.geometry))
    fine = about(house, "modify", "rejected", final=house.geometry, proposed=proposed, reason="wrong_shape")
    assert fine.bare is None
    own = about(house, "modify", "rejected", final=house.geometry, proposed=proposed, reason="separate_building")
    assert own.bare is None and own.seen is not None and own.seen.equals(house.geometry)
    assert own.doubtful is not None and own.doubtful.equals(proposed.difference(house.geometry))


def test_a_shape_that_crosses_itself_is_refused():
    west, south, east, north = HOUSES[0].geometry.bounds
    bow = shapely.Polygon([(west, south), (east, north), (east, south), (west, north)])
    with pytest.raises(InvalidInputError, match="crosses itself"):
        new(bow)
    with pytest.raises(InvalidInputError, match="crosses itself"):
        about(HOUSES[0], "modify", "rejected", proposed=bow)
