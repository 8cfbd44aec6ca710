"""Simulated edits: counts honoured, errors plausible, the rest of the map untouched, the truth exact."""

from collections import Counter

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlcore.errors import ConfigError, InvalidInputError
from mlcore.maps.features import MapFeature, feature_to_json
from mlcore.maps.osm_files import read_map
from mlcore.synthetic.edit_files import load_edits, save_edits, write_map_geojson
from mlcore.synthetic.edit_shapes import iou
from mlcore.synthetic.edits import EditCounts, simulate_edits
from mlcore.synthetic.local_frame import LocalFrame
from mlcore.synthetic.town import TownConfig, generate_town
from mlcore.synthetic.truth import changed_shares, tile_truth

TOWN = generate_town(TownConfig(seed=5, columns=6, rows=6, changed_share=0.0, error_share=0.0))
FEATURES, TILES, AREA = TOWN.features, TOWN.tiles, TOWN.area_lonlat
FRAME = LocalFrame.about([AREA])
few = st.integers(0, 4)
COUNTS = st.builds(EditCounts, remove=st.integers(1, 4), add=few, reshape=few, shift=few, split_merge=st.integers(0, 2))
seeds = st.integers(0, 10_000)
some = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def metres(shape):
    return FRAME.to_metres(shape)


def edit(counts=None, **options):
    counts = counts or EditCounts(remove=4, add=4, reshape=3, shift=3, split_merge=2)
    return simulate_edits(FEATURES, counts=counts, area=AREA, **options)


@some
@given(counts=COUNTS, seed=seeds)
def test_counts_are_honoured(counts, seed):
    methods = Counter(e.method for e in edit(counts, seed=seed).edits)
    assert methods["invented"] == counts.remove
    assert methods["deleted"] == counts.add
    assert methods["reshaped"] == counts.reshape
    assert methods["shifted"] == counts.shift
    assert methods["split"] + methods["merged"] == counts.split_merge


@some
@given(seed=seeds)
def test_untouched_features_are_the_very_same_objects(seed):
    edited = edit(seed=seed)
    touched = {f"{e.osm_type}/{e.osm_id}" for e in edited.edits} | {key for e in edited.edits for key in e.others}
    assert [f for f in edited.features if f.key not in touched] == [f for f in FEATURES if f.key not in touched]
    originals = {id(f) for f in FEATURES}
    assert all(id(f) in originals for f in edited.features if f.key not in touched)


@some
@given(seed=seeds)
def test_edits_describe_the_edited_map_and_the_truth(seed):
    edited = edit(seed=seed)
    base, now = {f.key: f for f in FEATURES}, {f.key: f for f in edited.features}
    assert len(now) == len(edited.features)
    for e in edited.edits:
        key = f"{e.osm_type}/{e.osm_id}"
        if e.method == "deleted":
            assert e.kind == "add" and e.before is None
            assert key not in now and metres(base[key].geometry).symmetric_difference(metres(e.after)).area < 0.01
        elif e.method == "invented":
            assert e.kind == "remove" and e.after is None
            assert key not in base and now[key].geometry.equals(e.before)
        elif e.method in ("reshaped", "shifted"):
            assert e.kind == "modify" and now[key].geometry.equals(e.before)
            assert metres(base[key].geometry).symmetric_difference(metres(e.after)).area < 0.01
            assert (now[key].version, now[key].tags) == (base[key].version, base[key].tags)
        else:
            assert e.kind == "modify" and len(e.others) == 1
            assert {"MultiPolygon", "Polygon"} == {e.before.geom_type, e.after.geom_type}


@some
@given(seed=seeds)
def test_putting_every_edit_right_gives_the_true_map_back(seed):
    edited = edit(seed=seed)
    right = []
    shapes = {f.key: metres(f.geometry) for f in edited.features if f.kind == "building"}
    for e in edited.edits:
        gone = [shapes.pop(key) for key in (f"{e.osm_type}/{e.osm_id}", *e.others) if key in shapes]
        if e.before is not None:
            assert shapely.union_all(gone).symmetric_difference(metres(e.before)).area < 0.05
        right += [metres(part) for part in getattr(e.after, "geoms", [e.after] if e.after is not None else [])]
    true = [metres(f.geometry) for f in FEATURES if f.kind == "building"]
    tree = shapely.STRtree([*shapes.values(), *right])
    found = [tree.geometries[int(tree.query_nearest(one.centroid)[0])] for one in true]
    assert len(shapes) + len(right) == len(true)
    assert all(one.symmetric_difference(other).area < 0.05 for one, other in zip(true, found, strict=True))


