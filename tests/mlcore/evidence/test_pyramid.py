"""The network with a pre-trained encoder: shapes, what of it learns, and where its weights come from."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from mlcore.encoders.efficientnet_lite import CHANNELS, EfficientNetLite
from mlcore.encoders.imagenet import PRETRAINED_MODEL, timm_network
from mlcore.errors import CheckpointError, ConfigError, InvalidInputError
from mlcore.evidence.config import EvidenceConfig
from mlcore.evidence.ensemble import EvidenceEnsemble
from mlcore.evidence.inference import ready
from mlcore.evidence.model import EvidenceModel, evidence_network
from mlcore.evidence.pyramid import PyramidEvidence
from mlcore.evidence.training import train_evidence, train_on_places
from tests.mlcore.evidence.test_many_places import QUICK, made_place

SMALL = EvidenceConfig(encoder="efficientnet_lite0", encoder_weights="random", widths=(8, 8, 12, 16), crop_px=64)


@settings(max_examples=4, deadline=None)
@given(st.integers(1, 3), st.integers(2, 4))
def test_every_pixel_gets_two_logits(rows: int, columns: int) -> None:
    model = PyramidEvidence(SMALL).eval()

    assert model(torch.rand(2, 3, 32 * rows, 32 * columns)).shape == (2, 2, 32 * rows, 32 * columns)


def test_sides_that_do_not_fit_and_unknown_encoders_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="multiples of 32"):
        PyramidEvidence(SMALL)(torch.rand(1, 3, 48, 64))
    with pytest.raises(ConfigError, match="efficientnet_lite0"):
        EvidenceConfig(encoder="resnet")
    with pytest.raises(ConfigError, match="multiple of 32"):
        replace(SMALL, crop_px=80)


def test_what_it_says_of_a_pixel_does_not_depend_on_the_rest_of_the_batch() -> None:
    model = PyramidEvidence(SMALL).eval()
    images = torch.rand(3, 3, 64, 64)

    assert torch.allclose(model(images)[:1], model(images[:1]), atol=1e-5)


def test_training_keeps_the_encoder_s_statistics_first_stages_and_filters() -> None:
    model = PyramidEvidence(SMALL).train()
    model.freeze(2)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    optimiser = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], 0.1)
    model(torch.rand(2, 3, 64, 64)).square().mean().backward()
    optimiser.step()

    moved = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert not any("running" in name for name in moved if name.startswith("encoder."))
    assert not any(name.startswith(("encoder.stem", "encoder.stages.0", "encoder.stages.1")) for name in moved)
    assert any(name.startswith("encoder.stages.5") for name in moved)
    assert {"head.weight", "dec_half.first.weight"} <= moved


def test_tuning_leaves_more_of_the_encoder_as_it_came_than_learning_from_nothing(tmp_path: Path) -> None:
    config = replace(SMALL, steps_per_epoch=1, batch=2, tuning_epochs=1, tuning_frozen_stages=4)
    torch.manual_seed(2)
    start = PyramidEvidence(config).state_dict()

    tuned = train_evidence(made_place(0, 11).samples, config, initial=start, run_dir=tmp_path).state_dict()

    moved = {name for name, value in tuned.items() if not torch.equal(value, start[name])}
    stages = {name.split(".")[2] for name in moved if name.startswith("encoder.stages")}
    assert stages == {"4", "5", "6"}
    assert "head.weight" in moved
    assert replace(config, frozen_stages=6).tuning().frozen_stages == 6
    with pytest.raises(ConfigError, match="tuning_frozen_stages"):
        replace(config, tuning_frozen_stages=8)


def test_the_encoder_is_timm_s_read_one_pixel_further(tmp_path: Path) -> None:
    """The same features as the published network, whose convolutions pad on one side alone."""
    torch.manual_seed(0)
    theirs = timm_network(PRETRAINED_MODEL).eval()
    file = tmp_path / "published.pth"
    torch.save(theirs.state_dict(), file)
    model = PyramidEvidence(SMALL)
    model.load_published(f"{file}#sha256={hashlib.sha256(file.read_bytes()).hexdigest()}")
    image = torch.rand(1, 3, 128, 128)

    ours = model.encoder.eval()(image)
    moved = torch.roll((image - 0.498) * 1.992, (1, 1), (2, 3))
    stem = theirs.bn1(theirs.conv_stem(moved))

    assert [scale.shape[1] for scale in ours] == list(CHANNELS)
    inner = slice(4, 28)
    first = theirs.blocks[0](stem)
    assert torch.allclose(ours[0][..., inner, inner], first[..., inner, inner], atol=1e-4)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(3)}, tmp_path / "other.safetensors")
    with pytest.raises(CheckpointError, match="EfficientNet-Lite0"):
        PyramidEvidence(SMALL).load_published(str(tmp_path / "other.safetensors"))


def test_files_of_both_networks_are_read_by_their_configuration() -> None:
    for config, kind in ((SMALL, PyramidEvidence), (EvidenceConfig(widths=(8, 8, 12, 16)), EvidenceModel)):
        stored = EvidenceConfig.from_dict({**config.to_dict(), "widths": list(config.widths)})
        network = evidence_network(stored)
        again = EvidenceEnsemble.from_tensors(stored, network.state_dict())
        assert isinstance(again.tuned, kind)


@pytest.mark.parametrize("config", [SMALL, EvidenceConfig(widths=(8, 8, 12, 16))])
def test_a_network_made_ready_says_the_same_and_leaves_the_original(config: EvidenceConfig) -> None:
    torch.manual_seed(1)
    ensemble = EvidenceEnsemble([evidence_network(config)], prior_shifts=[0.4])
    for layer in ensemble.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.1)
            layer.running_var.uniform_(0.5, 2)
    names = list(ensemble.state_dict())
    images = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        said = ensemble(images)
        plain, half = ready(ensemble, half=False)(images), ready(ensemble, half=True)(images)

    assert torch.allclose(said, plain, atol=1e-4)
    assert (said - half).abs().max() < 0.05
    assert list(ensemble.state_dict()) == names


def test_an_encoder_alone_has_five_scales() -> None:
    assert [tuple(one.shape[2:]) for one in EfficientNetLite().eval()(torch.rand(1, 3, 64, 96))] == [
        (32, 48), (16, 24), (8, 12), (4, 6), (2, 3),
    ]  # fmt: skip


def test_it_learns_on_places_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    config = replace(QUICK, encoder="efficientnet_lite0", encoder_weights="random", epochs=2)
    places = [made_place(0, 11), made_place(1, 900)]
    whole = train_on_places(places, config, run_dir=tmp_path / "whole")
    later = replace(config, tuning_frozen_stages=4)  # of no matter here: whoever began without the setting goes on
    resumed = train_on_places(places, later, run_dir=tmp_path / "whole")

    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name])
