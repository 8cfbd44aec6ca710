"""What a transform touches is assessed anew as a whole scan would, and nothing else is."""

from __future__ import annotations

import pytest

from mlcore.correspondences.dense.neighbours import Known
from mlcore.correspondences.dense.shift import Shift
from mlcore.evidence.picture import EvidenceReader
from mlcore.imagery.raster import open_image
from mlcore.maps.index import MapIndex
from mlcore.pairs.source import PairSource
from mlcore.region.assess import assess
from mlcore.region.reassess import reassess
from tests.mlcore.changes.made_place import CORNER, houses, tiles_of, write_image, write_perfect_evidence
from tests.mlcore.region.test_assess import model_of

COLUMNS, ROWS = 6, 2
HOUSES = houses(COLUMNS, ROWS)
TILES = tiles_of(COLUMNS, ROWS)
CHANGED = TILES[0]
KNOWN = Known({CHANGED: Shift(9.0, -4.0, 0.95, "verified")})


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> tuple[PairSource, EvidenceReader]:
    folder = tmp_path_factory.mktemp("place")
    image = open_image(write_image(folder / "image.tif", HOUSES, COLUMNS, ROWS))
    evidence = write_perfect_evidence(folder / "evidence.tif", HOUSES, COLUMNS, ROWS)
    return PairSource(image, MapIndex(HOUSES)), EvidenceReader(evidence, CORNER.z)


def test_the_touched_tiles_are_as_a_whole_new_scan_would_have_them(place: tuple[PairSource, EvidenceReader]) -> None:
    source, evidence = place
    model = model_of()
    before = assess(model, source, evidence, TILES)
    whole = assess(model, source, evidence, TILES, known=KNOWN)

    found = reassess(model, source, evidence, [CHANGED], before.shifts, KNOWN, None)

    assert found.results[CHANGED].shift_origin == "verified"
    assert set(found.results) == {tile for tile in TILES if tile.x <= CORNER.x + 1}
    for tile, result in found.results.items():
        assert result.shift == whole.results[tile].shift
        assert result.final == pytest.approx(whole.results[tile].final, abs=1e-5)
        assert result.difference == pytest.approx(whole.results[tile].difference, abs=1e-4)


def test_a_correction_that_says_what_was_known_changes_nothing(place: tuple[PairSource, EvidenceReader]) -> None:
    source, evidence = place
    model = model_of()
    before = assess(model, source, evidence, TILES, known=KNOWN)

    found = reassess(model, source, evidence, [CHANGED], before.shifts, KNOWN, None)

    for tile, result in found.results.items():
        assert result.probability == pytest.approx(before.results[tile].probability, abs=1e-5)
    assert all("tile_probability_after" in one.evidence for one in found.candidates)
