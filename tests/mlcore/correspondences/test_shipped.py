"""The weights that ship find a made town's map in its image, in a style and at an angle they are told nothing of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mlcore.consistency.pretraining import Place, synthetic_place
from mlcore.correspondences.matcher import StructureMatcher
from mlcore.correspondences.robust import register
from mlcore.correspondences.warps import corner_error_px
from mlcore.suites.matching import SIZE_PX, Window, pairs_of, windows_of
from mlcore.weights import MATCHER_FILE

UNSEEN_TOWN = 300


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return synthetic_place(UNSEEN_TOWN, tmp_path_factory.mktemp("town"))


def test_the_card_names_the_file_that_ships() -> None:
    from mlcore.digests import sha256_of

    assert sha256_of(MATCHER_FILE) in (MATCHER_FILE.parent / "README.md").read_text(encoding="utf-8")
    assert MATCHER_FILE.stat().st_size < 20e6


@pytest.mark.parametrize("protocol", ["working", "full"])
def test_the_map_of_an_unseen_town_is_found_in_its_image(protocol: str, town: Place) -> None:
    matcher = StructureMatcher.load(MATCHER_FILE)
    errors = []
    for pair in pairs_of(protocol, windows_of([town], 4)):
        found = register(matcher.match(pair.map, pair.image), (SIZE_PX, SIZE_PX))
        matrix = None if found.transform is None else found.transform.matrix
        errors.append(corner_error_px(matrix, pair.truth, SIZE_PX))
    assert np.median(errors) < 12


def test_another_town_s_map_is_no_match(town: Place, tmp_path: Path) -> None:
    other = synthetic_place(UNSEEN_TOWN + 1, tmp_path)
    image, drawn = Window(town, town.tiles[0]), Window(other, other.tiles[0])

    found = StructureMatcher.load(MATCHER_FILE).match(drawn.map("own", np.random.default_rng(0)), image.image())

    assert register(found, (SIZE_PX, SIZE_PX)).transform is None
