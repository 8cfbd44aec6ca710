"""Evidence of a network that never saw a place, fitted to it by its map: better, and by no tile's own map."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from mlcore.evaluation.footprints import footprint_figures
from mlcore.evidence.ensemble import EvidenceEnsemble
from mlcore.evidence.model import EvidenceModel
from mlcore.evidence.picture import EvidenceReader
from mlcore.evidence.place import FittedPlace, alternate_strips, fitted_place
from mlcore.evidence.prior import prior_shift
from mlcore.evidence.pyramid import PyramidEvidence
from mlcore.evidence.writing import predict, with_context, write_evidence
from mlcore.geometry.webmercator import TileAddress
from mlcore.imagery.raster import open_image
from mlcore.maps.features import MapFeature
from mlcore.maps.index import MapIndex
from mlcore.pairs.source import PairSource
from tests.mlcore.changes.made_place import houses, tiles_of, write_image
from tests.mlcore.evidence.test_prior import TINY
from tests.mlcore.evidence.test_readout import SMALL

COLUMNS, ROWS = 6, 3
TILES = tiles_of(COLUMNS, ROWS)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_image(tmp_path_factory.mktemp("place") / "image.tif", houses(COLUMNS, ROWS), COLUMNS, ROWS)


@pytest.fixture
def stranger() -> EvidenceEnsemble:
    """Random features, and nothing learnt of what they mean."""
    torch.manual_seed(5)
    return EvidenceEnsemble([PyramidEvidence(SMALL)])


def of_map(image: Path, features: list[MapFeature]) -> PairSource:
    return PairSource(open_image(image), MapIndex(features))


def f1(place: FittedPlace, source: PairSource, folder: Path) -> float:
    write_evidence(folder / "e.tif", source.reader, TILES, place.ensemble_of, seen=place.seen)
    return footprint_figures(source, EvidenceReader(folder / "e.tif", TILES[0].z), TILES)["building_f1"]


@pytest.mark.parametrize("lacking", [0.0, 0.3])
def test_features_weighed_anew_find_the_buildings_of_a_place_though_its_map_lacks_some(
    image: Path, stranger: EvidenceEnsemble, tmp_path: Path, lacking: float
):
    true, rng = houses(COLUMNS, ROWS), np.random.default_rng(1)
    source, truth = of_map(image, [one for one in true if rng.random() >= lacking]), of_map(image, true)
    shifted = stranger.shifted(prior_shift(stranger, source, TILES))
    place = fitted_place(stranger, source, TILES)
    assert place.readout
    alone = f1(FittedPlace(lambda _: shifted, {}, readout=False), truth, tmp_path)
    assert f1(place, truth, tmp_path) > max(0.7, alone + 0.2)


def test_no_tile_is_told_by_its_own_map(image: Path, stranger: EvidenceEnsemble):
    true, half_of = houses(COLUMNS, ROWS), alternate_strips(TILES)
    own = next(tile for tile in TILES if half_of(tile) == 0)
    erased = [one for one in true if not own.polygon_lonlat.contains(one.geometry)]
    assert len(erased) < len(true)
    view = with_context(open_image(image), own).rgb[None]
    with_all, without = (
        predict(fitted_place(stranger, of_map(image, features), TILES).ensemble_of(own), view)
        for features in (true, erased)
    )
    assert np.array_equal(with_all, without)


def test_tiles_that_are_not_mapped_are_told_by_the_mean(image: Path, stranger: EvidenceEnsemble):
    place = fitted_place(stranger, of_map(image, houses(COLUMNS, ROWS)), TILES)
    far = TileAddress(TILES[0].z, TILES[0].x + 50, TILES[0].y)
    mapped = {id(place.ensemble_of(tile)) for tile in TILES}
    assert len(mapped) == 2
    assert id(place.ensemble_of(far)) not in mapped


def test_few_tiles_an_empty_map_and_other_networks_have_their_prior_shifted_alone(
    image: Path, stranger: EvidenceEnsemble
):
    everything = of_map(image, houses(COLUMNS, ROWS))
    other = EvidenceEnsemble([EvidenceModel(TINY).eval()])
    for ensemble, source, tiles in (
        (stranger, everything, TILES[:2]),
        (stranger, of_map(image, []), TILES),
        (other, everything, TILES),
        (stranger, everything, []),
    ):
        place = fitted_place(ensemble, source, tiles)
        assert not place.readout
        told = place.ensemble_of(TILES[0]).prior_shifts.item()
        assert told == pytest.approx(prior_shift(ensemble, source, tiles), abs=0.02)


def test_the_same_place_is_fitted_the_same_again(image: Path, stranger: EvidenceEnsemble, tmp_path: Path):
    source = of_map(image, houses(COLUMNS, ROWS))
    first, again = (fitted_place(stranger, source, TILES, threads) for threads in (1, 2))
    assert f1(first, source, tmp_path) == f1(again, source, tmp_path)


@pytest.mark.parametrize(("columns", "rows"), [(6, 3), (2, 2), (1, 9), (4, 1)])
def test_strips_alternate_and_hold_as_many_tiles(columns: int, rows: int):
    tiles = tiles_of(columns, rows)
    half_of = alternate_strips(tiles)
    first = sum(half_of(tile) == 0 for tile in tiles)
    assert abs(2 * first - len(tiles)) <= 4
    along = sorted(tiles, key=lambda tile: (tile.x, tile.y) if columns >= rows else (tile.y, tile.x))
    changes = sum(half_of(one) != half_of(other) for one, other in pairwise(along))
    assert changes == 3
