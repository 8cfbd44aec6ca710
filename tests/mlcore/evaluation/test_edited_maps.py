"""Telling edited tiles from untouched ones: what counts as changed, and the same pairs for every model."""

import numpy as np
import pytest

from mlcore.consistency.config import ConsistencyConfig
from mlcore.consistency.model import ConsistencyModel
from mlcore.consistency.pretraining import synthetic_place
from mlcore.errors import InvalidInputError
from mlcore.evaluation.consistency import EditedScores, edited_map_scores


def scores_of(share, final):
    values = np.array(final, float)
    return EditedScores(np.array(share), values, values, values)


def test_small_changes_are_counted_apart():
    figures = scores_of([0, 0, 0.05, 0.02, 0.01], [1.0, 0.9, 0.1, 0.2, 0.95]).figures()
    assert figures["auroc_final"] == 1.0
    assert figures["auroc_final_below_2_percent"] == 0.5
    assert (figures["untouched"], figures["changed"]) == (2, 2)


def test_one_class_alone_is_no_measurement():
    with pytest.raises(InvalidInputError, match="more tiles"):
        scores_of([0, 0], [1.0, 0.0]).figures()
    with pytest.raises(InvalidInputError, match="more tiles"):
        scores_of([0.1, 0.2], [1.0, 0.0]).figures()


def test_every_model_is_measured_on_the_same_pairs(tmp_path):
    place = synthetic_place(0, tmp_path)
    models = [ConsistencyModel(ConsistencyConfig.preset("tiny")) for _ in range(2)]
    first, second = (edited_map_scores(model, place.source, place.tiles, rounds=2, seed=4) for model in models)
    assert np.array_equal(first.share, second.share)
    assert len(first.share) == 2 * len(place.tiles)
    assert 0 < (first.share == 0).mean() < 1
    assert not np.array_equal(first.final, second.final)
