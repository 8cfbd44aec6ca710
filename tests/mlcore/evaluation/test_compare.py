"""Two models side by side on one frozen set: the better one is called better, and doubt is called doubt."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import shapely.affinity

from mlcore.anchors.geometric import describe_tile
from mlcore.changes.decisions import Decision
from mlcore.errors import InvalidInputError
from mlcore.evaluation.compare import FIRST, Figure, Sample, compare, figure_of, first_precision, share_true
from mlcore.evaluation.frozen import load_frozen, make_frozen, save_frozen
from mlcore.evaluation.scored import Scored, score_model
from mlcore.geometry.webmercator import tile_at
from mlcore.imagery.raster import open_image
from mlcore.maps.index import MapIndex
from mlcore.pairs.source import PairSource
from mlcore.region.training import RegionConfig, train_region
from mlcore.synthetic.edits import EditedMap
from mlcore.synthetic.truth import tile_truth
from tests.mlcore.changes.made_place import CORNER, houses, tiles_of, write_image

COLUMNS, ROWS = 12, 8
TILES = tiles_of(COLUMNS, ROWS)
INDEX = MapIndex(houses(COLUMNS, ROWS))


@pytest.fixture(scope="module")
def edited() -> EditedMap:
    return make_frozen(INDEX, TILES, seed=4)


def scored(edited: EditedMap, noise: float, recall: float, decisions=(), seed: int = 0) -> Scored:
    """A model that knows the truth up to some noise, and finds a share of the errors."""
    rng = np.random.default_rng(seed)
    truth = tile_truth(edited.edits, TILES)
    agreement = [float(np.clip((not truth[t]) + rng.normal(0, noise), 0, 1)) for t in TILES]
    found = [bool(rng.random() < recall) for _ in edited.edits]
    number = {tile: position for position, tile in enumerate(TILES)}
    candidates = []
    for edit, seen in zip(edited.edits, found, strict=True):
        centre = edit.geometry.centroid
        candidates.append((number[tile_at(centre.x, centre.y, CORNER.z)], float(rng.uniform(0.5, 1)), seen))
    said = [float(np.clip(one.accepted + rng.normal(0, noise), 0, 1)) for one in decisions]
    return Scored(agreement, candidates, found, said)


def by_name(figures: list[Figure]) -> dict[str, Figure]:
    return {figure.name: figure for figure in figures}


def decisions_of(accepted: int, rejected: int) -> list[Decision]:
    shapes = [house.geometry for house in INDEX.buildings[: accepted + rejected]]
    words = ["accepted"] * accepted + ["rejected"] * rejected
    tiles = [tile_at(shape.centroid.x, shape.centroid.y, CORNER.z) for shape in shapes]
    return [
        Decision("add", word, shape, shape if word == "accepted" else None, None, None, tile)  # type: ignore[arg-type]
        for word, shape, tile in zip(words, shapes, tiles, strict=True)
    ]


def test_a_clearly_better_model_is_called_better_and_the_other_way_round_worse(edited: EditedMap) -> None:
    people = decisions_of(12, 12)
    good, poor = scored(edited, 0.2, 0.95, people), scored(edited, 1.5, 0.3, people, seed=1)
    figures = by_name(compare(good, poor, edited, TILES, people))
    assert list(figures) == [
        "tile_auroc", "first_precision", "recall_add", "recall_remove", "recall_modify", "agreement"
    ]  # fmt: skip
    assert {figure.word for figure in figures.values()} == {"better"}
    assert {figure.word for figure in compare(poor, good, edited, TILES, people)} == {"worse"}
    one = figures["tile_auroc"]
    assert one.difference is not None and one.first is not None and one.second is not None
    assert one.difference.value == pytest.approx(one.first.value - one.second.value)
    assert one.difference.low <= one.difference.value <= one.difference.high
    assert one.count == len(TILES) and figures["agreement"].count == 24


def test_a_model_beside_itself_differs_in_nothing(edited: EditedMap) -> None:
    model = scored(edited, 0.5, 0.7)
    for figure in compare(model, model, edited, TILES, []):
        if figure.difference is not None:
            assert (figure.difference.value, figure.difference.low, figure.difference.high) == (0, 0, 0)
            assert figure.word == "unclear"


def test_a_small_difference_is_unclear(edited: EditedMap) -> None:
    first, second = scored(edited, 0.5, 0.7), scored(edited, 0.5, 0.7, seed=1)
    assert by_name(compare(first, second, edited, TILES, []))["tile_auroc"].word == "unclear"


def test_too_few_decisions_say_nothing_and_say_so(edited: EditedMap) -> None:
    people = decisions_of(9, 4)
    model = scored(edited, 0.2, 0.9, people)
    figure = by_name(compare(model, model, edited, TILES, people))["agreement"]
    assert (figure.word, figure.first, figure.count) == ("too_few", None, 13)


def test_a_model_alone_has_figures_and_no_difference(edited: EditedMap) -> None:
    figures = by_name(compare(scored(edited, 0.2, 0.9), None, edited, TILES, []))
    assert figures["tile_auroc"].word == "alone" and figures["tile_auroc"].difference is None
    assert figures["tile_auroc"].first is not None and figures["tile_auroc"].first.value > 0.9


def test_scores_of_another_set_are_refused(edited: EditedMap) -> None:
    model = scored(edited, 0.2, 0.9)
    with pytest.raises(InvalidInputError, match="frozen set"):
        compare(replace(model, agreement=model.agreement[1:]), None, edited, TILES, [])
    with pytest.raises(InvalidInputError, match="frozen set"):
        compare(model, None, edited, TILES, decisions_of(1, 1))


def test_precision_counts_the_surest_alone() -> None:
    sure = np.linspace(1, 0, 100)
    assert first_precision(np.arange(100) < FIRST, sure) == 1.0
    assert first_precision(np.arange(100) >= FIRST, sure) == 0.0
    assert first_precision(np.array([True, False]), np.array([0.9, 0.2])) == 0.5


def test_the_frozen_set_is_the_same_again_and_every_kind_is_in_it(edited: EditedMap, tmp_path: Path) -> None:
    again = make_frozen(INDEX, TILES, seed=4)
    assert [edit.geometry.wkb for edit in again.edits] == [edit.geometry.wkb for edit in edited.edits]
    assert {edit.kind for edit in edited.edits} == {"add", "remove", "modify"}
    truth = tile_truth(edited.edits, TILES)
    assert 0.1 < sum(truth.values()) / len(truth) < 0.6
    digest = save_frozen(tmp_path / "frozen.json", edited, INDEX, TILES)
    loaded = load_frozen(tmp_path / "frozen.json", digest, INDEX, TILES)
    assert [edit.geometry.wkb for edit in loaded.edits] == [edit.geometry.wkb for edit in edited.edits]
    with pytest.raises(InvalidInputError, match="registered"):
        load_frozen(tmp_path / "frozen.json", "0" * 64, INDEX, TILES)
    with pytest.raises(InvalidInputError, match="compare anew"):
        load_frozen(tmp_path / "none.json", digest, INDEX, TILES)
    other = INDEX.edited(remove=["way/1"])
    with pytest.raises(InvalidInputError, match="another map"):
        load_frozen(tmp_path / "frozen.json", digest, other, TILES)


def test_a_trained_model_is_scored_tile_by_tile_with_what_people_said(tmp_path: Path) -> None:
    columns, rows = 4, 2
    tiles, features = tiles_of(columns, rows), houses(columns, rows)
    index = MapIndex(features)
    source = PairSource(open_image(write_image(tmp_path / "image.tif", features, columns, rows)), index)
    anchors = {tile: describe_tile(tile, index) for tile in tiles}
    model = train_region(source, tiles, anchors, RegionConfig.preset("tiny"), run_dir=tmp_path / "run")
    edited = make_frozen(index, tiles, seed=1)
    house = features[0]
    nowhere = shapely.affinity.translate(house.geometry, 0, 1)
    tile = tile_at(house.geometry.centroid.x, house.geometry.centroid.y, CORNER.z)
    people = [
        Decision("remove", "rejected", house.geometry, house.geometry, house.osm_type, house.osm_id, tile),
        Decision("add", "rejected", nowhere, None, None, None, tile),
    ]
    config = model.config

    result = score_model(model, source, edited, tiles, people, evidence_path=tmp_path / "evidence.tif")

    assert model.config == config
    assert len(result.agreement) == len(tiles) and all(0 <= one <= 1 for one in result.agreement)
    assert len(result.found) == len(edited.edits)
    assert all(0 <= tile < len(tiles) for tile, _, _ in result.candidates)
    assert 0 < result.said[0] < 1 and result.said[1] == 0
    assert Scored.from_dict(result.to_dict()) == result
    assert result == score_model(model, source, edited, tiles, people, evidence_path=tmp_path / "again.tif")


@pytest.mark.parametrize(("found", "low", "high"), [(0, 0.0, 0.56), (3, 0.44, 1.0)])
def test_a_share_of_three_is_told_with_what_chance_allows(found, low, high):
    truth = np.array([True] * found + [False] * (3 - found))
    sample = Sample(truth, np.zeros(3), np.arange(3))
    figure = figure_of("recall_add", 3, share_true, sample, None, np.arange(3), seed=0)
    assert figure.first is not None
    assert (figure.first.low, figure.first.high) == pytest.approx((low, high), abs=0.01)
