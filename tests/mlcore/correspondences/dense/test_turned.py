"""A map that is turned or scaled a little is brought back; one that is only moved is only moved."""

import numpy as np
import pytest
import shapely.affinity

from mlcore.correspondences.dense.turned import estimate_placement
from mlcore.maps.labels import draw_ids

SIDE, MARGIN = 340, 42
CORNERS = np.array([[0, 0], [256, 0], [256, 256], [0, 256]], float)
VALID = np.ones((SIDE, SIDE), bool)


def streets(seed: int = 0) -> list[shapely.Polygon]:
    """Houses in pixels of a tile, 40 of them."""
    rng = np.random.default_rng(seed)
    places = rng.uniform(-60, 300, (40, 2))
    return [
        shapely.affinity.rotate(shapely.box(x, y, x + rng.uniform(20, 50), y + rng.uniform(20, 40)), rng.uniform(0, 90))
        for x, y in places
    ]


def drawn(shapes: list[shapely.Polygon]) -> np.ndarray:
    return draw_ids([(1, shapely.affinity.translate(one, MARGIN, MARGIN)) for one in shapes], SIDE, SIDE) > 0


@pytest.mark.parametrize(("turn_deg", "factor"), [(2.0, 1.0), (-3.5, 1.02), (0.0, 0.96)])
def test_a_map_that_is_turned_and_scaled_is_brought_back(turn_deg: float, factor: float) -> None:
    turn = np.radians(turn_deg)
    matrix = factor * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    move = np.array([128 + 6, 128 - 9]) - matrix @ (128, 128)
    seen = [shapely.transform(one, lambda points: points @ matrix.T + move) for one in streets()]

    found = estimate_placement(drawn(seen).astype(np.float32), drawn(streets()), VALID, 0.26)

    off = found.as_transform(0.26).apply(CORNERS) - (CORNERS @ matrix.T + move)
    assert found.transform is not None
    assert np.linalg.norm(off, axis=1).max() < 2.0


def test_a_map_that_is_only_moved_is_only_moved() -> None:
    seen = [shapely.affinity.translate(one, 7, 4) for one in streets(1)]

    found = estimate_placement(drawn(seen).astype(np.float32), drawn(streets(1)), VALID, 0.26)

    assert found.transform is None
    assert (found.dx_px, found.dy_px) == (pytest.approx(7, abs=0.2), pytest.approx(4, abs=0.2))


def test_the_corners_of_a_turned_map_are_less_sure_than_its_middle() -> None:
    turned = [shapely.affinity.rotate(one, -3, origin=(128, 128)) for one in streets(2)]

    found = estimate_placement(drawn(turned).astype(np.float32), drawn(streets(2)), VALID, 0.26).as_transform(0.26)

    middle, corner = found.point_covariance(np.array([[128.0, 128.0], [0.0, 0.0]]))
    assert np.trace(corner) > np.trace(middle)
