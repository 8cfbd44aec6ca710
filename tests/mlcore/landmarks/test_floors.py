"""The floor of texts follows the ground that is searched."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore.errors import InvalidInputError
from mlcore.landmarks.floors import TextFloor, floor_of_texts

WORDS = np.array([[1.0, 0.0, -0.5], [0.0, 1.0, 0.6]])
NONSENSE = np.array([[0.1, 0.1, 0.4], [0.2, 0.0, 0.4], [0.0, 0.1, -0.4]])
TILES = np.array([[0.9, 0.1, 0.0], [0.1, 0.8, 0.1], [0.3, 0.3, -0.1]])
"""What was learnt, and how new it says it is."""


def measured(tiles: np.ndarray) -> TextFloor:
    return floor_of_texts(NONSENSE, NONSENSE[:, 2], tiles[:, 2], lambda asked: (asked @ tiles.T).max(axis=1))


def meant(tiles: np.ndarray, texts: np.ndarray) -> list[bool]:
    floor = measured(tiles)
    return [float((text @ tiles.T).max()) >= floor.of(float(text[2])) for text in texts]


@given(st.floats(-1, 1))
def test_what_means_something_means_it_however_new_a_whole_place_is(newness):
    """Held against one floor for all places, well-known words would find nothing in a new place."""
    tiles = TILES + np.array([0.0, 0.0, newness])
    assert meant(tiles, WORDS) == [True, True]
    assert meant(tiles, NONSENSE) == [False] * 3


def test_the_floor_lies_as_far_above_the_surest_nonsense_as_that_above_the_middle_one():
    floor = floor_of_texts(np.eye(3), np.zeros(3), np.zeros(2), lambda asked: np.array([0.1, 0.2, 0.5]))
    assert floor.least == pytest.approx(0.8) and floor.of(0.7) == floor.least


def test_without_tiles_there_is_no_floor():
    with pytest.raises(InvalidInputError, match="tiles"):
        floor_of_texts(NONSENSE, NONSENSE[:, 2], np.zeros(0), lambda asked: np.zeros(3))
