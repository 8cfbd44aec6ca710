"""The pairs of a suite: every tile both ways, exact truth, one file that anyone scores the same pairs from."""

import json

import numpy as np
import pytest
import shapely

from mlcore.errors import InvalidInputError
from mlcore.evaluation.other_map import HERE, other_map_set, swapped
from mlcore.evaluation.pair_files import content_digest, load_pairs, save_pairs
from mlcore.evaluation.pairs import CHANGED, UNDECIDED, UNTOUCHED, halves, protocol_set, queue_set, single_set
from mlcore.maps.index import MapIndex
from mlcore.maps.render import MapRenderer
from mlcore.synthetic.local_frame import LocalFrame
from mlcore.synthetic.truth import changed_shares, tile_truth
from tests.mlcore.changes.made_place import houses, tiles_of

COLUMNS, ROWS = 6, 4
TILES = tiles_of(COLUMNS, ROWS)
INDEX = MapIndex(houses(COLUMNS, ROWS))


@pytest.fixture(scope="module")
def protocol():
    return protocol_set(INDEX, TILES, 4, seed=3)


@pytest.fixture(scope="module")
def single():
    return single_set(INDEX, TILES, 4, seed=3)


def by_tile(pairs, wanted):
    """How often each tile is in the wanted state."""
    return (pairs.state.reshape(len(pairs.editions), -1) == wanted).sum(axis=0)


def test_two_rounds_edit_every_tile_once():
    first, second, third = halves(TILES, 3, seed=0)
    assert sorted(first + second) == sorted(TILES)
    assert len(third) == len(TILES) // 2
    assert halves(TILES, 3, seed=0) == [first, second, third]


def test_every_tile_appears_untouched_and_nearly_every_one_changed(protocol, single):
    assert (by_tile(protocol, UNTOUCHED) >= 2).all()
    assert (by_tile(protocol, CHANGED) >= 1).mean() > 0.9
    assert (by_tile(single, UNTOUCHED) == 2).all()
    assert (by_tile(single, CHANGED) + by_tile(single, UNDECIDED) == 2).all()


def test_the_truth_of_a_protocol_pair_is_the_rule_of_the_library(protocol):
    for edition in protocol.editions:
        truth, shares = tile_truth(edition.edited.edits, TILES), changed_shares(edition.edited.edits, TILES)
        assert [state == CHANGED for state in edition.state] == [truth[tile] for tile in TILES]
        untouched = np.array([shares[tile] < 1e-6 for tile in TILES])
        assert ((edition.state == UNTOUCHED) == untouched).all()


def test_a_single_pair_has_exactly_one_building_of_40_m2_and_is_changed_where_40_m2_are_wrong(single):
    frame = LocalFrame.about([tile.polygon_lonlat for tile in TILES])
    for edition in single.editions:
        for tile, state in zip(TILES, edition.state, strict=True):
            inside = [e for e in edition.edited.edits if tile.polygon_lonlat.contains(e.geometry.centroid)]
            assert len(inside) == (state != UNTOUCHED)
            for edit in inside:
                assert frame.to_metres(edit.geometry).area >= 39.9
                assert tile.polygon_lonlat.buffer(1e-7).covers(edit.geometry)
                before, after = (None if one is None else frame.to_metres(one) for one in (edit.before, edit.after))
                wrong = (before or after).area if None in (before, after) else before.symmetric_difference(after).area
                assert (state == CHANGED) == (wrong >= 40) or abs(wrong - 40) < 0.5


def test_the_four_sorts_of_single_edits_take_turns(single):
    kinds = single.kind[single.state != UNTOUCHED]
    counts = {kind: int((kinds == kind).sum()) for kind in set(kinds)}
    assert set(counts) == {"deleted", "invented", "reshaped", "shifted"}
    assert max(counts.values()) <= 2 * min(counts.values())


def test_single_edits_of_one_edition_are_all_in_its_map_under_ids_of_their_own(single):
    for edition in single.editions:
        keys = [feature.key for feature in edition.edited.features]
        assert len(keys) == len(set(keys))
        shapes = {feature.key: feature.geometry for feature in edition.edited.features}
        for edit in edition.edited.edits:
            key = f"{edit.osm_type}/{edit.osm_id}"
            assert (key not in shapes) if edit.method == "deleted" else shapes[key].equals(edit.before)


