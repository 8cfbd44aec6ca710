"""What is usual in a place is measured once on blocks of its map, kept beside the evidence and read back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.affinity import translate

from mlcore.changes.classifiers import FOOTPRINT_CLASSES, ChangeClassifier, Classifier
from mlcore.changes.diff import iter_measures
from mlcore.changes.registration import region_shifts
from mlcore.changes.untraced import FOOTPRINT_FIGURES
from mlcore.changes.usual import STRANGE
from mlcore.correspondences.dense.neighbours import Known
from mlcore.errors import InvalidInputError
from mlcore.evidence.picture import EvidenceReader
from mlcore.geometry.webmercator import TileAddress
from mlcore.imagery.raster import open_image
from mlcore.maps.features import MapFeature
from mlcore.maps.index import MapIndex
from mlcore.pairs.source import PairSource
from mlcore.region.assess import assess
from mlcore.region.calibrate import make_editions
from mlcore.region.config import RegionConfig
from mlcore.region.lessons import Lesson, taught_by
from mlcore.region.model import RegionModel
from mlcore.region.reassess import reassess
from mlcore.region.teacher import Examples
from mlcore.region.usual import ENOUGH, load_usual, save_usual, spread_blocks, usual_file, usual_on_map, usual_place
from tests.mlcore.changes.made_place import CORNER, houses, tiles_of, write_image, write_perfect_evidence
from tests.mlcore.region.test_assess import model_of

COLUMNS, ROWS = 5, 4
HOUSES = houses(COLUMNS, ROWS)
TILES = tiles_of(COLUMNS, ROWS)
FIGURES = len(FOOTPRINT_FIGURES)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> tuple[PairSource, EvidenceReader]:
    folder = tmp_path_factory.mktemp("place")
    image = open_image(write_image(folder / "image.tif", HOUSES, COLUMNS, ROWS))
    evidence = write_perfect_evidence(folder / "evidence.tif", HOUSES, COLUMNS, ROWS)
    return PairSource(image, MapIndex(HOUSES)), EvidenceReader(evidence, CORNER.z)


def asking_model() -> RegionModel:
    """A general model that calls a footprint gone where its mean evidence is far less than usual."""
    fold = model_of().folds[0]
    strange = Classifier(FIGURES + len(STRANGE), len(FOOTPRINT_CLASSES), hidden=0)
    strange.direct.weight.data.zero_()
    strange.direct.weight.data[1, FIGURES + FOOTPRINT_FIGURES.index("mean")] = -2.0
    strange.direct.bias.data.copy_(strange.direct.bias.new_tensor([4.0, 0.0, -4.0]))
    parts = replace(fold, classifier=ChangeClassifier(strange, fold.classifier.ground))
    return RegionModel(RegionConfig.preset("tiny", counterfactuals=4), [parts], {}, {}, zoom=CORNER.z)


def test_usual_is_what_most_of_the_map_shows_and_a_demolished_house_is_strange_there(
    place: tuple[PairSource, EvidenceReader],
) -> None:
    source, evidence = place
    stands = HOUSES[::9]
    shifts = region_shifts(evidence, source.index, TILES)
    whole = usual_place(evidence, source, TILES, shifts)
    invented = source.with_index(MapIndex([*HOUSES, *_on_bare_ground(stands)]))
    usual = usual_place(evidence, invented, TILES, shifts)

    assert whole is not None and usual is not None
    assert whole.middle[STRANGE.index(FOOTPRINT_FIGURES.index("mean"))] > 0.85
    assert np.abs(usual.middle - whole.middle).max() < 0.3  # a tenth of the map is wrong
    found = assess(asking_model(), invented, evidence, TILES).candidates
    gone = {one.osm_id for one in found if one.kind == "remove" and one.confidence > 0.5}
    assert gone <= {one.osm_id for one in _on_bare_ground(stands)}
    assert len(gone) > 0.6 * len(stands)  # some lie half on a house


def test_tiles_looked_at_again_are_told_by_what_was_usual_in_the_whole_place(
    place: tuple[PairSource, EvidenceReader],
) -> None:
    source, evidence = place
    model, known = asking_model(), Known({})
    whole = assess(model, source, evidence, TILES)

    found = reassess(model, source, evidence, [TILES[0]], whole.shifts, known, whole.usual)

    assert whole.usual is not None
    for tile, result in found.results.items():
        assert result.probability == pytest.approx(whole.results[tile].probability, abs=1e-6)


def test_where_too_little_is_mapped_to_tell_what_is_usual_figures_alone_decide(
    place: tuple[PairSource, EvidenceReader],
) -> None:
    source, evidence = place
    model, bare = asking_model(), source.with_index(MapIndex(HOUSES[:3]))

    found = assess(model, bare, evidence, TILES)
    again = reassess(model, bare, evidence, [TILES[0]], found.shifts, Known({}), found.usual)

    assert found.usual is None
    assert not [one for one in found.candidates if one.kind == "remove" and one.confidence > 0.5]
    for tile, result in again.results.items():
        assert result.probability == pytest.approx(found.results[tile].probability, abs=1e-6)


@given(st.sets(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=200))
def test_few_whole_blocks_are_measured_whatever_the_size_of_the_place(places: set[tuple[int, int]]) -> None:
    tiles = [TileAddress(19, 1000 + x, 2000 + y) for x, y in sorted(places)]

    some = spread_blocks(tiles)

    assert set(some) <= set(tiles)
    assert len(some) >= min(ENOUGH, len(tiles))
    assert len(some) < ENOUGH + 16
    blocks = {(tile.x // 4, tile.y // 4) for tile in some}
    assert set(some) == {tile for tile in tiles if (tile.x // 4, tile.y // 4) in blocks}


def test_a_scan_and_a_lesson_find_the_same_usual(place: tuple[PairSource, EvidenceReader]) -> None:
    source, evidence = place
    drawn = source.with_index(MapIndex([*HOUSES[::2], *_on_bare_ground(HOUSES[1::2])]))
    tiles = spread_blocks(TILES)
    shifts = region_shifts(evidence, drawn.index, tiles)

    scanned = usual_place(evidence, drawn, tiles, shifts)
    taught = usual_on_map(list(iter_measures(evidence, drawn.index, tiles, shifts)))

    assert scanned is not None and taught is not None
    assert scanned.middle == pytest.approx(taught.middle, abs=1e-9)
    assert scanned.spread == pytest.approx(taught.spread, abs=1e-9)


def test_what_is_usual_is_read_back_and_a_damaged_file_names_its_remedy(
    place: tuple[PairSource, EvidenceReader], tmp_path: Path
) -> None:
    source, evidence = place
    usual = usual_place(evidence, source, TILES, region_shifts(evidence, source.index, TILES))
    path = usual_file(tmp_path / "evidence.tif")
    assert usual is not None

    save_usual(path, usual)
    again = load_usual(path)
    save_usual(path, None)

    assert again is not None
    assert np.array_equal(again.middle, usual.middle) and np.array_equal(again.spread, usual.spread)
    assert load_usual(path) is None
    for content in ("", "[1]", json.dumps({"middle": [1.0], "spread": [1.0]}), '{"middle": NaN, "spread": 1}'):
        path.write_text(content)
        with pytest.raises(InvalidInputError, match="scan the region again"):
            load_usual(path)
    path.unlink()
    with pytest.raises(InvalidInputError, match="scan the region again"):
        load_usual(path)


def test_one_place_teaches_figures_alone_and_several_how_strange_they_are(tmp_path: Path) -> None:
    lessons = [lesson_of_houses(tmp_path, seed) for seed in (0, 1)]

    assert not taught_by(lessons[:1], seed=0).asks_usual
    both = taught_by(lessons, seed=0)
    assert both.asks_usual
    small = lesson_of_houses(tmp_path, 2, side=1)
    assert small.usual is None
    alike = taught_by([*lessons, small], seed=0)
    assert all((alike.state_dict()[name] == value).all() for name, value in both.state_dict().items())


def lesson_of_houses(folder: Path, seed: int, side: int = 3) -> Lesson:
    built, tiles = houses(side, side, seed), tiles_of(side, side)
    index = MapIndex(built[:5] if side == 1 else built)
    evidence = EvidenceReader(write_perfect_evidence(folder / f"{seed}.tif", built, side, side), CORNER.z)
    shifts = region_shifts(evidence, index, tiles)
    editions = make_editions(index, evidence, tiles, shifts, rounds=2, share=0.05, seed=seed)
    return Lesson(editions, list(iter_measures(evidence, index, tiles, shifts)))


def _on_bare_ground(some: Sequence[MapFeature]) -> list[MapFeature]:
    """Footprints where nothing stands: between the rows of the grid that houses stand on."""
    half = 32 * 360 / (2**CORNER.z * 256)
    return [
        replace(one, geometry=translate(one.geometry, half, half * 0.89), osm_id=10_000 + number)
        for number, one in enumerate(some)
    ]


def test_a_large_place_does_not_drown_a_small_one() -> None:
    rng, figures = np.random.default_rng(0), np.zeros(FIGURES)
    large, small = 2000, 80

    def chance_of_change(balanced: bool) -> float:
        examples = Examples()
        for number in range(large + small):
            of_small = number >= large
            label = int(rng.random() < (0.9 if of_small else 0.1))
            examples.add(figures, label, place=int(of_small) if balanced else 0)
        fitted = examples.fit(len(FOOTPRINT_CLASSES), seed=0)
        return float(ChangeClassifier(fitted).plain().footprint_chances(figures[None])[0, 1])

    drowned, heard = chance_of_change(balanced=False), chance_of_change(balanced=True)

    assert drowned < 0.2
    assert 0.2 < heard < 0.35  # the roots are 45 and 9
