"""Every case folder at hand comes out right; $MAPWRIGHT_CASES or shared/cases beside the project holds them."""

import os
from pathlib import Path

import pytest

from tests.cases.anchors import CASES as ANCHORS
from tests.cases.edits import CASES as EDITS
from tests.cases.images import CASES as IMAGES
from tests.cases.maps import CASES as MAPS

FOLDER = Path(os.environ.get("MAPWRIGHT_CASES", Path(__file__).resolve().parents[3] / "shared" / "cases"))
CASES = {**MAPS, **IMAGES, **EDITS, **ANCHORS}


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize("name", sorted(CASES))
def test_case(name, tmp_path):
    if not FOLDER.is_dir():
        pytest.skip(f"the cases are absent: set MAPWRIGHT_CASES to the folder that has them (looked in {FOLDER})")
    CASES[name](FOLDER / name, tmp_path)