@some
@given(seed=seeds)
def test_invented_buildings_overlap_no_edit_and_no_other_invented_one(seed):
    edited = edit(EditCounts(remove=8, shift=4, split_merge=2), seed=seed)
    shapes = [metres(f.geometry) for f in edited.features if f.kind == "building"]
    new = [metres(e.before) for e in edited.edits if e.method == "invented"]
    tree = shapely.STRtree(shapes)
    for one in new:
        assert sum(shapes[i].intersection(one).area > 0.01 for i in tree.query(one)) == 1


@some
@given(seed=seeds)
def test_invented_buildings_stand_on_open_ground_and_copy_a_neighbour(seed):
    edited = edit(EditCounts(remove=6), seed=seed)
    shapes = [metres(f.geometry) for f in FEATURES if f.kind == "building"]
    ways = [metres(f.geometry) for f in FEATURES if f.kind in ("road", "rail", "water")]
    areas = np.array([s.area for s in shapes])
    for e in edited.edits:
        shape = metres(e.before)
        assert AREA.covers(e.before)
        assert min(shape.distance(other) for other in shapes) >= 1.4
        assert not any(shape.intersects(way) for way in ways)
        assert np.abs(areas - shape.area).min() < 0.5
        assert min(shape.distance(other) for other in shapes) < 60


@some
@given(seed=seeds)
def test_shifts_are_at_least_five_metres_and_stay_near_and_reshapes_are_clear(seed):
    for e in edit(EditCounts(reshape=5, shift=5), seed=seed).edits:
        before, after = metres(e.before), metres(e.after)
        if e.method == "shifted":
            assert 4.99 <= before.centroid.distance(after.centroid) <= 8.6
            assert before.area == pytest.approx(after.area, rel=1e-3)
        else:
            assert before.is_valid and 0.3 <= iou(before, after) <= 0.76


@some
@given(seed=seeds)
def test_edits_lie_apart_and_redrawn_buildings_overlap_no_other(seed):
    edited = edit(EditCounts(remove=4, add=4, reshape=4, shift=4), seed=seed)
    places = [metres(shapely.union_all([s for s in (e.before, e.after) if s is not None])) for e in edited.edits]
    for i, place in enumerate(places):
        assert all(place.distance(other) >= 7.9 for other in places[i + 1 :])
    touched = {f"{e.osm_type}/{e.osm_id}" for e in edited.edits}
    shapes = {f.key: metres(f.geometry) for f in edited.features if f.kind == "building"}
    tree, keys = shapely.STRtree(list(shapes.values())), list(shapes)
    for key in touched & set(shapes):
        others = [keys[i] for i in tree.query(shapes[key]) if keys[i] != key]
        assert all(shapes[key].intersection(shapes[o]).area < 0.01 for o in others)


def test_same_seed_gives_the_same_edits_and_another_seed_others():
    first, again, other = edit(seed=1), edit(seed=1), edit(seed=2)
    assert first.edits == again.edits
    assert [feature_to_json(f) for f in first.features] == [feature_to_json(f) for f in again.features]
    assert first.edits != other.edits


@some
@given(seed=seeds)
def test_a_saved_file_gives_back_the_same_edited_map(seed, tmp_path_factory):
    edited, path = edit(seed=seed), tmp_path_factory.mktemp("edits") / "edits.json"
    save_edits(path, edited, FEATURES)
    back = load_edits(path, FEATURES)
    assert back.edits == edited.edits
    assert [feature_to_json(f) for f in back.features] == [feature_to_json(f) for f in edited.features]


