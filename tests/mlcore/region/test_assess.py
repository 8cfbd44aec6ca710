"""A scan, a counterfactual and an evaluation say the same of one map; an edit that changes nothing moves nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import shapely
import torch

from mlcore.changes.apply import apply_edit
from mlcore.changes.candidate import Candidate
from mlcore.changes.classifiers import ChangeClassifier
from mlcore.changes.diff import Measures, blocks_of, candidates_of, measure_block
from mlcore.changes.moves import MapMoves
from mlcore.changes.unjoined import GROUND_FIGURES
from mlcore.changes.untraced import FOOTPRINT_FIGURES
from mlcore.consistency.model import ConsistencyModel
from mlcore.consistency.scan import score_held
from mlcore.evaluation.scored import score_model
from mlcore.evidence.ensemble import EvidenceEnsemble
from mlcore.evidence.model import EvidenceModel
from mlcore.evidence.picture import EvidenceReader
from mlcore.geometry.webmercator import TileAddress
from mlcore.imagery.raster import open_image
from mlcore.maps.features import MapFeature
from mlcore.maps.index import MapIndex
from mlcore.pairs.source import PairSource
from mlcore.region.assess import Assessment, assess
from mlcore.region.config import RegionConfig
from mlcore.region.model import RegionModel
from mlcore.region.parts import FoldModel
from mlcore.region.scan import probability_after, touched
from mlcore.synthetic.edits import EditedMap
from tests.mlcore.changes.made_place import CORNER, houses, tiles_of, write_image, write_perfect_evidence

COLUMNS, ROWS = 4, 4
TILES = tiles_of(COLUMNS, ROWS)
"""Over the borders of several blocks, whole and cut ones."""


def classifier(seed: int) -> ChangeClassifier:
    """Verdicts by chance: what they say matters not, only that they say something of everything."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        made = ChangeClassifier()
        for network in (made.footprint, made.ground):
            for weight in network.parameters():
                torch.nn.init.normal_(weight, std=0.3)
    return made.eval()


def model_of() -> RegionModel:
    config = RegionConfig.preset("tiny", counterfactuals=4)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        folds = [
            FoldModel(
                EvidenceEnsemble([EvidenceModel(config.evidence)]),
                ConsistencyModel(config.consistency).eval(),
                classifier(number),
            )
            for number in range(2)
        ]
    return RegionModel(config, folds, {tile: number % 2 for number, tile in enumerate(TILES)}, {})


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> tuple[RegionModel, PairSource, EvidenceReader, Path]:
    """A place whose map lacks some houses and has others beside their place."""
    folder = tmp_path_factory.mktemp("place")
    true = houses(COLUMNS, ROWS)
    image = open_image(write_image(folder / "image.tif", true, COLUMNS, ROWS))
    path = write_perfect_evidence(folder / "evidence.tif", true, COLUMNS, ROWS)
    drawn = [feature for number, feature in enumerate(true) if number % 9]
    return model_of(), PairSource(image, MapIndex(drawn)), EvidenceReader(path, CORNER.z), path


def as_it_stands(feature: MapFeature, found: Assessment, source: PairSource) -> Candidate:
    """An edit that draws a footprint as it is drawn already."""
    tile = next(tile for tile in found.results if feature in source.index.query(tile.bounds_lonlat))
    return Candidate(
        "modify", feature.geometry, feature.osm_type, feature.osm_id, tile, 0.5, {"area_m2": 80.0}, feature.key
    )


def test_an_edit_that_changes_nothing_moves_nothing(place: tuple) -> None:
    model, source, evidence, _ = place
    found = assess(model, source, evidence, TILES)
    assert len(found.candidates) > 5

    for feature in source.index.buildings[::29]:
        candidate = as_it_stands(feature, found, source)
        after = probability_after(model, evidence, found, candidate)
        assert after == pytest.approx(found.results[candidate.tile].probability, abs=1e-7)


def test_a_part_that_is_assessed_anew_says_what_the_whole_map_says_there(place: tuple) -> None:
    model, source, evidence, _ = place
    found = assess(model, source, evidence, TILES)
    tile = found.candidates[0].tile
    gone = next(one for one in source.index.query(tile.bounds_lonlat) if one.kind == "building")
    edited = source.with_index(source.index.edited(remove=[gone.key]))
    whole = assess(model, edited, evidence, TILES, before=found)

    anew = assess(model, edited, evidence, [tile], before=found)

    assert anew.results[tile].probability != found.results[tile].probability
    assert anew.results[tile].probability == pytest.approx(whole.results[tile].probability, abs=1e-5)
    assert all(anew.results[other] == found.results[other] for other in TILES if other != tile)


