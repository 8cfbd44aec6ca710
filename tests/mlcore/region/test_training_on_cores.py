"""What a training measures on several cores is what it measures on one, and it stops where it is asked to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from mlcore.changes.diff import Measures, iter_measures
from mlcore.changes.registration import region_shifts
from mlcore.cores import Cores
from mlcore.errors import StoppedError
from mlcore.evidence.picture import EvidenceReader
from mlcore.imagery.raster import open_image
from mlcore.maps.index import MapIndex
from mlcore.pairs.source import PairSource
from mlcore.progress import SilentProgress
from mlcore.region.blocks import measured_maps
from mlcore.region.calibrate import make_editions
from mlcore.region.registered import registered
from tests.mlcore.changes.made_place import houses, tiles_of, write_image, write_perfect_evidence
from tests.mlcore.region.test_blending import Bright

COLUMNS, ROWS = 6, 2
TILES = tiles_of(COLUMNS, ROWS)


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> EvidenceReader:
    path = tmp_path_factory.mktemp("place") / "evidence.tif"
    return EvidenceReader(write_perfect_evidence(path, houses(COLUMNS, ROWS), COLUMNS, ROWS), TILES[0].z)


def stale_map(every: int) -> MapIndex:
    return MapIndex([one for number, one in enumerate(houses(COLUMNS, ROWS)) if number % every])


def told(blocks: Sequence[Measures]) -> list[object]:
    """All that a training reads of them."""
    footprints = [
        (one.feature.key, one.tile, one.proposal.wkb, one.current.wkb, one.figures.tobytes(), one.moved)
        for block in blocks
        for one in block.footprints
    ]
    ground = [
        (
            one.tile, one.proposal.wkb, one.figures.tobytes(), one.area_m2,
            one.adjacent and (one.adjacent.feature.key, one.adjacent.extended.wkb),
        )
        for block in blocks
        for one in block.ground
    ]  # fmt: skip
    return [footprints, ground, [(dict(block.largest), block.resolution_m) for block in blocks]]


@pytest.mark.parametrize("count", [1, 3])
def test_maps_are_measured_as_block_by_block_on_one_core(evidence: EvidenceReader, count: int) -> None:
    maps = [stale_map(7), stale_map(9)]
    shifts = region_shifts(evidence, maps[0], TILES)

    with Cores(count) as cores:
        found = measured_maps(evidence, maps, TILES, shifts, cores=cores)

    for index, blocks in zip(maps, found, strict=True):
        one_by_one = list(iter_measures(evidence, index, TILES, shifts))
        assert len(one_by_one) > 1
        assert sum(len(block.ground) for block in blocks) > 3
        assert told(blocks) == told(one_by_one)
        assert len({id(block.moves) for block in blocks}) == 1
        assert [block.moves.of(TILES[3]) for block in blocks] == [block.moves.of(TILES[3]) for block in one_by_one]


def test_editions_are_the_same_on_three_cores(evidence: EvidenceReader) -> None:
    index = stale_map(8)
    shifts = region_shifts(evidence, index, TILES)

    def editions(count: int) -> list[object]:
        with Cores(count) as cores:
            made = make_editions(index, evidence, TILES, shifts, rounds=2, share=0.05, seed=4, cores=cores)
        assert len(made) == 2
        return [(told(one.measures), one.footprint_labels, one.ground_labels) for one in made]

    assert editions(3) == editions(1)


def test_the_map_is_brought_to_the_same_place_on_three_cores(tmp_path: Path) -> None:
    features = houses(COLUMNS, ROWS)
    image = open_image(write_image(tmp_path / "image.tif", features, COLUMNS, ROWS))
    source = PairSource(image, MapIndex(features))

    def moved(count: int) -> list[np.ndarray]:
        with Cores(count) as cores:
            found = registered(
                source, TILES, Bright(30.0), tmp_path / f"{count}.tif", SilentProgress(), cores=cores
            )  # fmt: skip
        return [found.transforms[tile].apply(np.array([[0.0, 0.0], [200.0, 30.0]])) for tile in TILES]

    np.testing.assert_array_equal(moved(3), moved(1))
    assert (tmp_path / "3.tif").read_bytes() == (tmp_path / "1.tif").read_bytes()


class StopAt:
    """Asks to stop once some work reports itself."""

    def __init__(self, message: str) -> None:
        self.message, self.reached = message, False

    def report(self, fraction: float, message: str = "", figures: Mapping[str, float] | None = None) -> None:
        assert 0 <= fraction <= 1.0001
        self.reached = self.reached or message == self.message

    def should_stop(self) -> bool:
        return self.reached


@pytest.mark.parametrize("message", ["simulated edits", "comparing evidence and map"])
def test_editions_stop_where_they_are_asked_to(evidence: EvidenceReader, message: str) -> None:
    index = stale_map(8)
    shifts = region_shifts(evidence, index, TILES)
    with Cores(2) as cores, pytest.raises(StoppedError):
        make_editions(
            index, evidence, TILES, shifts, rounds=2, share=0.05, seed=4, cores=cores, progress=StopAt(message)
        )
