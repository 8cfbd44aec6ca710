"""Networks made to be asked only say what they said."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from mlcore.consistency.config import ConsistencyConfig
from mlcore.consistency.inference import ready
from mlcore.consistency.model import ConsistencyModel
from mlcore.encoders.efficientnet_lite import InvertedResidual
from mlcore.learning.asked import ActivatedConv, joins_activations, made_to_be_asked


def used(network: nn.Module) -> nn.Module:
    """With normalisations that are not those of a fresh network."""
    torch.manual_seed(0)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            for values in (layer.running_mean, layer.running_var, layer.weight, layer.bias):
                nn.init.uniform_(values, 0.5, 1.5)
    return network.eval()


@torch.inference_mode()
def test_normalisations_and_activations_become_part_of_the_convolutions_before_them():
    plain = used(InvertedResidual(8, 6, 8, 5, 1))
    asked = copy.deepcopy(plain)
    made_to_be_asked(asked, half=False)
    images = 3 * torch.randn(2, 8, 24, 40)

    assert not any(isinstance(layer, nn.BatchNorm2d | nn.ReLU6) for layer in asked.modules())
    assert sum(isinstance(layer, ActivatedConv) for layer in asked.modules()) == 2
    assert torch.allclose(asked(images), plain(images), atol=1e-4)


@pytest.mark.skipif(not joins_activations(half=True), reason="this processor multiplies no bfloat16")
@torch.inference_mode()
def test_a_joint_activation_rounds_as_one_that_comes_after():
    layers = nn.Sequential(nn.Conv2d(8, 16, 3, padding=1), nn.ReLU6(), nn.Conv2d(16, 4, 1), nn.ReLU())
    apart = copy.deepcopy(layers).to(torch.bfloat16)
    made_to_be_asked(layers, half=True)
    images = (4 * torch.randn(2, 8, 32, 32)).to(torch.bfloat16)

    assert torch.equal(layers(images), apart(images))


@torch.inference_mode()
@pytest.mark.parametrize("more", [{"padding_mode": "reflect", "padding": 1}, {"padding": "same"}])
def test_convolutions_that_one_step_does_not_know_stay_as_they_are(more):
    layers = nn.Sequential(nn.Conv2d(3, 4, 3, **more), nn.ReLU())
    asked = copy.deepcopy(layers)
    made_to_be_asked(asked, half=False)
    images = torch.randn(1, 3, 16, 16)

    assert torch.allclose(asked(images), layers(images), atol=1e-5)


@torch.inference_mode()
def test_a_consistency_network_that_is_ready_says_the_same_in_half_precision():
    config = ConsistencyConfig(input_px=64, dimension=32, image_width=8, map_width=4)
    model = used(ConsistencyModel(config))
    images, maps = torch.rand(2, 8, 3, 64, 64)
    said = model(images, maps).disc
    exact, half = (ready(model, half=half)(images, maps).disc for half in (False, True))

    assert torch.allclose(exact, said, atol=1e-4)
    assert half.dtype == torch.float32 and (half - said).abs().mean() < 0.2 * said.std()
    assert torch.equal(model(images, maps).disc, said)  # the model itself stays as it is