def test_where_nothing_was_learnt_of_the_place_an_edit_leaves_the_scores_of_u_csa_alone(place: tuple) -> None:
    regional, source, evidence, _ = place
    general = RegionModel(regional.config, regional.folds[:1], {}, {}, zoom=CORNER.z)
    tile = TILES[5]
    gone = next(one for one in source.index.query(tile.bounds_lonlat) if one.kind == "building")
    edited = source.with_index(source.index.edited(remove=[gone.key]))
    for model, moves in ((general, False), (regional, True)):
        found = assess(model, source, evidence, TILES)
        anew = assess(model, edited, evidence, [tile], before=found)
        whole = assess(model, edited, evidence, TILES)
        assert (anew.results[tile].score != found.results[tile].score) == moves
        assert whole.results[tile].score != found.results[tile].score, "the scores of an edition are its own"
        assert anew.results[tile].probability != found.results[tile].probability


def test_a_score_that_nothing_weighs_is_of_the_pair_as_it_lies(place: tuple) -> None:
    _, source, _, _ = place
    fold = model_of().folds[0]
    fold.consistency.config = dataclasses.replace(fold.consistency.config, views=4)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        for weight in fold.consistency.parameters():
            torch.nn.init.normal_(weight, std=0.3)
    general = RegionModel(RegionConfig.preset("tiny"), [fold], {}, {}, zoom=CORNER.z)
    regional = RegionModel(RegionConfig.preset("tiny"), [fold], dict.fromkeys(TILES, 0), {})
    views = [source.view(tile) for tile in TILES[:3]]
    once, often = (score_held(fold.consistency, views, turns).disc for turns in (1, 4))
    assert np.abs(once / often - 1).max() > 0.05

    for model, wanted in ((general, once), (regional, often)):
        told = model.consistency_scores(source, TILES[:3])
        assert [told[tile][0] for tile in TILES[:3]] == pytest.approx(wanted.tolist(), rel=0.01)


def test_some_tiles_of_a_block_are_measured_as_with_all_of_them(place: tuple) -> None:
    _, source, evidence, _ = place
    for corner, members in blocks_of(TILES).items():
        whole = measure_block(evidence, source.index, corner, members, MapMoves({}))
        for tile in members[::5]:
            alone = measure_block(evidence, source.index, corner, members, MapMoves({}), only=[tile])

            assert alone.largest == {tile: whole.largest[tile]}
            for some, every in ((alone.footprints, whole.footprints), (alone.ground, whole.ground)):
                there = [measure for measure in every if measure.tile == tile]
                assert [one.proposal for one in some] == [one.proposal for one in there]
                assert np.array_equal([one.figures for one in some], [one.figures for one in there])


def test_a_counterfactual_says_what_the_edited_map_says_when_all_of_it_is_measured(place: tuple) -> None:
    model, source, evidence, _ = place
    found = assess(model, source, evidence, TILES)
    kinds = {one.kind for one in found.candidates}
    assert {"add", "remove"} <= kinds
    chosen = [next(one for one in found.candidates if one.kind == kind) for kind in sorted(kinds)]

    for candidate in [*chosen, *found.candidates[:6]]:
        edited = source.with_index(apply_edit(source.index, candidate))
        whole = assess(model, edited, evidence, touched(found, candidate), before=found).results[candidate.tile]
        assert probability_after(model, evidence, found, candidate) == pytest.approx(whole.probability, abs=1e-5)


def size_alone(measures: Sequence[Measures]) -> ChangeClassifier:
    """Calls what is larger than most a change, and on bare ground what makes a whole with a footprint."""
    verdicts = ChangeClassifier().eval()
    of_both = ((verdicts.footprint, FOOTPRINT_FIGURES, "footprints"), (verdicts.ground, GROUND_FIGURES, "ground"))
    for network, names, kind in of_both:
        column = names.index("log_area")
        sizes = [one.figure("log_area") for block in measures for one in getattr(block, kind)]
        with torch.no_grad():
            for weight in network.parameters():
                weight.zero_()
            network.mean[column] = float(np.quantile(sizes, 0.6))
            network.direct.weight[1, column] = 12.0
            network.direct.bias[0] = 5.0
    with torch.no_grad():
        verdicts.ground.direct.weight[2, GROUND_FIGURES.index("joined")] = 4.0
    return verdicts


