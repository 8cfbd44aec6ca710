"""The paper preset: its numbers, and a tiny version of it from published files to a stored model."""

from pathlib import Path

import numpy as np
import pytest
import torch

from mlcore.anchors.schema import anchor_text
from mlcore.consistency.config import ConsistencyConfig
from mlcore.consistency.model import ConsistencyModel
from mlcore.consistency.scan import score_held
from mlcore.consistency.training import MODEL_KIND, load_consistency, save_consistency, train_consistency
from mlcore.encoders.open_clip_text import OpenClipTextEncoder
from mlcore.errors import CheckpointError, ConfigError, StoppedError, WeightsUnavailableError
from mlcore.learning.checkpoints import load_newest, write_tensors
from tests.mlcore.consistency.samples import make_anchors, make_pairs
from tests.mlcore.consistency.test_model import StopAfter
from tests.mlcore.encoders.published import TIMM_MODEL, clip_folder, digest, timm_file

PAIRS, VALIDATION = make_pairs(8), make_pairs(3, seed=1)
SMALL = {
    "encoder": f"timm/{TIMM_MODEL}", "input_px": 64, "dimension": 64, "fused_channels": 32, "batch": 4,
    "contrastive_epochs": 1, "matching_epochs": 2,
}  # fmt: skip


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """The settings of a tiny paper preset, with weights in the files of timm and open_clip."""
    folder = tmp_path_factory.mktemp("published")
    text = clip_folder(folder / "clip")
    return {"image_weights": str(timm_file(folder)), "text_encoder": f"open_clip/local-dir:{text}", "text_weights": ""}


def train(folder, changes, progress=None):
    config = ConsistencyConfig.preset("paper", **{**SMALL, **changes})
    return train_consistency(
        PAIRS, make_anchors(PAIRS), config, validation=VALIDATION, run_dir=folder, seed=2, progress=progress
    )


def test_the_preset_has_the_numbers_of_the_paper():
    paper = ConsistencyConfig.preset("paper")
    assert paper.encoder.startswith("timm/wide_resnet50_2") and paper.text_encoder == "open_clip/RN50"
    assert (paper.image_weights, paper.text_weights) == ("pretrained", "openai")
    assert (paper.dimension, paper.temperature, paper.batch) == (1024, 0.07, 64)
    assert (paper.contrastive_epochs, paper.matching_epochs) == (30, 20)
    assert (paper.contrastive_rate, paper.matching_rate, paper.prototype_rate) == (1e-4, 1e-4, 5e-5)
    assert (paper.prototypes, paper.prototype_weight, paper.alpha) == (50, 0.5, 0.7)
    assert (paper.weight_decay, paper.schedule) == (0.0, "constant")
    assert paper.freeze_encoders and paper.anchors == "tiles"
    assert not (paper.spatial or paper.edited_negatives or paper.mask_identical)


def test_the_network_of_the_preset_is_the_paper_s():
    with torch.device("meta"):
        model = ConsistencyModel(ConsistencyConfig.preset("paper"))
    linear = [layer for layer in model.discriminator if isinstance(layer, torch.nn.Linear)]
    assert len(linear) == 3 and tuple(model.prototypes.shape) == (50, 1024)
    assert model.generator.local is None and model.image_encoder.lateral is None
    assert model.image_encoder.head[-1].out_features == 1024


def test_the_compact_preset_stays_as_it_was():
    compact = ConsistencyConfig.preset("compact").to_dict()
    before = {
        "encoder": "compact", "input_px": 128, "dimension": 256, "image_width": 16, "map_width": 8,
        "cell_channels": 48, "temperature": 0.07, "anchors": "both", "mask_identical": True,
        "contrastive_epochs": 8, "matching_epochs": 25, "steps_per_epoch": 24, "batch": 16, "contrastive_rate": 2e-3,
        "matching_rate": 1e-3, "prototype_rate": 5e-4, "weight_decay": 1e-4,
        "freeze_encoders": False, "spatial": True, "worst_share": 0.01, "edited_negatives": True, "prototypes": 16,
        "prototype_weight": 0.5, "alpha": 0.7, "fused_channels": 64, "schedule": "cosine", "augment": True,
        "batch_norm": "batch", "accumulate": 1, "precision": "auto", "channels_last": True, "compile": "",
        "text_encoder": "hashed", "image_weights": "", "text_weights": "",
    }  # fmt: skip
    assert {name: compact[name] for name in before} == before


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ({"anchored": True, "local_anchors": True, "half_precision": True}, {"anchors": "both", "precision": "auto"}),
        ({"anchored": True, "local_anchors": False}, {"anchors": "tiles"}),
        ({"anchored": False, "local_anchors": True}, {"anchors": "none"}),
        ({"half_precision": False}, {"precision": "float32"}),
        ({"half_precision": False, "precision": "bfloat16"}, {"precision": "bfloat16"}),
    ],
)
def test_settings_that_files_say_in_two_are_read_as_one(written, meant):
    assert ConsistencyConfig.from_dict(written) == ConsistencyConfig.from_dict(meant)