def test_a_file_for_another_map_or_a_damaged_one_is_refused(tmp_path):
    path = tmp_path / "edits.json"
    save_edits(path, edit(), FEATURES)
    with pytest.raises(InvalidInputError, match="another map"):
        load_edits(path, FEATURES[1:])
    path.write_text(path.read_text()[:500])
    with pytest.raises(InvalidInputError, match="write it anew"):
        load_edits(path, FEATURES)


def test_cluster_leaves_whole_tiles_untouched():
    edited = edit(EditCounts(remove=4, add=4), tiles=TILES, cluster=0.5)
    shares = changed_shares(edited.edits, TILES)
    assert sum(share > 1e-9 for share in shares.values()) <= len(TILES) // 2
    truth = tile_truth(edited.edits, TILES)
    assert any(truth.values()) and not all(truth.values())
    assert not any(truth[tile] for tile, share in shares.items() if share == 0)


def test_edits_stay_inside_the_given_tiles():
    chosen = TILES[:12]
    union = shapely.union_all([t.polygon_lonlat for t in chosen]).buffer(1e-8)
    for e in edit(EditCounts(remove=2, add=2, shift=2), tiles=chosen).edits:
        assert all(union.covers(s) for s in (e.before, e.after) if s is not None)


def test_the_free_predicate_has_the_last_word():
    asked = []

    def west(shape):
        asked.append(shape)
        return shape.centroid.x < AREA.centroid.x

    edited = edit(EditCounts(remove=5), free=west)
    assert asked
    assert all(e.before.centroid.x < AREA.centroid.x for e in edited.edits)


def test_too_many_edits_are_refused_with_the_remedy():
    with pytest.raises(InvalidInputError, match="ask for fewer"):
        edit(EditCounts(add=5000))


def test_a_map_without_buildings_is_refused():
    with pytest.raises(InvalidInputError, match="no buildings"):
        simulate_edits([f for f in FEATURES if f.kind != "building"], counts=EditCounts(add=1))


@pytest.mark.parametrize(
    "options", [{"cluster": 0.5}, {"cluster": 0.0, "tiles": TILES}, {"spacing_m": -1}, {"min_area_m2": 0}]
)
def test_options_out_of_range_are_refused(options):
    with pytest.raises(ConfigError):
        edit(**options)


@pytest.mark.parametrize("counts", [{}, {"add": -1, "remove": 3}])
def test_counts_out_of_range_are_refused(counts):
    with pytest.raises(ConfigError):
        EditCounts(**counts)


def test_ids_of_invented_buildings_are_new_and_their_nodes_too():
    edited = edit(EditCounts(remove=5, shift=3))
    known = {n.id for f in FEATURES for n in f.nodes}
    base = {f.key: f for f in FEATURES}
    fresh = [f for f in edited.features if f is not base.get(f.key)]
    assert len(fresh) == 8
    ids = [n.id for f in fresh for n in f.nodes[:-1]]
    assert len(ids) == len(set(ids)) and not known & set(ids)


def test_the_edited_map_is_read_back_from_geojson(tmp_path):
    edited = edit()
    write_map_geojson(tmp_path / "map.geojson", edited.features)
    back = {f.key: f for f in read_map(tmp_path / "map.geojson").features}
    assert set(back) == {f.key for f in edited.features}
    for feature in edited.features:
        twin = back[feature.key]
        assert (twin.kind, twin.version, dict(twin.tags)) == (feature.kind, feature.version, dict(feature.tags))
        assert metres(twin.geometry).symmetric_difference(metres(feature.geometry)).area < 0.01


def test_distances_are_ground_metres_at_high_latitude():
    square = shapely.box(20.0, 64.0, 20.0004, 64.0002)
    others = [shapely.transform(square, lambda xy, k=k: xy + np.array([0.002 * k, 0])) for k in range(1, 6)]
    features = [MapFeature("building", s, {"building": "yes"}, "way", i + 1) for i, s in enumerate([square, *others])]
    frame = LocalFrame.about([f.geometry for f in features])
    assert frame.to_metres(square).area == pytest.approx(19.52 * 22.26, rel=0.01)
    for e in simulate_edits(features, counts=EditCounts(shift=3), seed=2).edits:
        moved = frame.to_metres(e.before).centroid.distance(frame.to_metres(e.after).centroid)
        assert 4.99 <= moved <= 8.6
