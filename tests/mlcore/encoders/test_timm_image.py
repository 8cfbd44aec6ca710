"""timm encoders: the paper's head on published weights, cells where they are wanted, and no silent random start."""

import huggingface_hub.constants
import pytest
import torch
from torch import nn

from mlcore.encoders.image import build_image_encoder
from mlcore.encoders.timm_image import TimmEncoder
from mlcore.errors import CheckpointError, ConfigError, InvalidInputError, WeightsUnavailableError
from tests.mlcore.encoders.published import TIMM_MODEL, digest, hub_cache, timm_file, timm_state

SIZE = 64


def encoder(cells=True, dimension=24, model=TIMM_MODEL) -> TimmEncoder:
    torch.manual_seed(1)
    return build_image_encoder(f"timm/{model}", dimension, width=8, cell_channels=6, cells=cells).eval()


def test_an_embedding_of_unit_length_and_cells_of_four_pixels():
    features = encoder()(torch.rand(2, 3, SIZE, SIZE))
    assert features.embedding.shape == (2, 24) and features.cells.shape == (2, 6, SIZE // 4, SIZE // 4)
    assert torch.allclose(features.embedding.norm(dim=1), torch.ones(2), atol=1e-5)


def test_without_cells_there_is_nothing_beside_the_paper_s_network():
    plain = encoder(cells=False)
    features = plain(torch.rand(2, 3, SIZE, SIZE))
    assert features.cells.shape == (2, 0, SIZE // 4, SIZE // 4)
    assert not [name for name, _ in plain.named_parameters() if name.startswith(("lateral", "smooth"))]


def test_the_paper_s_network_is_a_wide_resnet_50_with_a_two_layer_relu_head_of_1024():
    with torch.device("meta"):
        wide = TimmEncoder(1024, model="wide_resnet50_2.tv_in1k", cell_channels=8, cells=False)
    kinds = [type(layer) for layer in wide.head]
    assert kinds == [nn.Linear, nn.ReLU, nn.Linear]
    assert (wide.head[0].in_features, wide.head[-1].out_features) == (2048, 1024)
    assert sum(weight.numel() for weight in wide.trunk.parameters()) == pytest.approx(66.8e6, rel=0.01)


def test_published_weights_see_what_the_published_network_sees(tmp_path):
    import timm

    own = encoder()
    origin = own.load_published(str(timm_file(tmp_path)))
    original = timm.create_model(TIMM_MODEL, pretrained=False, num_classes=0, global_pool="").eval()
    original.load_state_dict({name: value for name, value in timm_state().items() if not name.startswith("fc.")})
    images = torch.rand(2, 3, SIZE, SIZE)
    settings = original.pretrained_cfg
    mean, std = (torch.tensor(settings[name]).reshape(1, 3, 1, 1) for name in ("mean", "std"))
    with torch.inference_mode():
        assert torch.equal(own.trunk((images - own.mean) / own.std), original((images - mean) / std))
    assert origin.sha256 == digest(tmp_path / "model.safetensors") and origin.source == "model.safetensors"
    assert "weights of model.safetensors" in str(origin)


def test_pretrained_means_the_hub_s_weights_of_that_name(tmp_path, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    named = encoder(model="resnet10t.c3_in1k")
    with pytest.raises(WeightsUnavailableError, match="from the hub"):
        named.load_published("pretrained")
    hub_cache(tmp_path, "timm/resnet10t.c3_in1k", {"model.safetensors": timm_file(tmp_path)})
    origin = named.load_published("pretrained")
    assert origin.source == "hf-hub:timm/resnet10t.c3_in1k"
    assert torch.equal(named.trunk.layer1[0].conv1.weight, timm_state()["layer1.0.conv1.weight"])


def test_random_weights_are_used_only_in_so_many_words():
    with pytest.raises(ConfigError, match='or "random"'):
        encoder().load_published("")
    assert "random weights" in str(encoder().load_published("random"))


def test_weights_of_another_network_are_refused(tmp_path):
    path = timm_file(tmp_path)
    with pytest.raises(CheckpointError, match="not the weights of resnet18"):
        encoder(model="resnet18").load_published(str(path))


@pytest.mark.parametrize("name", ["no_such_network", "vit_tiny_patch16_224"])
def test_a_network_that_does_not_fit_is_refused_by_name(name):
    with pytest.raises(ConfigError, match=name):
        encoder(model=name)


def test_tiles_of_another_size_are_refused():
    with pytest.raises(InvalidInputError, match="multiple of 32"):
        encoder()(torch.rand(1, 3, 48, 48))
    with pytest.raises(ConfigError, match="compact/large"):
        build_image_encoder("compact/large", 8, width=4, cell_channels=4)