@pytest.mark.parametrize("preset", ["compact", "tiny"])
def test_a_model_file_from_before_these_settings_still_loads(tmp_path, preset):
    new = ("image_weights", "text_encoder", "text_weights", "schedule", "augment", "batch_norm", "accumulate",
           "precision", "channels_last", "compile")  # fmt: skip
    model = ConsistencyModel(ConsistencyConfig.preset(preset))
    config = {name: value for name, value in model.config.to_dict().items() if name not in new}
    meta = {"kind": MODEL_KIND, "config": config, "metrics": {}}
    write_tensors(tmp_path / "old.safetensors", model.to_tensors(), meta)
    again = load_consistency(tmp_path / "old.safetensors")
    assert again.origins == {} and again.config == model.config
    assert np.array_equal(score_held(again, VALIDATION).final, score_held(model, VALIDATION).final)


def test_a_tiny_paper_preset_trains_from_published_files_and_says_what_it_used(tmp_path, published):
    said = StopAfter(99)
    messages = []
    said.report = lambda fraction, message="", figures=None: messages.append(message)
    model = train(tmp_path / "run", published, said)
    sha256 = digest(Path(published["image_weights"]))
    assert model.origins["image"] == {"model": TIMM_MODEL, "source": "model.safetensors", "sha256": sha256}
    assert model.origins["text"]["source"].endswith("open_clip_model.safetensors")
    assert any("weights of model.safetensors" in message for message in messages)
    save_consistency(tmp_path / "m.safetensors", model)
    again = load_consistency(tmp_path / "m.safetensors")
    assert again.origins == model.origins
    assert np.array_equal(score_held(again, PAIRS).final, score_held(model, PAIRS).final)
    assert score_held(model, VALIDATION).final.mean() == pytest.approx(0.0, abs=1e-3)


def test_stage_2_leaves_the_encoders_as_stage_1_left_them(tmp_path, published):
    model = train(tmp_path / "run", published)
    after_stage_1 = load_newest(tmp_path / "run" / "contrastive").tensors
    state = model.state_dict()
    encoders = [name for name in state if name.startswith(("image_encoder.", "map_encoder."))]
    assert all(torch.equal(state[name], after_stage_1[f"module.{name}"]) for name in encoders)
    assert not torch.equal(state["prototypes"], after_stage_1["module.prototypes"])


def test_the_frozen_tower_gives_the_anchors_their_places(tmp_path, published):
    tower = OpenClipTextEncoder(published["text_encoder"].removeprefix("open_clip/"), "", dimension=64)
    anchors = make_anchors(PAIRS)
    vectors = tower.encode([anchor_text(anchors[pair.tile]) for pair in PAIRS])
    assert torch.allclose(vectors.norm(dim=1), torch.ones(len(PAIRS)), atol=1e-5)
    assert len({tuple(vector.tolist()) for vector in vectors.round(decimals=5)}) > 1


def test_a_stopped_paper_run_goes_on_to_the_same_weights_even_with_parts(tmp_path, published):
    changes = {**published, "accumulate": 2}
    straight = train(tmp_path / "straight", changes).to_tensors()
    for epochs in (1, 1):
        with pytest.raises(StoppedError):
            train(tmp_path / "stopped", changes, StopAfter(epochs))
    resumed = train(tmp_path / "stopped", changes).to_tensors()
    assert all(torch.equal(straight[name], resumed[name]) for name in straight)


def test_other_published_weights_are_another_run(tmp_path, published):
    train(tmp_path / "run", published)
    (tmp_path / "other").mkdir()
    other = timm_file(tmp_path / "other", seed=5)
    assert digest(other) != digest(Path(published["image_weights"]))
    with pytest.raises(CheckpointError, match="choose another folder"):
        train(tmp_path / "run", {**published, "image_weights": str(other)})


def test_a_spatial_network_can_stand_on_timm_too(tmp_path, published):
    changes = {"spatial": True, "anchors": "both", "edited_negatives": True, "cell_channels": 8}
    model = train(tmp_path / "run", {**published, **changes})
    assert np.isfinite(score_held(model, PAIRS).final).all()


def test_no_weights_are_taken_or_left_out_silently(tmp_path, published, monkeypatch):
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    for changes, error, word in (
        ({"image_weights": ""}, ConfigError, '"random"'),
        ({"text_encoder": "open_clip/RN50"}, ConfigError, "text_weights"),
        ({"text_encoder": "open_clip/RN50", "text_weights": "openai"}, WeightsUnavailableError, "give the file's path"),
        ({"encoder": "compact"}, ConfigError, "takes no published weights"),
    ):
        with pytest.raises(error, match=word):
            train(tmp_path / "run", {**published, **changes})
    model = train(tmp_path / "random", {**published, "image_weights": "random"})
    assert model.origins["image"]["source"] == "random"


def test_settings_are_read_from_text_with_their_types():
    parse = ConsistencyConfig.parse_setting
    assert [parse(text) for text in ("batch=8", "alpha=1", "spatial=false", "encoder=timm/resnet18")] == [
        ("batch", 8), ("alpha", 1.0), ("spatial", False), ("encoder", "timm/resnet18"),
    ]  # fmt: skip
    for text, word in (("batch=many", "is a int"), ("spatial=perhaps", "is a bool"), ("batches=8", "unknown setting")):
        with pytest.raises(ConfigError, match=word):
            parse(text)
