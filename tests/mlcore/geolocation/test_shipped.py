"""The locator that ships: the file that its card names, calibrated, and able to find pictures that it never learnt."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.common import data_folder
from mlcore.digests import sha256_of
from mlcore.geolocation.bases import MOST_PIXELS
from mlcore.geolocation.calibrating import PictureGrounds, grounds_of
from mlcore.geolocation.calibration import Calibration
from mlcore.geolocation.locator import Locator
from mlcore.geolocation.model import LocatorModel
from mlcore.geolocation.upkeep import build
from mlcore.imagery.picture import read_picture
from mlcore.weights import LOCATOR_FILE
from tests.mlcore.geolocation.grounds import seen, similarity


def test_the_file_is_the_one_of_its_card_and_calibrated() -> None:
    assert sha256_of(LOCATOR_FILE) in (LOCATOR_FILE.parent / "README.md").read_text(encoding="utf-8")
    assert LOCATOR_FILE.stat().st_size < 8e6
    assert Calibration.from_dict(LocatorModel.load(LOCATOR_FILE).about["calibration"]).threshold == 0.5


@pytest.mark.slow
def test_it_finds_a_turned_picture_of_unseen_ground_and_tells_a_stranger(tmp_path: Path) -> None:
    folder = data_folder() / "ucmerced"
    if not folder.is_dir():
        pytest.skip("shared/data/ucmerced is not here: set MAPWRIGHT_DATA")
    files = [path for inner in sorted(folder.iterdir()) for path in sorted(inner.glob("*.jpg"))[60:68]]
    grounds = grounds_of([read_picture(path, MOST_PIXELS).rgb for path in files], np.random.default_rng(0))
    source = PictureGrounds(grounds[:4])
    model = LocatorModel.load(LOCATOR_FILE)
    locator = Locator(model, build(source, model, tmp_path / "db"), source)
    matrix = similarity(130, 1.1, (560, 480), 520, 520)

    found = locator.locate(seen(grounds[2], matrix, 520, 520))

    assert locator.is_here(found) and found[0].base.name == "ground/2"
    corners = np.array([(0, 0, 1), (520, 0, 1), (520, 520, 1), (0, 520, 1.0)])
    here, there = ((corners @ one.T)[:, :2] / (corners @ one.T)[:, 2:] for one in (found[0].fit.homography, matrix))
    assert np.linalg.norm(here - there, axis=1).max() < 2
    assert not locator.is_here(locator.locate(seen(grounds[4], matrix, 520, 520)))
