"""Known shifts of the map, 0.7 to 8 m, are found on spoiled evidence; a confident answer is seldom a wrong one."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from mlcore.evaluation.registration import Trial, registration_figures, trials
from mlcore.geometry.webmercator import tiles_covering
from mlcore.maps.index import MapIndex
from mlcore.maps.osm_files import read_map
from mlcore.synthetic.town import TownConfig, generate_town

DATA = Path(os.environ.get("MAPWRIGHT_DATA", Path(__file__).resolve().parents[4] / "shared" / "data"))


@pytest.fixture(scope="module")
def town_trials() -> list[Trial]:
    town = generate_town(TownConfig(seed=3, columns=4, rows=4, changed_share=0.0, error_share=0.0))
    return list(trials(MapIndex(town.features), town.tiles, rounds=6, seed=2))


def test_known_shifts_of_a_made_town_are_found(town_trials: list[Trial]) -> None:
    good = [one for one in town_trials if one.spoiled == 0 and one.answered and np.isfinite(one.error_m)]

    assert {one.true_m for one in good} >= {0.7, 8.0}
    assert np.median([one.error_m for one in good]) < 0.2
    assert np.mean([one.error_m <= 0.75 for one in good if one.confidence >= 0.8]) > 0.95


def test_confidence_tells_right_from_wrong(town_trials: list[Trial]) -> None:
    sure = [one.error_m <= 0.75 for one in town_trials if one.confidence >= 0.8]
    unsure = [one.error_m <= 0.75 for one in town_trials if one.answered and one.confidence < 0.3]

    assert np.mean(sure) > 0.85
    assert np.mean(unsure) < 0.4
    assert registration_figures(town_trials)["confidence_calibration_error"] < 0.15


@pytest.mark.parametrize("place", ["zanzibar", "nairobi"])
def test_known_shifts_of_real_footprints_are_found(place: str) -> None:
    file = DATA / place / "buildings.geojson"
    if not file.is_file():
        pytest.skip(f"the real footprints of {place} are not here: set MAPWRIGHT_DATA")
    index = MapIndex(read_map(file).features)
    points = [building.geometry.centroid.buffer(1e-7) for building in index.buildings]
    tiles = sorted({tile for point in points for tile in tiles_covering(point, 19)})

    done = [one for one in trials(index, tiles, rounds=1, seed=3) if one.answered and np.isfinite(one.error_m)]

    sure = [one.error_m for one in done if one.confidence >= 0.8]
    assert len(sure) > 0.15 * len(done)
    assert np.median(sure) < 0.35
    assert np.quantile(sure, 0.9) < 0.75
