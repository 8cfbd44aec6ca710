"""Training with people's decisions: what they verified is learnt, and never by the models that score the place."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import shapely
import shapely.affinity
import torch

from mlcore.anchors.geometric import describe_tile
from mlcore.changes.classifiers import ChangeClassifier
from mlcore.changes.decisions import Decision
from mlcore.changes.diff import Measures
from mlcore.changes.ground import GROUND_FIGURES, AdjacentFootprint, GroundMeasure
from mlcore.changes.measure import FOOTPRINT_FIGURES, FootprintMeasure
from mlcore.changes.moves import MapMoves
from mlcore.evidence.config import EvidenceConfig
from mlcore.evidence.picture import EvidenceReader
from mlcore.evidence.samples import CropSampler, evidence_samples
from mlcore.evidence.training import pixel_weights
from mlcore.evidence.verified import SURE_WEIGHT
from mlcore.geometry.webmercator import TileAddress, tile_at
from mlcore.imagery.raster import open_image
from mlcore.maps.index import MapIndex
from mlcore.maps.labels import to_xy
from mlcore.pairs.source import PairSource
from mlcore.region.calibrate import Suspects, fit_classifiers
from mlcore.region.decided import Said, decision_counts, fold_source, verified
from mlcore.region.teacher import Teacher
from mlcore.region.training import RegionConfig, RegionModel, train_region
from tests.mlcore.changes.made_place import CORNER, houses, tiles_of, write_image

COLUMNS, ROWS = 4, 2
HOUSES = houses(COLUMNS, ROWS)
TILES = tiles_of(COLUMNS, ROWS)
TINY = RegionConfig.preset("tiny")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> PairSource:
    path = write_image(tmp_path_factory.mktemp("place") / "image.tif", HOUSES, COLUMNS, ROWS)
    return PairSource(open_image(path), MapIndex(HOUSES))


def tile_of(shape: shapely.Geometry) -> TileAddress:
    return tile_at(shape.centroid.x, shape.centroid.y, CORNER.z)


def decision(number: int, kind: str, word: str, **more) -> Decision:
    """About the house of this number; an add is about a shape beside it."""
    house = HOUSES[number]
    shape = more.pop("shape", house.geometry)
    final = shape if word != "rejected" and kind != "remove" else None
    names = (None, None) if kind == "add" else (house.osm_type, house.osm_id)
    return Decision(kind, word, shape, final, *names, tile_of(shape), **more)


def house_in(tile: TileAddress) -> int:
    """A house that lies wholly in the tile."""
    return next(number for number, house in enumerate(HOUSES) if tile.polygon_lonlat.contains(house.geometry))


def train(source: PairSource, run_dir: Path, decisions=(), config: RegionConfig = TINY) -> RegionModel:
    anchors = {tile: describe_tile(tile, source.index) for tile in TILES}
    return train_region(source, TILES, anchors, config, run_dir=run_dir, seed=0, decisions=decisions)


def weights(model: RegionModel, fold: int) -> dict[str, torch.Tensor]:
    return {**model.folds[fold].evidence.state_dict(), **model.folds[fold].consistency.state_dict()}


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(tensor, second[name]) for name, tensor in first.items())


def test_a_decision_changes_the_other_folds_models_and_never_its_own(source: PairSource, tmp_path: Path) -> None:
    place = house_in(TILES[0])
    plain = train(source, tmp_path / "plain")
    removed = train(source, tmp_path / "removed", [decision(place, "remove", "accepted")])
    kept = train(source, tmp_path / "kept", [decision(place, "remove", "rejected")])
    own = plain.fold_of(TILES[0])

    assert same(weights(plain, own), weights(removed, own)) and same(weights(plain, own), weights(kept, own))
    other = 1 - own
    assert not same(weights(plain, other), weights(removed, other))
    assert not same(weights(removed, other), weights(kept, other))
    assert removed.metrics["decisions/accepted"] == 1 and "decisions/accepted" not in plain.metrics


def test_a_decision_across_the_border_teaches_neither_fold_that_scores_a_part_of_it(source: PairSource) -> None:
    _, south, east, _ = TILES[0].bounds_lonlat
    across = shapely.box(east - 5e-5, south + 1e-4, east + 5e-5, south + 2e-4)
    said = [Decision("add", "accepted", across, across, None, None, tile_of(across))]
    for scored in ([TILES[0]], [TILES[1]]):
        learning, verified = fold_source(source, said, scored)
        assert len(learning.index) == len(HOUSES)
        assert verified is not None and not verified.planes(TILES[0], 64)[0].any()
    assert len(fold_source(source, said, [TILES[3]])[0].index) == len(HOUSES) + 1


def test_verified_pixels_weigh_more(source: PairSource) -> None:
    number = house_in(TILES[0])
    said = [decision(number, "remove", "rejected", reason="still_there")]
    samples = evidence_samples(source, TILES, verified=verified(said))
    sure = samples[0].sure
    assert sure is not None and sure.any() and not samples[-1].sure.any()  # type: ignore[union-attr]
    assert (samples[0].ids[sure] > 0).all()

    batch = CropSampler(samples[:1], 256, 0.0).draw(8, np.random.default_rng(0))
    config = EvidenceConfig()
    assert batch.sure.any() and not (batch.sure & ~batch.known).any()
    loss_weight = pixel_weights(batch, config)
    assert loss_weight.max() == SURE_WEIGHT
    plain = loss_weight[batch.known & ~batch.sure]
    assert plain.max() == 1.0


def test_a_rejected_building_whose_reason_leaves_doubt_is_not_learnt_as_ground(source: PairSource) -> None:
    bare = beside(house_in(TILES[0]))
    plain, doubt = ([decision(0, "add", "rejected", shape=bare, reason=why)] for why in ("not_a_building", "temporary"))
    ground = evidence_samples(source, TILES[:1], verified=verified(plain))[0]
    unknown = evidence_samples(source, TILES[:1], verified=verified(doubt))[0]
    assert ground.known.all() and ground.sure.sum() > 50  # type: ignore[union-attr]
    assert not unknown.known.all() and not unknown.sure.any()  # type: ignore[union-attr]


def beside(number: int) -> shapely.Polygon:
    """Bare ground in the same tile: the shape of a house, where none stands."""
    shape, tile = HOUSES[number].geometry, tile_of(HOUSES[number].geometry)
    for dx in np.linspace(-4e-4, 4e-4, 41):
        for dy in np.linspace(-4e-4, 4e-4, 41):
            moved = shapely.affinity.translate(shape, dx, dy)
            free = not any(house.geometry.intersects(moved) for house in HOUSES)
            if free and tile.polygon_lonlat.contains(moved):
                return moved
    raise AssertionError("no bare ground in the tile")


def lookalike(folder: Path) -> tuple[PairSource, list[shapely.Polygon]]:
    """The place with a yard in many tiles that looks just like a roof and is none."""
    yards = [beside(house_in(tile)) for tile in TILES]
    drawn = [*HOUSES, *(type(HOUSES[0])("building", yard) for yard in yards)]
    path = write_image(folder / "image.tif", drawn, COLUMNS, ROWS)
    return PairSource(open_image(path), MapIndex(HOUSES)), yards


def test_a_rejected_suggestion_lowers_the_evidence_at_such_places_that_the_model_never_saw(tmp_path: Path) -> None:
    """Roofs and yards look alike; people who say "no building" elsewhere make the difference."""
    source, yards = lookalike(tmp_path)
    evidence = {
        "widths": (8, 8, 12, 16), "epochs": 8, "steps_per_epoch": 10, "batch": 4, "crop_px": 128,
    }  # fmt: skip
    config = RegionConfig.preset("tiny", evidence=evidence)
    said = [decision(0, "add", "rejected", shape=yard, reason="not_a_building") for yard in yards]
    seen = []
    for name, decisions in (("without", []), ("with", said)):
        model = train(source, tmp_path / name, decisions, config)
        model.write_evidence(source, TILES, tmp_path / f"{name}.tif")
        reader = EvidenceReader(tmp_path / f"{name}.tif", CORNER.z)
        seen.append(np.mean([mean_evidence(reader, yard) for yard in yards]))
    assert seen[1] < seen[0] - 0.02


def mean_evidence(reader: EvidenceReader, shape: shapely.Polygon) -> float:
    tile = tile_of(shape)
    window = reader.window(tile, margin_px=0)
    mask = shapely.contains_xy(
        shapely.union_all(to_xy(shape, tile, 256)), *np.meshgrid(np.arange(256) + 0.5, np.arange(256) + 0.5)
    )
    return float(window.building[mask].mean())


def footprint_measure(number: int, proposal=None) -> FootprintMeasure:
    house = HOUSES[number]
    proposal = house.geometry if proposal is None else proposal
    return FootprintMeasure(
        house, tile_of(house.geometry), proposal, house.geometry, np.zeros(len(FOOTPRINT_FIGURES)), False
    )


def test_answers_become_labels_and_ones_that_fit_no_more_become_none() -> None:
    wider = shapely.affinity.scale(HOUSES[0].geometry, 1.3, 1.3)
    elsewhere = shapely.affinity.translate(HOUSES[0].geometry, 1e-4, 0)
    accepted = Said([decision(0, "modify", "accepted", shape=wider)])
    assert accepted.footprint_label(footprint_measure(0, wider)) == 2
    assert accepted.footprint_label(footprint_measure(0, elsewhere)) is None
    assert accepted.footprint_label(footprint_measure(1)) is None
    assert Said([decision(0, "remove", "accepted")]).footprint_label(footprint_measure(0)) == 1
    assert Said([decision(0, "remove", "rejected")]).footprint_label(footprint_measure(0)) == 0
    both = [decision(0, "remove", "accepted"), decision(0, "modify", "rejected", shape=wider)]
    assert Said(both).footprint_label(footprint_measure(0)) == 1

    ground = GroundMeasure(TILES[0], wider, np.zeros(len(GROUND_FIGURES)), 80.0)
    assert Said([decision(0, "add", "accepted", shape=wider)]).ground_label(ground) == 1
    assert Said([decision(0, "add", "rejected", shape=wider)]).ground_label(ground) == 0
    assert Said([decision(0, "add", "rejected", shape=elsewhere)]).ground_label(ground) is None


def test_an_answer_about_another_shape_is_a_label_of_the_part_that_it_adds() -> None:
    house = HOUSES[0]
    west, south, east, north = house.geometry.bounds
    wing = shapely.box(east, south, east + (east - west), north)
    extended = house.geometry.union(wing).convex_hull
    beside = AdjacentFootprint(house, extended, 160.0)
    ground = GroundMeasure(TILES[0], wing, np.zeros(len(GROUND_FIGURES)), 80.0, beside)
    narrower = shapely.affinity.scale(house.geometry, 0.7, 0.7)

    assert Said([decision(0, "modify", "accepted", shape=extended)]).ground_label(ground) == 2
    assert Said([decision(0, "modify", "rejected", shape=extended)]).ground_label(ground) == 0
    assert Said([decision(0, "modify", "rejected", shape=extended, reason="wrong_shape")]).ground_label(ground) is None
    separate = decision(0, "modify", "rejected", shape=extended, reason="separate_building")
    assert Said([separate]).ground_label(ground) == 1
    assert Said([decision(0, "modify", "accepted", shape=narrower)]).ground_label(ground) is None
    assert Said([decision(0, "modify", "rejected", shape=narrower)]).ground_label(ground) is None
    assert Said([decision(0, "remove", "accepted")]).ground_label(ground) is None


def test_a_decided_candidate_outweighs_the_simulation_in_other_folds_and_is_no_example_in_its_own() -> None:
    number = house_in(TILES[0])
    fold_of = {tile: int(tile != TILES[0]) for tile in TILES}
    base = [_measures([footprint_measure(number)])]
    teacher = Teacher([], base, Said([decision(number, "remove", "accepted")]), fold_of)
    elsewhere = teacher.footprints(1, Suspects())
    assert elsewhere.labels == [1] and elsewhere.weights[0] > 1
    assert teacher.footprints(0, Suspects()).labels == []


def test_another_answer_in_a_fold_leaves_the_classifier_of_that_fold_as_it_was() -> None:
    fold_of = {tile: int(tile.y != TILES[0].y) for tile in TILES}
    numbers = [house_in(tile) for tile in TILES]
    rng = np.random.default_rng(0)
    measures = []
    for number in numbers:
        one = footprint_measure(number)
        measures.append(FootprintMeasure(*(getattr(one, name) for name in ("feature", "tile", "proposal", "current")),
                                         rng.normal(size=len(FOOTPRINT_FIGURES)), False))  # fmt: skip
    base = [_measures(measures)]

    def classifiers(first: str) -> list[ChangeClassifier]:
        said = [decision(numbers[0], "remove", first)]
        said += [decision(n, "remove", "accepted" if i % 2 else "rejected") for i, n in enumerate(numbers) if i]
        return fit_classifiers([], fold_of, 2, 0, base, Said(said))

    one, other = classifiers("accepted"), classifiers("rejected")
    assert same(one[0].footprint.state_dict(), other[0].footprint.state_dict())
    assert not same(one[1].footprint.state_dict(), other[1].footprint.state_dict())


def _measures(footprints: list[FootprintMeasure]) -> Measures:
    return Measures(footprints, [], MapMoves({}), 0.25, {})


class SureOfRemovals(ChangeClassifier):
    """Says of every footprint that it is gone."""

    def classify_footprints(self, measures: Sequence[FootprintMeasure]) -> np.ndarray:
        return np.tile([0.05, 0.9, 0.05], (len(measures), 1))


def test_what_a_person_answered_is_no_suspect() -> None:
    number = house_in(TILES[0])
    base, fold_of = [_measures([footprint_measure(number)])], dict.fromkeys(TILES, 0)
    doubted = Suspects.of(base, [SureOfRemovals()], fold_of, Said())
    answered = Suspects.of(base, [SureOfRemovals()], fold_of, Said([decision(number, "remove", "rejected")]))
    assert doubted.keys == {HOUSES[number].key} and bool(doubted)
    assert not answered


def test_counts_of_decisions_are_metrics_of_the_model() -> None:
    said = [decision(0, "remove", "accepted"), decision(1, "remove", "rejected"), decision(2, "remove", "rejected")]
    assert decision_counts(said) == {"decisions/accepted": 1.0, "decisions/rejected": 2.0}
