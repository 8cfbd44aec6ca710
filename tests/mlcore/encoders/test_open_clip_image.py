"""open_clip's image tower: the vectors are its own, and nothing of it is trained."""

import pytest
import torch

from mlcore.encoders.open_clip_image import OpenClipImageEncoder
from mlcore.errors import CheckpointError, ConfigError, InvalidInputError
from tests.mlcore.encoders.published import clip_folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return clip_folder(tmp_path_factory.mktemp("clip") / "small")


def test_the_vectors_are_those_of_open_clip_itself(folder):
    import open_clip

    tower = OpenClipImageEncoder(f"local-dir:{folder}", "")
    model = open_clip.create_model(f"local-dir:{folder}").eval()
    images = torch.rand(2, 3, tower.size_px, tower.size_px)
    mean, std = (torch.tensor(model.visual.preprocess_cfg[name]).reshape(1, 3, 1, 1) for name in ("mean", "std"))
    with torch.inference_mode():
        expected = model.encode_image((images - mean) / std, normalize=True)
    assert torch.allclose(tower.encode(images), expected, atol=1e-4)
    assert not any(weight.requires_grad for weight in tower._model.parameters())


def test_pictures_of_any_size_become_unit_vectors(folder):
    tower = OpenClipImageEncoder(f"local-dir:{folder}", "")
    found = tower.encode(torch.rand(3, 3, 128, 96))
    assert len(found) == 3 and torch.allclose(found.norm(dim=1), torch.ones(3), atol=1e-5)
    with pytest.raises(InvalidInputError):
        tower.encode(torch.rand(3, 128, 96))


def test_what_can_not_be_used_is_refused(folder, tmp_path):
    with pytest.raises(ConfigError):
        OpenClipImageEncoder("no-such-architecture", "random")
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(b"nothing")
    with pytest.raises(CheckpointError):
        OpenClipImageEncoder(f"local-dir:{folder}", str(damaged))
