"""Sampling points, their split, and each rule by which a window is left out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlcore.correspondences.hybrid.cleaning import RULES, Fingerprints, broken_rule, fingerprint
from mlcore.correspondences.hybrid.config import HybridConfig
from mlcore.correspondences.hybrid.sampling import PARTS, sampling_points
from mlcore.correspondences.hybrid.windows import Proposal, unlike_neighbours
from mlcore.errors import ConfigError, InvalidInputError
from mlcore.geometry.transform import shift_of
from tests.mlcore.correspondences.hybrid.made import ground

CONFIG = HybridConfig(side=100, least_map_edges=0.01)
BUSY = ground()[:512, :512]
ALL = np.ones((512, 512), bool)


def flat(grey: int) -> np.ndarray:
    return np.full((512, 512, 3), grey, np.uint8)


def half_valid() -> np.ndarray:
    valid = ALL.copy()
    valid[:256] = False
    return valid


@pytest.mark.parametrize(
    ("map_seen", "image_seen", "rule"),
    [
        ((BUSY, ALL), (BUSY, ALL), ""),
        ((BUSY, ALL), (BUSY, half_valid()), "no_data"),
        ((BUSY, half_valid()), (BUSY, ALL), "off_the_map"),
        ((flat(200), ALL), (BUSY, ALL), "empty_map"),
        ((BUSY, ALL), (flat(90), ALL), "low_texture"),
        ((flat(200), ALL), (flat(90), half_valid()), "no_data"),
    ],
)
def test_a_window_is_left_out_by_the_first_rule_that_it_breaks(map_seen, image_seen, rule) -> None:
    assert broken_rule(map_seen, image_seen, CONFIG) == rule
    assert rule == "" or rule in RULES


def test_a_window_that_looks_like_one_before_on_both_sides_is_a_duplicate() -> None:
    other = ground(5)[:512, :512]
    brighter = np.clip(BUSY.astype(int) + 20, 0, 255).astype(np.uint8)
    seen = Fingerprints()
    pairs = [(BUSY, other), (other, BUSY), (brighter, other), (BUSY, BUSY)]
    found = [seen.seen((fingerprint(one), fingerprint(two)), CONFIG.duplicate_bits) for one, two in pairs]
    assert found == [False, False, True, False]
    again = Fingerprints([(fingerprint(BUSY), fingerprint(other))])
    assert again.seen((fingerprint(BUSY), fingerprint(other)), 0)


def test_a_window_that_is_moved_unlike_its_neighbours_is_told() -> None:
    points = sampling_points(1000, 1000, HybridConfig(side=100, jitter=0))
    moves = [(5.0, -3.0)] * len(points)
    moves[34] = (30.0, -3.0)
    proposals = [Proposal(one.number, transform=shift_of(*moves[one.number])) for one in points]
    proposals[50] = Proposal(50, "no_match")
    assert unlike_neighbours(proposals, points, CONFIG) == {34}
    assert unlike_neighbours(proposals[:3], points, CONFIG) == set()


@settings(max_examples=40, deadline=None)
@given(
    width=st.integers(100, 3000), height=st.integers(100, 3000), seed=st.integers(0, 99), stride=st.floats(0.4, 2),
    block=st.integers(1, 6),
)  # fmt: skip
def test_points_lie_in_the_image_and_no_uncrossed_window_reaches_another_part(
    width, height, seed, stride, block
) -> None:
    config = HybridConfig(side=100, seed=seed, stride=stride, block=block, windows=60)
    points = sampling_points(width, height, config)
    assert points == sampling_points(width, height, config) and 1 <= len(points) <= 60
    assert [one.number for one in points] == list(range(len(points)))
    whole = [one for one in points if not one.crosses]
    for one in points:
        assert 0 <= one.left <= width - 100 and 0 <= one.top <= height - 100 and one.part in PARTS
    for one in whole:
        for other in whole:
            if one.part != other.part:
                assert abs(one.left - other.left) >= 100 or abs(one.top - other.top) >= 100


def test_validation_and_test_are_drawn_where_pairs_may_come_of_them() -> None:
    config = HybridConfig(side=100, block=2, jitter=0, windows=2_500)
    for seed in range(8):
        seeded = HybridConfig(side=100, block=2, jitter=0, seed=seed)
        points = sampling_points(3000, 3000, seeded, lambda corners: corners[:, 0] < 1000)
        kept = [one for one in points if one.part != "train"]
        assert kept and all(one.left < 1000 for one in kept) and {one.part for one in kept} == {"validation", "test"}
    shares = [sum(one.part == part for one in sampling_points(5_000, 5_000, config)) for part in PARTS]
    assert 200 < shares[1] < 300 and 200 < shares[2] < 300 and sum(shares) == 2_500


def test_of_few_blocks_most_windows_are_left_to_learn_from() -> None:
    for seed in range(5):
        points = sampling_points(1050, 800, HybridConfig(side=100, block=4, jitter=0, seed=seed))
        counts = [sum(one.part == part for one in points) for part in PARTS]
        assert min(counts) >= 1 and counts[0] > counts[1] + counts[2]


def test_settings_out_of_range_and_images_smaller_than_a_window_are_refused() -> None:
    for wrong in ({"side": 8}, {"jitter": 0.7}, {"shares": (0.5, 0.5)}, {"ratio": 0.0}):
        with pytest.raises(ConfigError):
            HybridConfig(**wrong)
    with pytest.raises(InvalidInputError, match="90 x 500"):
        sampling_points(90, 500, CONFIG)
