"""Coordinates: the projection, its frequencies, and capsules that speak near what was learnt alone."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mlcore.errors import InvalidInputError
from mlcore.landmarks.gps import METRES_PER_UNIT, Capsule, GpsTower, equal_earth

LONGITUDES, LATITUDES = st.floats(-180, 180), st.floats(-90, 90)


def jacobian(lon: float, lat: float, step: float = 1e-4) -> np.ndarray:
    points = np.array([[lon - step, lat], [lon + step, lat], [lon, lat - step], [lon, lat + step]])
    moved = equal_earth(points)
    return np.stack([moved[1] - moved[0], moved[3] - moved[2]], axis=1) / (2 * np.radians(step))


@given(st.floats(-179, 179), st.floats(-85, 85))
def test_equal_earth_keeps_areas(lon, lat):
    area = abs(np.linalg.det(jacobian(lon, lat))) / np.cos(np.radians(lat))
    middle = abs(np.linalg.det(jacobian(0, 0)))
    assert area == pytest.approx(middle, rel=1e-4)


@given(LONGITUDES, LATITUDES)
def test_projection_mirrors_at_the_equator_and_stays_in_its_frame(lon, lat):
    north, south = equal_earth(np.array([[lon, lat], [lon, -lat]]))
    assert north[0] == pytest.approx(south[0]) and north[1] == pytest.approx(-south[1])
    assert abs(north[0]) <= 1 + 1e-6 and abs(north[1]) <= 0.5


def test_a_position_is_the_same_after_a_whole_turn():
    assert np.allclose(equal_earth(np.array([[85.5, 27.6]])), equal_earth(np.array([[445.5, 27.6]])), atol=1e-12)


@pytest.mark.parametrize("bad", [[[0.0, 91.0]], [[np.nan, 0.0]], [0.0, 1.0]])
def test_what_is_no_position_is_refused(bad):
    with pytest.raises(InvalidInputError):
        equal_earth(np.array(bad))


def test_features_of_a_fine_scale_tell_ten_metres_apart_and_know_a_place_again():
    torch.manual_seed(0)
    capsule = Capsule(32768.0, 64, 8, 1, 4)
    metre = 1 / METRES_PER_UNIT
    here = torch.from_numpy(equal_earth(np.array([[85.5, 27.6]])))
    features = capsule.features(torch.cat([here, here + torch.tensor([[10 * metre, 0.0]]), here]))
    assert torch.equal(features[0], features[2])
    assert 1e-3 < float((features[0] - features[1]).abs().max()) < 1.0


def tower(fine: tuple[float, ...]) -> GpsTower:
    torch.manual_seed(1)
    return GpsTower((1.0,), fine, fourier=8, width=8, layers=1, dimension=4, reach_m=500.0)


def test_finer_capsules_speak_near_what_was_learnt_alone():
    model = tower((32768.0,))
    learnt, far = (equal_earth(np.array([[lon, 27.6]])) for lon in (85.5, 86.5))
    model.remember(learnt)
    near, distant = (float(model.nearness(torch.from_numpy(one))) for one in (learnt, far))
    assert near > 0.9 and distant < 1e-6
    coarse = model.capsules[0](torch.from_numpy(far))
    assert torch.allclose(model(torch.from_numpy(far)), coarse)
    assert not torch.allclose(model(torch.from_numpy(learnt)), model.capsules[0](torch.from_numpy(learnt)))


def test_remembering_twice_keeps_one_of_each_square():
    model = tower((32768.0,))
    places = equal_earth(np.array([[85.5, 27.6], [85.5 + 1e-7, 27.6], [85.6, 27.6]]))
    model.remember(places)
    first = model.known.clone()
    model.remember(places)
    assert len(first) == 2 and torch.allclose(first, model.known)
