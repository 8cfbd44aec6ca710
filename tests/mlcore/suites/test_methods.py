"""U-CSA's ablations differ in what is ablated, and in nothing else."""

from dataclasses import fields, replace

import numpy as np
import pytest

from mlcore.consistency.batches import PairBatches
from mlcore.consistency.config import ConsistencyConfig
from mlcore.consistency.pretraining import Place
from mlcore.errors import InvalidInputError
from mlcore.imagery.raster import open_image
from mlcore.maps.index import MapIndex
from mlcore.suites.consistency_methods import ABLATIONS, VALIDATION_STEP, ConsistencyMethod, split_places, split_tiles
from mlcore.suites.methods import METHODS, REGION_METHODS
from mlcore.suites.places import JoinedReader
from mlcore.suites.region_methods import RegionFamily
from tests.mlcore.changes.made_place import CORNER, houses, tiles_of, write_image
from tests.mlcore.consistency.samples import make_pairs


class Source:
    """As much of a place's source as anchors are made from."""

    def __init__(self, features):
        self.index = MapIndex(features)


COMPACT = ConsistencyConfig.preset("compact")
ABLATED = {
    "ucsa": set(),
    "no_anchors": {"anchors"},
    "no_prototypes": {"prototype_weight"},
    "no_masking": {"mask_identical"},
    "global_anchors": {"anchors"},
    "cell_anchors": {"anchors"},
    "shuffled_anchors": {"anchors"},
    "mismatched_only": {"edited_negatives"},
    "mismatched_only_no_anchors": {"edited_negatives", "anchors"},
}


@pytest.mark.parametrize("name", ABLATIONS)
def test_a_variant_changes_only_what_its_name_says(name):
    config = replace(COMPACT, **ABLATIONS[name])
    different = {field.name for field in fields(COMPACT) if getattr(config, field.name) != getattr(COMPACT, field.name)}
    assert different == ABLATED[name]
    assert config.architecture() == COMPACT.architecture()


@pytest.mark.parametrize("name", ABLATIONS)
def test_a_variant_takes_as_many_steps_on_the_same_batches(name):
    pairs, config = make_pairs(6), replace(ConsistencyConfig.preset("tiny"), **ABLATIONS[name])
    whole = PairBatches(pairs, ConsistencyConfig.preset("tiny"))
    mine = PairBatches(pairs, config)
    assert mine.steps() == whole.steps()
    first, second = (batches.make(np.arange(4), np.random.default_rng(0), edited=True, augment=True)
                     for batches in (whole, mine))  # fmt: skip
    assert (first.images == second.images).all()
    assert (first.edited == second.edited).all()


def test_shuffled_anchors_are_the_same_anchors_on_other_tiles():
    source = Source(houses(6, 4))
    place = Place("a", source, tiles_of(6, 4))
    true, again, shuffled = (
        ConsistencyMethod(name)._anchors([place], 0) for name in ("ucsa", "global_anchors", "shuffled_anchors")
    )
    assert true == again
    assert list(shuffled) == list(true)
    assert sorted(map(str, shuffled.values())) == sorted(map(str, true.values()))
    assert shuffled != true


def test_tiles_that_standardise_are_not_learnt_from():
    tiles = tiles_of(6, 4)
    training, validation = split_tiles(tiles)
    assert sorted(training + validation) == sorted(tiles)
    assert len(validation) == len(tiles) // VALIDATION_STEP
    assert split_tiles(tiles[:5]) == (tiles[:5], [])
    learnt, kept = split_places([Place("a", None, tiles), Place("b", None, tiles[:5])])
    assert [len(place.tiles) for place in learnt] == [20, 5]
    assert [place.name for place in kept] == ["a"]


def test_every_name_makes_its_method_and_only_the_queues_is_a_probability():
    made = {name: make(RegionFamily()) for name, make in METHODS.items()}
    assert all(method.name == name for name, method in made.items())
    assert [name for name, method in made.items() if method.probability] == ["combined"]
    assert set(REGION_METHODS) <= set(made)


def test_a_method_that_was_not_trained_says_so():
    with pytest.raises(InvalidInputError, match="fit"):
        METHODS["combined"](RegionFamily()).score(None, [])
    with pytest.raises(InvalidInputError, match="no variant"):
        ConsistencyMethod("no_such")


def test_two_images_of_one_place_read_as_one(tmp_path):
    features = houses(4, 2)
    whole = open_image(write_image(tmp_path / "whole.tif", features, 4, 2))
    left = open_image(write_image(tmp_path / "left.tif", features, 2, 2))
    joined = JoinedReader([left, whole])
    assert joined.bounds_mercator == whole.bounds_mercator
    for tile in tiles_of(4, 2):
        one, other = joined.read_tile(tile), whole.read_tile(tile)
        assert one.valid.all()
        if tile.x >= CORNER.x + 2:
            assert (one.rgb == other.rgb).all()
    outside = tiles_of(1, 1)[0]
    assert not joined.read_tile(replace(outside, x=outside.x - 5)).valid.any()
