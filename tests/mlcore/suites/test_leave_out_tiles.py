"""One changed building on a place left out, told by a tile's probability."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mlcore.changes.classifiers import OF_A_REGION, OF_ANY_PLACE, TileDoubts, TileWeights
from mlcore.evaluation.pairs import CHANGED, UNDECIDED, UNTOUCHED, MapEdition, PairSet
from mlcore.geometry.webmercator import TileAddress
from mlcore.region.parts import TileResult
from mlcore.suites.leave_out_summary import TOLD, summary
from mlcore.suites.leave_out_tiles import told_apart, weighed
from mlcore.synthetic.edits import EditedMap


def pairs_of(states: Sequence[Sequence[int]]) -> PairSet:
    tiles = tuple(TileAddress(19, x, 7) for x in range(len(states[0])))
    editions = [
        MapEdition(EditedMap([], []), np.array(state), np.zeros(len(state)), np.full(len(state), ""))
        for state in states
    ]
    return PairSet("single", tiles, tuple(editions))


def test_a_doubt_that_knows_the_edit_tells_all_apart_and_one_that_knows_the_tile_no_edition() -> None:
    states = np.array([[CHANGED, UNTOUCHED, CHANGED], [UNTOUCHED, CHANGED, UNDECIDED]])

    assert told_apart(pairs_of(states), (states == CHANGED).ravel().astype(float)) == (1.0, 1.0)
    assert told_apart(pairs_of(states), np.array([3.0, 2.0, 1.0] * 2))[1] == 0.5


def test_without_both_states_nothing_is_told_apart() -> None:
    assert np.isnan(told_apart(pairs_of([[UNTOUCHED, UNDECIDED]]), np.zeros(2))).all()
    overall, same = told_apart(pairs_of([[UNTOUCHED, CHANGED]]), np.array([0.0, 1.0]))
    assert overall == 1.0
    assert np.isnan(same)


def test_a_place_never_seen_is_doubted_alike_whatever_its_tiles_score_and_a_region_is_not() -> None:
    tile = TileAddress(19, 5, 7)
    scores = [-9.0, -2.0, 0.0, 2.0, 6.0]

    def found(weights: TileWeights) -> list[TileResult]:
        doubts = [TileDoubts.of(score, [], [], 0.05) for score in scores]
        told = [one.consistent(weights) for one in doubts]
        return [
            TileResult(tile, -1, 0, 0, score, one.any_change, agree)
            for score, one, agree in zip(scores, doubts, told, strict=True)
        ]

    strange, inconsistent = weighed(found(OF_ANY_PLACE))
    known, _ = weighed(found(OF_A_REGION))

    assert np.allclose(strange, strange[0])
    assert (np.diff(known) < 0).all()
    assert (np.diff(inconsistent) < 0).all()


def test_a_score_that_learnt_from_a_place_is_not_counted_there() -> None:
    records = [{"seed": 0, "figures": {name: {"new": dict.fromkeys(TOLD, 0.5)} for name in "ab"}}]
    told = [{"figures": {"a": {"tile_auroc": 0.8, "consistency_auroc": 0.9}, "b": {"tile_auroc": 0.6}}}]

    report = summary(records, told)

    assert report["tile_auroc_mean"] == 0.7
    assert report["tile_auroc_min"] == 0.6
    assert report["consistency_auroc_mean"] == 0.9