@pytest.mark.parametrize("caution", [None, 12.0, 0.0])
def test_nothing_that_is_left_unmeasured_would_be_a_candidate(place: tuple, caution: float | None) -> None:
    """By verdicts that are cautious by chance or at all, and by some that tell things apart."""
    _, source, evidence, _ = place
    blocks = blocks_of(TILES)
    every = [measure_block(evidence, source.index, corner, some, MapMoves({})) for corner, some in blocks.items()]
    verdicts = size_alone(every) if caution is None else classifier(3)
    with torch.no_grad():
        for network in (verdicts.footprint, verdicts.ground):
            network.direct.bias[0] += caution or 0.0
    left, bare, kinds = 0, 0, set[str]()
    for (corner, members), all_of_it in zip(blocks.items(), every, strict=True):
        some = measure_block(evidence, source.index, corner, members, MapMoves({}), verdicts_of=lambda _: [verdicts])
        found, wanted = (candidates_of(measures, lambda _: [verdicts]) for measures in (some, all_of_it))
        assert [(one.kind, one.key, one.geometry) for one in found] == [
            (one.kind, one.key, one.geometry) for one in wanted
        ]
        assert [one.confidence for one in found] == pytest.approx([one.confidence for one in wanted], abs=1e-5)
        left += len(all_of_it.footprints) - len(some.footprints)
        bare += len(all_of_it.ground) - len(some.ground)
        kinds |= {one.kind for one in found}
    assert (left > 0, bare > 0) == ((caution != 0.0,) * 2)
    assert (kinds == set()) == (caution == 12.0)
    assert caution is not None or kinds == {"add", "remove"}


def test_an_edit_touches_its_own_tile_and_those_that_it_reaches(place: tuple) -> None:
    model, source, evidence, _ = place
    found = assess(model, source, evidence, TILES)
    tile = TILES[len(TILES) // 2]
    west, south, east, north = tile.bounds_lonlat
    reach = (east - west) / 10
    middle, seam = shapely.Point((west + east) / 2, (south + north) / 2), shapely.Point(east, (south + north) / 2)

    inside = Candidate("add", middle.buffer(reach), None, None, tile, 0.5, {})
    across = Candidate("add", seam.buffer(reach), None, None, tile, 0.5, {})

    assert touched(found, inside) == [tile]
    beside = TileAddress(tile.z, tile.x + 1, tile.y)
    assert touched(found, across) == [tile, *([beside] if beside in found.results else [])]


def test_a_scan_says_what_an_assessment_of_its_evidence_says(place: tuple, tmp_path: Path) -> None:
    model, source, _, _ = place
    scanned = model.scan(source, TILES, evidence_path=tmp_path / "evidence.tif")
    evidence = EvidenceReader(tmp_path / "evidence.tif", CORNER.z)

    found = model.assess(source, evidence, TILES)

    assert scanned.results == found.results
    told = {"tile_probability", "tile_probability_after", "counterfactual"}
    bare = [
        dataclasses.replace(one, evidence={name: value for name, value in one.evidence.items() if name not in told})
        for one in scanned.candidates
    ]
    assert bare == found.candidates
    for candidate in scanned.candidates[: model.config.counterfactuals]:
        assert candidate.evidence["tile_probability_after"] == probability_after(model, evidence, found, candidate)


def test_an_evaluation_says_what_a_scan_of_the_edited_map_says(place: tuple, tmp_path: Path) -> None:
    model, source, _, _ = place
    scored = score_model(
        model, source, EditedMap(list(source.index), []), TILES, [], evidence_path=tmp_path / "scored.tif"
    )

    scanned = model.scan(source, TILES, evidence_path=tmp_path / "scanned.tif")

    assert scored.agreement == [scanned.results[tile].probability for tile in TILES]
    assert np.allclose([one[1] for one in scored.candidates], [one.confidence for one in scanned.candidates])
