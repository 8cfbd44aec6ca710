"""What a prior makes of a picture, how its fit comes back, and what evidence is worth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlcore.errors import ConfigError, InvalidInputError
from mlcore.geolocation.calibration import Calibration, Evidence
from mlcore.geolocation.footprint import through
from mlcore.geolocation.placement import Prior, as_expected, of_query
from mlcore.geolocation.placing import Fit
from mlcore.geometry.transform import fit
from tests.mlcore.geolocation.grounds import seen, similarity, texture


@settings(max_examples=30, deadline=None)
@given(heading=st.floats(-360, 720), resolution=st.floats(0.2, 2.0))
def test_a_turned_view_keeps_places_and_covariance(heading: float, resolution: float) -> None:
    rgb = texture(3, 200, 260)
    view = as_expected(rgb, np.ones((200, 260), bool), Prior(0, 0, 10, heading, resolution), 0.5)
    rng = np.random.default_rng(0)
    points = rng.uniform(20, 180, (30, 2))
    on_base = through(np.array([[0.9, 0.1, 5], [-0.1, 0.95, 3], [1e-5, 2e-5, 1]]), points) + rng.normal(0, 0.3, (30, 2))
    direct = fit("homography", points, on_base)
    turned = fit("homography", through(view.matrix, points), on_base)
    back = of_query(
        Fit(turned.matrix, turned.covariance, through(view.matrix, points), on_base, np.ones(30), -30.0), view
    )
    assert np.allclose(back.homography, direct.matrix, rtol=1e-5, atol=1e-6)
    assert np.allclose(back.covariance, direct.covariance, rtol=0.02, atol=1e-12)
    assert np.allclose(back.points_query, points, atol=1e-6)
    assert view.size == (260, 200)


def test_a_north_up_view_shows_the_ground_north_up() -> None:
    ground = texture(3, 512, 512)
    turn = similarity(50, 1.0, (256, 256), 200, 200)
    view = as_expected(seen(ground, turn, 200, 200), np.ones((200, 200), bool), Prior(0, 0, 10, 50.0), 0.5)
    middle = view.rgb.shape[0] // 2, view.rgb.shape[1] // 2
    part = view.rgb[middle[0] - 50 : middle[0] + 50, middle[1] - 50 : middle[1] + 50].astype(int)
    assert np.abs(part - ground[206:306, 206:306].astype(int)).mean() < 12


def test_a_calibration_learns_what_evidence_is_worth() -> None:
    rng = np.random.default_rng(0)
    right = rng.random(400) < 0.5
    evidence = [
        Evidence(
            -rng.gamma(8, 2) if one else -3 - rng.gamma(1, 2), rng.normal(0.5 if one else 0, 0.4), rng.uniform(0.3, 1)
        )
        for one in right
    ]
    learnt = Calibration.fit(evidence, right)
    odds = np.array([learnt.logit(one) for one in evidence])
    assert ((odds > 0) == right).mean() > 0.9
    assert learnt.logit(Evidence(-1e6)) > learnt.logit(Evidence(-4)) and np.isfinite(learnt.logit(Evidence(-math.inf)))
    assert Calibration.from_dict(learnt.to_dict()) == learnt
    with pytest.raises(ConfigError, match="unknown"):
        Calibration.from_dict({"slope": 1})
    with pytest.raises(InvalidInputError, match="20 placements"):
        Calibration.fit(evidence[:5], right[:5])
