"""Ranks, precision and recall against counting by hand, chance against drawing, intervals and distances."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlcore.errors import InvalidInputError
from mlcore.evaluation.landmarks import metrics

LIKENESS = st.integers(0, 6).map(lambda value: value / 4)


@st.composite
def rankings(draw):
    """A query's likeness to items, of which some are right; equal values are frequent."""
    items = draw(st.lists(st.tuples(LIKENESS, st.booleans()), min_size=1, max_size=12))
    if not any(right for _, right in items):
        items.append((draw(LIKENESS), True))
    return items


def by_hand(items: list[tuple[float, bool]]) -> tuple[int, float, list[int]]:
    """Rank of the first right item, average precision and places, by sorting with the wrong ones first among equals."""
    order = sorted(items, key=lambda item: (-item[0], item[1]))
    places = [place for place, (_, right) in enumerate(order, start=1) if right]
    precision = sum((number + 1) / place for number, place in enumerate(places)) / len(places)
    return places[0], precision, places


@settings(max_examples=200, deadline=None)
@given(st.lists(rankings(), min_size=1, max_size=4))
def test_ranks_and_precision_are_those_of_counting_by_hand(several):
    for items in several:
        likeness = np.array([value for value, _ in items], np.float32)
        right = np.array([one for _, one in items])
        ranked = metrics.rank_items(
            np.ones((1, 1), np.float32), likeness[:, None], np.array([0]), np.where(right, 0, -1)
        )
        first, precision, places = by_hand(items)
        assert metrics.places_of(likeness, right).tolist() == places
        assert ranked.rank.tolist() == [first]
        assert ranked.precision[0] == pytest.approx(precision)
        assert right[ranked.first[0]] == (first == 1)


def test_a_model_that_says_the_same_of_everything_finds_nothing_first():
    items = np.ones((50, 4), np.float32)
    ranked = metrics.rank_items(items, items, np.arange(50), np.arange(50))
    assert (ranked.rank == 50).all()
    assert metrics.figures(ranked)["r10"] == 0


def test_a_perfect_model_is_told_as_perfect_and_queries_without_a_right_item_are_left_out():
    items = np.eye(20, dtype=np.float32)
    owners = np.arange(20)
    ranked = metrics.rank_items(items, items[:15], owners, owners[:15])
    told = metrics.figures(ranked)
    assert told["queries"] == 15 and told["r1"] == told["map1k"] == told["median_rank"] == 1.0
    assert metrics.figures(metrics.rank_items(items, items, np.full(20, -1), np.full(20, -1))) == {}


def test_a_query_does_not_find_itself():
    items = np.eye(6, dtype=np.float32)
    groups = np.array([0, 0, 1, 1, 2, 2])
    ranked = metrics.rank_items(items, items, groups, groups, skip=np.arange(6))
    assert len(ranked.rank) == 6 and (ranked.first != np.arange(6)).all()


def test_precision_counts_the_first_thousand_alone():
    assert metrics.average_precision(np.array([1, 3000])) == pytest.approx(0.5)
    assert metrics.average_precision(np.array([1, 2, 3])) == 1.0
    assert metrics.average_precision(np.array([1001])) == 0.0
    assert metrics.average_precision(np.arange(1, 2001)) == pytest.approx(1.0)


def test_chance_is_what_drawing_by_chance_reaches():
    rng, right = np.random.default_rng(0), np.array([1, 3, 40])
    drawn = {rank: [] for rank in metrics.RANKS}
    for count in right:
        ranks = [int(np.sort(rng.permutation(60)[:count])[0]) + 1 for _ in range(4000)]
        for rank in drawn:
            drawn[rank].append(np.mean([one <= rank for one in ranks]))
    told = metrics.chance(right, 60)
    assert told["r100"] == 1.0
    for rank in (1, 5, 10):
        assert told[f"r{rank}"] == pytest.approx(np.mean(drawn[rank]), abs=0.02)


def test_an_interval_is_wider_where_queries_share_their_places():
    value = np.repeat([0.0, 1.0], 100)
    apart = metrics.interval(value, [str(number) for number in range(200)])
    together = metrics.interval(value, np.repeat(np.arange(8), 25))
    assert apart[0] > together[0] and apart[1] < together[1]
    assert together[0] <= 0.5 <= together[1]
    with pytest.raises(InvalidInputError):
        metrics.interval(np.zeros(0), [])


def test_distances_are_great_circles_and_are_told_by_level():
    paris, london, sydney = (2.3522, 48.8566), (-0.1276, 51.5072), (151.2093, -33.8688)
    assert metrics.distance_km(np.array(paris), np.array(london)) == pytest.approx(343.6, abs=1)
    assert metrics.distance_km(np.array([179.9, 0]), np.array([-179.9, 0])) == pytest.approx(22.2, abs=0.1)
    told = metrics.within_km(np.array([paris, paris, paris]), np.array([paris, london, sydney]))
    assert told["within_1_km"] == told["within_25_km"] == told["within_200_km"] == pytest.approx(1 / 3)
    assert told["within_750_km"] == told["within_2500_km"] == pytest.approx(2 / 3)
    assert told["median_km"] == pytest.approx(343.6, abs=1)
