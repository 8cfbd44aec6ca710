"""The model: unit vectors of every modality, and files that are whole or refused."""

import numpy as np
import pytest
import torch

from mlcore.errors import CheckpointError, ConfigError, InvalidInputError
from mlcore.landmarks.config import LandmarkConfig
from mlcore.landmarks.floors import Floors, floor_between
from mlcore.landmarks.model import LandmarkModel
from mlcore.learning.checkpoints import write_tensors
from tests.mlcore.landmarks.made import picture


@pytest.fixture(scope="module")
def model() -> LandmarkModel:
    torch.manual_seed(0)
    return LandmarkModel(LandmarkConfig.preset("tiny"))


def items() -> dict[str, list]:
    rng = np.random.default_rng(0)
    photo = np.ascontiguousarray(picture("green", rng, 60)[:40])
    return {
        "aerial": [picture("red", rng), picture("blue", rng, 77)],
        "ground": [photo],
        "text": ["a river", "Häuser, 3 houses!"],
        "gps": [(85.5, 27.6), (-0.1, 51.5), (180.0, -90.0)],
    }


def test_every_modality_becomes_unit_vectors_of_one_size(model):
    for modality, some in items().items():
        vectors = model.embed(modality, some)
        assert vectors.shape == (len(some), model.dimension) and vectors.dtype == np.float32
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
        assert model.embed(modality, []).shape == (0, model.dimension)


def test_a_picture_is_described_alike_alone_and_among_others(model):
    rng = np.random.default_rng(1)
    pictures = [picture("red", rng, 32 + number) for number in range(35)]
    together = model.embed_images(pictures)
    assert np.allclose(together[33], model.embed_images(pictures[33:34])[0], atol=1e-5)


@pytest.mark.parametrize(
    ("modality", "item"),
    [
        ("aerial", np.zeros((32, 32), np.uint8)), ("aerial", np.zeros((32, 32, 3), np.float32)),
        ("ground", np.zeros((2, 40, 3), np.uint8)), ("text", "  "), ("gps", (0.0, 95.0)), ("smell", "smoke"),
    ],
)  # fmt: skip
def test_what_is_none_is_refused(model, modality, item):
    with pytest.raises(InvalidInputError):
        model.embed(modality, [item])


def test_a_saved_model_says_the_same(model, tmp_path):
    digest = model.save(tmp_path / "m.safetensors", {"floors": {"text": 0.4}})
    again = LandmarkModel.load(tmp_path / "m.safetensors", digest)
    assert again.digest == digest == model.digest and again.floors == Floors({"text": 0.4})
    for modality, some in items().items():
        assert np.allclose(again.embed(modality, some), model.embed(modality, some), atol=0.02)


def test_a_file_that_is_another_one_or_damaged_is_refused(model, tmp_path):
    path = tmp_path / "m.safetensors"
    model.save(path)
    with pytest.raises(CheckpointError, match="SHA-256"):
        LandmarkModel.load(path, "0" * 64)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match="damaged"):
        LandmarkModel.load(path)
    write_tensors(path, {"x": torch.zeros(1)}, {"kind": "locator"})
    with pytest.raises(CheckpointError, match="locator"):
        LandmarkModel.load(path)
    write_tensors(path, {"x": torch.zeros(1)}, {"kind": "landmarks", "config": LandmarkConfig.preset("tiny").to_dict()})
    with pytest.raises(CheckpointError, match="does not fit"):
        LandmarkModel.load(path)


@pytest.mark.parametrize(
    "changes",
    [{"image": "vgg"}, {"variant": "none"}, {"dimension": 2}, {"image_px": 33}, {"learn": ()}, {"views": 9},
     {"temperature": 0.0}, {"novelty": -1.0}, {"sigmas": (0.0,)}],
)  # fmt: skip
def test_settings_out_of_range_are_refused(changes):
    with pytest.raises(ConfigError):
        LandmarkConfig.preset("tiny", **changes)


def test_settings_survive_being_stored_and_unknown_ones_are_refused():
    config = LandmarkConfig.preset("compact", epochs=3)
    assert LandmarkConfig.from_dict(config.to_dict()) == config
    with pytest.raises(ConfigError, match="unknown"):
        LandmarkConfig.from_dict({"colour": 1})
    assert LandmarkConfig.parse_setting("batch=8") == ("batch", 8)
    with pytest.raises(ConfigError):
        LandmarkConfig.parse_setting("batch=many")


def test_a_floor_lies_where_it_errs_least():
    floor, kept, refused = floor_between(np.array([0.5, 0.6, 0.7, 0.2]), np.array([0.1, 0.15, 0.3]))
    assert 0.3 < floor < 0.5 and kept == 0.75 and refused == 1.0
    assert Floors({"text": floor}).means_something("text", 0.5) and not Floors({"text": floor}).means_something(
        "text", 0.3
    )
    assert Floors({}).means_something("gps", -0.9)
    with pytest.raises(InvalidInputError):
        floor_between(np.array([]), np.array([1.0]))
