"""Looks: what a text names is described by what is visible of it, in the words that pictures are described with."""

import numpy as np
import torch

from mlcore.landmarks.config import LandmarkConfig
from mlcore.landmarks.looks import looks_of, read_looks, with_looks
from mlcore.landmarks.model import LandmarkModel
from mlcore.learning.checkpoints import read_tensors, write_tensors


def letters(texts: list[str]) -> torch.Tensor:
    return torch.tensor([[text.count(letter) for letter in "abcdefghijklmnopqrstuvwxyz"] for text in texts]).float()


def test_a_text_names_each_look_once_whatever_its_case_and_signs():
    looks = looks_of("A River, and a stream beside the FOREST.")
    assert looks == (read_looks()["river"], read_looks()["forest"])
    assert looks_of("xqzv blorp") == ()


def test_looks_bring_texts_nearer_to_what_is_visible_and_leave_others_alone():
    looked = with_looks(["a river", "xqzv"], letters, 1.0)
    plain = torch.nn.functional.normalize(letters(["a river", "xqzv"]), dim=1)
    visible = torch.nn.functional.normalize(letters([read_looks()["river"]]), dim=1)[0]
    assert torch.allclose(looked.norm(dim=1), torch.ones(2))
    assert float(looked[0] @ visible) > float(plain[0] @ visible) and torch.allclose(looked[1], plain[1])
    assert torch.equal(with_looks(["a river"], letters, 0.0), letters(["a river"]))


def test_a_file_that_knows_nothing_of_looks_is_read_without_them(tmp_path):
    torch.manual_seed(0)
    model = LandmarkModel(LandmarkConfig.preset("tiny", looks=0.0))
    model.save(tmp_path / "m.safetensors")
    tensors, meta = read_tensors(tmp_path / "m.safetensors")
    del meta["config"]["looks"]
    write_tensors(tmp_path / "old.safetensors", tensors, meta)
    again = LandmarkModel.load(tmp_path / "old.safetensors")
    assert again.config.looks == 0.0
    assert np.allclose(again.embed_texts(["a river"]), model.embed_texts(["a river"]), atol=0.02)
