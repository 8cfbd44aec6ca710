"""What a prior makes of a picture, how its fit comes back, and what evidence is worth."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlcore.errors import ConfigError, InvalidInputError
from mlcore.geolocation import calibrating
from mlcore.geolocation.calibration import Calibration, Evidence
from mlcore.geolocation.footprint import through
from mlcore.geolocation.placement import Prior, as_expected, of_query
from mlcore.geolocation.placing import Fit
from mlcore.geometry.transform import fit
from tests.mlcore.geolocation.grounds import seen, similarity, texture
from tests.mlcore.geolocation.stand_in import StandIn, place_by_sift


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


def test_a_model_none_of_whose_placements_was_wrong_is_not_believed_blindly() -> None:
    sure = [Evidence(-20.0 - number, 0.5, 0.8) for number in range(30)]
    learnt = Calibration.fit(sure, [True] * 30)
    assert learnt.logit(Evidence(-3.0, 0.0, 0.2)) < 0 < learnt.logit(Evidence(-30.0, 0.5, 0.8))
    with pytest.raises(InvalidInputError, match="none of these placements is right"):
        Calibration.fit(sure, [False] * 30)


@pytest.mark.slow
def test_queries_of_grounds_calibrate_a_locator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibrating, "BASE_PX", 512)
    monkeypatch.setattr(calibrating, "QUERY_PX", (220, 320))
    monkeypatch.setattr(calibrating, "POOR_SHARE", 0.1)
    small = [texture(number, 256, 256) for number in range(24)]
    large = [texture(100 + number, 512, 1024) for number in range(2)]
    grounds = calibrating.grounds_of([*small, *large], np.random.default_rng(0))
    assert len(grounds) == 4 + 6 and all(ground.shape == (512, 512, 3) for ground in grounds)

    found = calibrating.calibrate(StandIn(), [*small, *large], tmp_path / "db", queries=48, seed=1, place=place_by_sift)

    assert found.right >= 10 and 0 < found.foreign < 30 and found.accepted == 0
    assert found.found > 0.6
    with pytest.raises(InvalidInputError, match="too few"):
        calibrating.calibrate(StandIn(), small[:4], tmp_path / "few")
