"""Training: what is missing, what is learnt, and that a stop changes nothing."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mlcore.errors import CheckpointError, InvalidInputError, StoppedError
from mlcore.landmarks.config import LandmarkConfig
from mlcore.landmarks.features import FeatureCache, picture_digest, picture_features
from mlcore.landmarks.model import LandmarkModel
from mlcore.landmarks.samples import Sample, SampleList
from mlcore.landmarks.training import train_landmarks
from mlcore.learning.checkpoints import content_digest, read_tensors
from mlcore.progress import SilentProgress
from tests.mlcore.landmarks.made import TONES, made_samples, picture

TINY = LandmarkConfig.preset("tiny", epochs=4, batch=8, views=2)


class StopsAfter(SilentProgress):
    """Asks to stop once it was told so many times of an epoch."""

    def __init__(self, epochs: int) -> None:
        self.left = epochs

    def report(self, fraction, message="", figures=None):
        self.left -= bool(figures)

    def should_stop(self):
        return self.left <= 0


def test_words_find_pictures_of_their_tone(tmp_path):
    config = LandmarkConfig.preset("tiny", epochs=60, batch=16, learning_rate=0.01)
    model = train_landmarks(made_samples(48, ground=False), config, run_dir=tmp_path)
    rng = np.random.default_rng(9)
    gallery = model.embed_images([picture(tone, rng) for tone in TONES])
    found = (model.embed_texts([f"a {tone} field" for tone in TONES]) @ gallery.T).argmax(axis=1)
    assert found.tolist() == [0, 1, 2, 3]


def test_positions_find_the_pictures_that_were_learnt_there(tmp_path):
    rng = np.random.default_rng(0)
    samples = [
        Sample(str(number), "p", aerial=picture(list(TONES)[number % 4], rng), gps=(85.5 + 0.002 * number, 27.6))
        for number in range(16)
    ]
    config = LandmarkConfig.preset(
        "tiny", epochs=150, batch=16, learning_rate=0.01, capsule=64, fourier=32, fine_sigmas=(32768.0,)
    )
    model = train_landmarks(SampleList(samples), config, run_dir=tmp_path)
    gallery = model.embed_images([sample.aerial for sample in samples])
    found = (model.embed_gps([sample.gps for sample in samples]) @ gallery.T).argmax(axis=1)
    assert np.mean(found % 4 == np.arange(16) % 4) > 0.9


def test_a_run_that_was_stopped_ends_with_the_weights_of_one_that_was_not(tmp_path):
    whole = train_landmarks(made_samples(), TINY, run_dir=tmp_path / "whole", seed=3)
    with pytest.raises(StoppedError):
        train_landmarks(made_samples(), TINY, run_dir=tmp_path / "cut", seed=3, progress=StopsAfter(2))
    resumed = train_landmarks(made_samples(), TINY, run_dir=tmp_path / "cut", seed=3)
    assert content_digest(resumed.state_dict()) == content_digest(whole.state_dict())


def test_a_run_of_other_samples_is_not_gone_on_with(tmp_path):
    train_landmarks(made_samples(), TINY, run_dir=tmp_path)
    with pytest.raises(CheckpointError, match="another folder"):
        train_landmarks(made_samples(seed=1), TINY, run_dir=tmp_path)


def test_features_are_computed_once_and_damaged_ones_again(tmp_path):
    torch.manual_seed(0)
    model, rgb = LandmarkModel(TINY), picture("red", np.random.default_rng(0))
    cache = FeatureCache(tmp_path, "tower")
    assert picture_features(model, [rgb], cache, 2) == [picture_digest(rgb)]
    cache.keep()
    again = FeatureCache(tmp_path, "tower")
    assert torch.equal(again[picture_digest(rgb)], cache[picture_digest(rgb)])
    assert picture_digest(rgb) not in FeatureCache(tmp_path, "another tower")
    (shard,) = tmp_path.glob("shard-*")
    shard.write_bytes(shard.read_bytes()[:50])
    assert picture_digest(rgb) not in FeatureCache(tmp_path, "tower")


def test_what_is_not_to_be_learnt_stays_as_it_was(tmp_path):
    first = train_landmarks(made_samples(), TINY, run_dir=tmp_path / "first")
    first.save(tmp_path / "first.safetensors")
    config = LandmarkConfig.preset("tiny", epochs=2, batch=8, learn=("gps",))
    tuned = train_landmarks(
        made_samples(seed=5), config, run_dir=tmp_path / "tuned", weights=tmp_path / "first.safetensors"
    )
    start = LandmarkModel.load(tmp_path / "first.safetensors")
    assert content_digest(tuned.heads.state_dict()) == content_digest(start.heads.state_dict())
    assert content_digest(tuned.gps_tower.state_dict()) != content_digest(start.gps_tower.state_dict())
    assert tuned.about["started_from"] == start.digest


def test_without_ground_photos_their_head_stays_the_aerial_one_and_is_not_kept_twice(tmp_path):
    first = train_landmarks(made_samples(ground=False), TINY, run_dir=tmp_path / "first")
    first.save(tmp_path / "first.safetensors")
    tuned = train_landmarks(
        made_samples(ground=False, seed=5), TINY, run_dir=tmp_path / "on", weights=tmp_path / "first.safetensors"
    )
    tuned.save(tmp_path / "tuned.safetensors")
    rgb = picture("red", np.random.default_rng(0))
    assert not np.allclose(tuned.embed_images([rgb]), first.embed_images([rgb]), atol=1e-3)
    for model in (first, tuned, LandmarkModel.load(tmp_path / "tuned.safetensors")):
        assert np.array_equal(model.embed_images([rgb]), model.embed_images([rgb], role="ground"))
    kept = read_tensors(tmp_path / "tuned.safetensors")[0]
    assert any(name.startswith("heads.aerial.") for name in kept)
    assert not any(name.startswith("heads.ground.") for name in kept)


def test_heads_that_learn_first_know_nothing_of_positions_which_then_find_what_the_heads_say(tmp_path):
    config = LandmarkConfig.preset("tiny", epochs=20, position_epochs=150, batch=16, learning_rate=0.01, capsule=64)
    samples = made_samples(32, ground=False)
    model = train_landmarks(samples, config, run_dir=tmp_path / "all")
    nowhere = [replace(samples.get(number), gps=None) for number in range(len(samples))]
    alone = train_landmarks(SampleList(nowhere), config, run_dir=tmp_path / "nowhere")
    assert content_digest(model.heads.state_dict()) == content_digest(alone.heads.state_dict())
    pictured = [samples.get(number) for number in range(len(samples)) if number % 5]
    gallery, asked = (
        model.embed_images([one.aerial for one in pictured]),
        model.embed_gps([one.gps for one in pictured]),
    )
    found = (asked @ gallery.T).argmax(axis=1)
    assert np.mean([pictured[one].group == mine.group for one, mine in zip(found, pictured, strict=True)]) > 0.6


def test_a_run_that_is_stopped_while_it_learns_positions_ends_alike(tmp_path):
    config = LandmarkConfig.preset("tiny", epochs=2, position_epochs=4, batch=8)
    whole = train_landmarks(made_samples(), config, run_dir=tmp_path / "whole", seed=3)
    with pytest.raises(StoppedError):
        train_landmarks(made_samples(), config, run_dir=tmp_path / "cut", seed=3, progress=StopsAfter(4))
    resumed = train_landmarks(made_samples(), config, run_dir=tmp_path / "cut", seed=3)
    assert content_digest(resumed.state_dict()) == content_digest(whole.state_dict())


def test_imagebind_learns_without_texts_and_positions_meeting(tmp_path):
    config = LandmarkConfig.preset("tiny", epochs=2, batch=8, variant="imagebind")
    samples = [Sample(str(number), "p", texts=(f"number {number}",), gps=(85.0 + number, 27.0)) for number in range(8)]
    model = train_landmarks(SampleList(samples), config, run_dir=tmp_path / "apart")
    torch.manual_seed(0)
    untrained = LandmarkModel(config)
    assert torch.equal(model.gps_tower.capsules[0].head.weight, untrained.gps_tower.capsules[0].head.weight)


def test_samples_of_one_modality_teach_nothing(tmp_path):
    alone = SampleList([Sample(str(number), "p", texts=("a word",)) for number in range(9)])
    with pytest.raises(InvalidInputError, match="two modalities"):
        train_landmarks(alone, TINY, run_dir=tmp_path)
