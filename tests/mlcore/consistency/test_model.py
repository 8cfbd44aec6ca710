"""The model as a whole: it learns to see one missing building, and survives being stored."""

import numpy as np
import pytest

from mlcore.consistency.config import ConsistencyConfig
from mlcore.consistency.model import ConsistencyModel
from mlcore.consistency.scan import score_held
from mlcore.consistency.training import load_consistency, save_consistency, train_consistency
from mlcore.errors import CheckpointError, InvalidInputError, StoppedError
from mlcore.learning.checkpoints import write_tensors
from tests.mlcore.consistency.samples import draw, make_anchors, make_pairs

TINY = ConsistencyConfig.preset("tiny")


class StopAfter:
    def __init__(self, epochs):
        self.left, self.names = epochs, set()

    def report(self, fraction, message="", figures=None):
        self.left -= bool(figures)
        self.names |= set(figures or {})

    def should_stop(self):
        return self.left <= 0


def train(folder, config=TINY, pairs=None, progress=None):
    pairs = pairs or make_pairs(8)
    return train_consistency(
        pairs, make_anchors(pairs), config, validation=make_pairs(3, seed=1), run_dir=folder, seed=2, progress=progress
    )


def test_a_stopped_training_goes_on_and_scores_like_a_straight_one(tmp_path):
    straight = score_held(train(tmp_path / "straight"), make_pairs(4, seed=3))
    for epochs in (1, 2):
        with pytest.raises(StoppedError):
            train(tmp_path / "stopped", progress=StopAfter(epochs))
    resumed = score_held(train(tmp_path / "stopped"), make_pairs(4, seed=3))
    assert np.array_equal(straight.final, resumed.final)


def test_losses_are_reported_by_name(tmp_path):
    progress = StopAfter(99)
    train(tmp_path, progress=progress)
    assert {
        "consistency/contrastive_loss",
        "consistency/discriminator_loss",
        "consistency/prototype_loss",
    } <= progress.names


def test_scores_are_standardised_on_the_validation_pairs(tmp_path):
    scores = score_held(train(tmp_path), make_pairs(3, seed=1))
    assert scores.final.mean() == pytest.approx(0.0, abs=1e-3)


def test_a_stored_model_scores_the_same_and_another_file_is_refused(tmp_path):
    model = train(tmp_path / "run")
    digest = save_consistency(tmp_path / "m.safetensors", model)
    again = load_consistency(tmp_path / "m.safetensors", sha256=digest)
    pairs = make_pairs(5, seed=4)
    assert np.array_equal(score_held(model, pairs).final, score_held(again, pairs).final)
    with pytest.raises(CheckpointError):
        load_consistency(tmp_path / "m.safetensors", sha256="0" * 64)
    write_tensors(tmp_path / "other.safetensors", model.to_tensors(), {"kind": "evidence"})
    with pytest.raises(InvalidInputError, match="evidence"):
        load_consistency(tmp_path / "other.safetensors")


@pytest.mark.parametrize(
    "changes",
    [
        {"spatial": False},
        {"anchors": "none"},
        {"anchors": "cells"},
        {"edited_negatives": False},
        {"freeze_encoders": True},
    ],
)
def test_every_option_trains(tmp_path, changes):
    model = train(tmp_path, ConsistencyConfig.preset("tiny", **changes))
    assert np.isfinite(score_held(model, make_pairs(3)).final).all()


@pytest.mark.slow
def test_one_missing_building_lowers_the_score(tmp_path):
    config = ConsistencyConfig.preset(
        "tiny",
        image_width=8,
        map_width=8,
        cell_channels=16,
        batch=8,
        steps_per_epoch=12,
        contrastive_epochs=4,
        matching_epochs=8,
    )
    model = train(tmp_path, config, make_pairs(24, size=64))
    random = np.random.default_rng(9)
    corners = [{(int(x), int(y)) for x, y in random.integers(0, 4, (4, 2))} for _ in range(30)]
    places = [[(2 + 16 * x, 2 + 16 * y, 10, 10) for x, y in each] for each in corners]
    images, maps = (np.stack([draw(boxes)[side] for boxes in places]) for side in (0, 1))
    stale = np.stack([draw(boxes[1:])[1] for boxes in places])
    true, less = model.score(images, maps), model.score(images, stale)
    assert (true.final > less.final).mean() > 0.9
    assert (true.disc > less.disc).mean() > 0.9


def test_wrong_tiles_are_refused_by_name():
    model, good = ConsistencyModel(TINY), np.zeros((2, 64, 64, 3), np.uint8)
    for images, maps, valid, word in (
        (good.astype(float), good, None, "images"),
        (good, good[:1], None, "maps"),
        (good, good, np.ones((2, 32, 32), bool), "valid"),
    ):
        with pytest.raises(InvalidInputError, match=word):
            model.score(images, maps, valid)
    assert model.score(good[:0], good[:0]).final.shape == (0,)


def test_too_few_tiles_or_a_missing_anchor_say_what_to_do(tmp_path):
    pairs = make_pairs(6)
    with pytest.raises(InvalidInputError, match="at least 4"):
        train(tmp_path, pairs=pairs[:3])
    with pytest.raises(InvalidInputError, match="no anchor"):
        train_consistency(pairs, {}, TINY, validation=[], run_dir=tmp_path)


def test_pixels_without_image_do_not_count():
    model, tiles = ConsistencyModel(TINY), make_pairs(2)
    images, maps = np.stack([p.image for p in tiles]), np.stack([p.map for p in tiles])
    valid = np.ones(images.shape[:3], bool)
    all_seen = model.score(images, maps, valid)
    assert np.allclose(all_seen.disc, model.score(images, maps).disc)
    valid[:, :, 32:] = False
    assert (model.score(images, maps, valid).disc >= all_seen.disc - 1e-6).all()
