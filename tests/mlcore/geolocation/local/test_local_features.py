"""Points of a picture lie and turn with it, spread over it, and vote for the base and place that they come from."""

from __future__ import annotations

import numpy as np
import pytest

from mlcore.errors import ConfigError
from mlcore.geolocation.local.features import LocalFeatures, local_features, none_at_all
from mlcore.geolocation.local.matching import matched
from mlcore.geolocation.local.store import LocalSettings
from mlcore.geolocation.local.votes import Cell
from tests.mlcore.geolocation.grounds import seen, similarity, texture

LAND = texture(5, 600, 600)
EVERYWHERE = np.ones((600, 600), bool)


def shot(angle: float, scale: float, side: int = 320) -> tuple[np.ndarray, np.ndarray]:
    matrix = similarity(angle, scale, (300, 280), side, side)
    return seen(LAND, matrix, side, side), matrix


@pytest.mark.parametrize(("angle", "scale"), [(0.0, 1.0), (70.0, 1.3), (200.0, 0.7), (-45.0, 1.0)])
def test_points_agree_on_where_a_turned_picture_lies(angle: float, scale: float) -> None:
    rgb, matrix = shot(angle, scale)
    base = local_features(LAND, EVERYWHERE, 1500, 2048)
    query = local_features(rgb, np.ones(rgb.shape[:2], bool), 800, 2048)
    cell = Cell(3, 1.0, np.radians(angle), float(np.log2(scale)), np.array([300.0, 280.0]))

    found = matched(query, base, cell, 600.0 * 600, 10)

    assert found is not None and found.number == 3 and found.log10_nfa < -30
    corners = np.array([[0, 0, 1], [320, 0, 1], [320, 320, 1], [0, 320, 1.0]])
    here, there = corners @ found.matrix.T, corners @ matrix.T
    assert np.abs(here[:, :2] / here[:, 2:] - there[:, :2] / there[:, 2:]).max() < 1.5


def test_pairs_that_turn_otherwise_than_the_votes_say_are_none() -> None:
    rgb, _ = shot(70.0, 1.0)
    base = local_features(LAND, EVERYWHERE, 1500, 2048)
    query = local_features(rgb, np.ones(rgb.shape[:2], bool), 800, 2048)
    wrong = matched(query, base, Cell(0, 1.0, np.radians(250.0), 0.0, np.zeros(2)), 600.0 * 600, 10)
    assert wrong is None or wrong.log10_nfa > -3


def test_points_are_spread_and_touch_nothing_that_is_not_valid() -> None:
    busy = LAND.copy()
    busy[:, 300:] = np.clip(128 + 0.3 * (busy[:, 300:].astype(float) - 128), 0, 255).astype(np.uint8)
    valid = EVERYWHERE.copy()
    valid[:150] = False
    found = local_features(busy, valid, 200, 2048)
    assert len(found) == 200 and found.xy[:, 1].min() > 150
    assert (found.xy[:, 0] > 300).mean() > 0.3  # of the strongest alone nearly all would lie in the left half


def test_a_shrunk_picture_says_its_points_in_its_own_pixels() -> None:
    whole = local_features(LAND, EVERYWHERE, 400, 2048)
    shrunk = local_features(LAND, EVERYWHERE, 400, 300)
    assert shrunk.xy.max() > 500 and shrunk.size.min() > 1.5 * whole.size.min()


def test_a_picture_without_detail_has_none() -> None:
    flat = np.full((200, 200, 3), 90, np.uint8)
    assert len(local_features(flat, np.ones((200, 200), bool), 100, 512)) == 0
    assert len(local_features(flat[:20], np.ones((20, 200), bool), 100, 512)) == 0
    assert isinstance(none_at_all(), LocalFeatures) and none_at_all().points.shape == (0, 4)


def test_settings_say_how_many_points_a_base_has() -> None:
    assert LocalSettings().points_of(2048, 2048) == 4096 and LocalSettings().points_of(256, 256) == 512
    with pytest.raises(ConfigError, match="least"):
        LocalSettings(least=9, most=4)
