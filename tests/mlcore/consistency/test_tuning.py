"""Tuning from weights: where it starts, that it resumes, and what it refuses."""

import copy

import numpy as np
import pytest
import torch

from mlcore.consistency.config import ConsistencyConfig
from mlcore.consistency.model import ConsistencyModel
from mlcore.consistency.scan import score_held
from mlcore.consistency.score import Standardisation
from mlcore.consistency.training import train_consistency
from mlcore.errors import CheckpointError, ConfigError, InvalidInputError, StoppedError
from tests.mlcore.consistency.samples import make_anchors, make_pairs
from tests.mlcore.consistency.test_model import StopAfter

TINY = ConsistencyConfig.preset("tiny")


def network(seed):
    torch.manual_seed(seed)
    return ConsistencyModel(TINY)


def tune(folder, initial, config=TINY, progress=None):
    pairs = make_pairs(8)
    return train_consistency(
        pairs, make_anchors(pairs), config, validation=make_pairs(3, seed=1), initial=initial, run_dir=folder, seed=2,
        progress=progress,
    )  # fmt: skip


def test_tuning_starts_from_the_initial_weights_and_leaves_them_alone(tmp_path):
    initial = network(11)
    before = copy.deepcopy(initial.state_dict())
    tuned = tune(tmp_path, initial, ConsistencyConfig.preset("tiny", tuning_rate=1e-6))
    for name, value in tuned.named_parameters():
        assert torch.allclose(value, before[name], atol=1e-4), name
    assert all(torch.equal(value, before[name]) for name, value in initial.state_dict().items())


def test_tuning_takes_the_shorter_schedule_at_the_lower_rates():
    config = ConsistencyConfig.preset("compact").tuning()
    assert config.contrastive_epochs + config.matching_epochs < 10
    assert config.matching_rate < ConsistencyConfig.preset("compact").matching_rate
    assert config.architecture() == ConsistencyConfig.preset("compact").architecture()
    with pytest.raises(ConfigError, match="tuning"):
        ConsistencyConfig.preset("compact", tuning_matching_epochs=0)


def test_a_stopped_tuning_goes_on_and_scores_like_a_straight_one(tmp_path):
    straight = score_held(tune(tmp_path / "straight", network(11)), make_pairs(4, seed=3))
    with pytest.raises(StoppedError):
        tune(tmp_path / "stopped", network(11), progress=StopAfter(2))
    resumed = score_held(tune(tmp_path / "stopped", network(11)), make_pairs(4, seed=3))
    assert np.array_equal(straight.final, resumed.final)


def test_a_run_from_other_weights_or_from_none_is_not_continued(tmp_path):
    tune(tmp_path, network(11))
    for other in (network(12), None):
        with pytest.raises(CheckpointError, match="another folder"):
            tune(tmp_path, other)


def test_weights_of_another_network_are_refused(tmp_path):
    other = ConsistencyModel(ConsistencyConfig.preset("tiny", dimension=16))
    with pytest.raises(InvalidInputError, match="another consistency network"):
        tune(tmp_path, other)


def test_tuned_models_keep_the_scale_of_what_they_start_from_and_fresh_ones_find_their_own(tmp_path):
    initial = network(11)
    initial.set_standardisation(Standardisation(0.4, 0.7, 0.9, 0.05))
    assert tune(tmp_path / "tuned", initial).standardisation == initial.standardisation
    fresh = tune(tmp_path / "fresh", None)
    matched = score_held(fresh, make_pairs(3, seed=1))
    assert fresh.standardisation == Standardisation.fit(matched.disc, matched.proto)
