"""A map is found alike from memory and from a file, edits keep their place in its order, and memory is bounded."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from mlcore.errors import InvalidInputError
from mlcore.geometry.webmercator import tiles_covering
from mlcore.maps.features import MapFeature, MemberRef, NodeRef
from mlcore.maps.index import MapIndex
from mlcore.maps.render import MapRenderer
from mlcore.maps.store import PAGE

WEST, SOUTH, STEP = 85.5, 27.6, 3e-4


def made_features(count: int, seed: int = 0) -> Iterator[MapFeature]:
    """Footprints on a jittered grid in no order of place, with a road every ten and an empty shape every hundred."""
    rng = np.random.default_rng(seed)
    side = int(np.ceil(np.sqrt(count)))
    for number in rng.permutation(count).tolist():
        x = WEST + STEP * (number % side) + float(rng.uniform(0, STEP / 3))
        y = SOUTH + STEP * (number // side) + float(rng.uniform(0, STEP / 3))
        if number % 100 == 99:
            yield MapFeature("building", shapely.Polygon(), {}, "way", number, 1)
        elif number % 10 == 9:
            line = shapely.LineString([(x, y), (x + 4 * STEP, y + STEP)])
            yield MapFeature("road", line, {"highway": "residential", "name": "Straße"}, "way", number, 3)
        else:
            ring = [(x, y), (x + STEP / 2, y), (x + STEP / 2, y + STEP / 2), (x, y + STEP / 2), (x, y)]
            nodes = tuple(NodeRef(10 * number + k % 4, 1, *point, k == 0) for k, point in enumerate(ring))
            stamp = datetime(2024, 5, 1, tzinfo=UTC)
            yield MapFeature("building", shapely.Polygon(ring), {"building": "yes"}, "way", number, 2, stamp, nodes)


HELD, STORED = MapIndex(made_features(2000)), MapIndex(made_features(2000), in_memory=0)
ALL = (WEST - 1, SOUTH - 1, WEST + 1, SOUTH + 1)
boxes = st.tuples(*(st.floats(-5, 50) for _ in range(2)), *(st.floats(0, 30) for _ in range(2))).map(
    lambda one: (
        WEST + STEP * one[0], SOUTH + STEP * one[1], WEST + STEP * (one[0] + one[2]), SOUTH + STEP * (one[1] + one[3])
    )
)  # fmt: skip


@given(boxes, st.sampled_from([None, ("building",), ("road", "water")]))
@settings(max_examples=150, deadline=None)
def test_a_map_in_a_file_finds_what_a_map_in_memory_finds_in_the_same_order(box: tuple, kinds: tuple | None) -> None:
    assert STORED.query(box, kinds) == HELD.query(box, kinds)


def test_nothing_of_a_feature_is_lost_in_the_file() -> None:
    members = (MemberRef("way", 7, "outer"),)
    relation = MapFeature(
        "building", shapely.box(1, 2, 3, 4), {"type": "multipolygon"}, "relation", 5, None, None, (), members, True
    )
    nameless = MapFeature("green", shapely.box(5, 6, 7, 8).boundary, {"landuse": "grass"})
    features = [*made_features(300), relation, nameless]
    index = MapIndex(iter(features), in_memory=10)

    kept = [feature for feature in features if not feature.geometry.is_empty]
    assert list(index) == kept
    assert len(index) == len(kept)
    assert index.query(ALL) == [one for one in kept if one not in (relation, nameless)]


def test_both_are_drawn_alike() -> None:
    tile = next(iter(tiles_covering(shapely.box(*HELD.query(ALL)[0].geometry.bounds), 17)))
    assert HELD.query(tile.bounds_lonlat), "the tile must show something"
    assert np.array_equal(MapRenderer().render(tile, HELD), MapRenderer().render(tile, STORED))


@pytest.mark.parametrize("index", [HELD, STORED], ids=["in memory", "in a file"])
def test_an_edit_that_changes_nothing_leaves_the_map_as_it_was(index: MapIndex) -> None:
    everything = index.query(ALL)
    chosen = everything[len(everything) // 2]

    same = index.edited(remove=[chosen.key], add=[chosen])

    assert same.query(ALL) == everything


@pytest.mark.parametrize("index", [HELD, STORED], ids=["in memory", "in a file"])
def test_edits_are_seen_in_the_copy_alone_and_what_they_replace_keeps_its_place(index: MapIndex) -> None:
    first, second, third, *_ = before = index.query(ALL, ["building"])
    moved = replace(second, geometry=shapely.affinity.translate(second.geometry, 1e-5, 0))
    new = MapFeature("building", shapely.affinity.translate(third.geometry, 0, 1e-5), {"building": "yes"})

    once = index.edited(remove=[first.key, second.key], add=[new, moved])
    twice = once.edited(remove=[second.key], add=[second])

    assert once.query(ALL, ["building"]) == [moved, third, *before[3:], new]
    assert twice.query(ALL, ["building"]) == [second, third, *before[3:], new]
    assert index.query(ALL, ["building"]) == before
    assert len(once) == len(list(once)) == len(index)


def test_a_large_map_takes_a_small_share_of_the_memory_that_its_features_take() -> None:
    count = 20 * PAGE * PAGE // 4
    tracemalloc.start()
    try:
        index = MapIndex(made_features(count), in_memory=100)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(index) > 0.9 * count
    assert held / count < 150


def test_a_full_disk_is_told_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/full").open("r+b", buffering=0) as full:
        monkeypatch.setattr("mlcore.maps.store.tempfile.TemporaryFile", lambda **_: full)
        with pytest.raises(InvalidInputError, match="free some space"):
            MapIndex(made_features(200), in_memory=10)