def test_the_queue_has_edits_of_every_kind_all_over_the_place():
    pairs = queue_set(INDEX, TILES, 2, seed=0)
    assert {edit.kind for edit in pairs.editions[0].edited.edits} == {"add", "remove", "modify"}
    assert pairs.editions[0].edited.edits != pairs.editions[1].edited.edits


def test_another_tiles_map_is_drawn_on_exchanged_tiles_and_nowhere_else():
    pairs, renderer = other_map_set(INDEX, TILES, 2, seed=1), MapRenderer()
    for edition in pairs.editions:
        edited = MapIndex(edition.edited.features)
        for place, tile in enumerate(TILES):
            shown = renderer.building_mask(tile, edited)
            source = TILES[place] if edition.taken[place] == HERE else TILES[edition.taken[place]]
            wanted = renderer.building_mask(source, INDEX)
            # only a rim may differ, where a building was cut at the border
            assert (np.abs(shown.astype(int) - wanted) > 128).mean() < 0.01
    assert (by_tile(pairs, CHANGED) == 1).all()
    assert (by_tile(pairs, UNTOUCHED) == 1).all()


def test_the_map_of_an_equally_empty_tile_is_no_change():
    edition = swapped(MapIndex([]), TILES, np.roll(np.arange(len(TILES)), 1))
    assert (edition.state == UNTOUCHED).all()


@pytest.fixture
def saved(tmp_path, protocol, single):
    pairs = {"here": {"protocol": protocol, "single": single, "other-map": other_map_set(INDEX, TILES, 2, seed=1)}}
    return tmp_path / "pairs.json", save_pairs(tmp_path / "pairs.json", "suite", pairs, {"here": INDEX})


def test_a_file_gives_the_same_pairs_and_its_digest_is_stable(saved, tmp_path):
    path, first = saved
    again = load_pairs(path, "suite", {"here": INDEX})
    assert again.sha256 == first.sha256
    assert save_pairs(tmp_path / "b.json", "suite", again.pairs, {"here": INDEX}).sha256 == first.sha256
    for name, pairs in first.pairs["here"].items():
        other = again.pairs["here"][name]
        assert other.tiles == pairs.tiles
        for attribute in ("state", "share", "kind"):
            assert (getattr(other, attribute) == getattr(pairs, attribute)).all()
        for one, two in zip(pairs.editions, other.editions, strict=True):
            assert [f.key for f in one.edited.features] == [f.key for f in two.edited.features]
            assert shapely.equals_exact(
                [f.geometry for f in one.edited.features], [f.geometry for f in two.edited.features]
            ).all()


def test_a_changed_file_another_suite_and_another_map_are_refused(saved, tmp_path):
    path, _ = saved
    record = json.loads(path.read_text())
    record["places"]["here"]["sets"]["single"].pop()
    (tmp_path / "less.json").write_text(json.dumps(record))
    with pytest.raises(InvalidInputError, match="digest"):
        load_pairs(tmp_path / "less.json", "suite", {"here": INDEX})
    with pytest.raises(InvalidInputError, match="pairs of suite"):
        load_pairs(path, "another", {"here": INDEX})
    with pytest.raises(InvalidInputError, match="another map"):
        load_pairs(path, "suite", {"here": MapIndex(houses(COLUMNS, ROWS, seed=9))})
    (tmp_path / "junk.json").write_text("[1, 2")
    with pytest.raises(InvalidInputError, match="no pairs"):
        load_pairs(tmp_path / "junk.json", "suite", {"here": INDEX})


def test_a_tile_that_takes_the_map_of_none_is_refused(saved, tmp_path):
    path, _ = saved
    record = json.loads(path.read_text())
    record["places"]["here"]["sets"]["other-map"][0]["from"][0] = 10_000
    del record["sha256"]
    (tmp_path / "far.json").write_text(json.dumps(record | {"sha256": content_digest(record)}))
    with pytest.raises(InvalidInputError, match="no pairs"):
        load_pairs(tmp_path / "far.json", "suite", {"here": INDEX})


def test_a_single_tile_gives_no_pairs():
    with pytest.raises(InvalidInputError, match="at least 2 tiles"):
        protocol_set(INDEX, TILES[:1], 2, seed=0)
