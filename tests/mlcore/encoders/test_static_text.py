"""Word pieces and the tower of one vector each."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

from mlcore.encoders.static_text import StaticTextEncoder, quantised
from mlcore.encoders.text import build_text_encoder
from mlcore.encoders.wordpiece import WordPieces, pack, unpack, words_of
from mlcore.errors import CheckpointError, ConfigError, InvalidInputError, WeightsUnavailableError

PIECES = ["[PAD]", "[UNK]", "river", "side", "##side", "##s", "a", "house", "##hold", ",", "h", "##o", "水"]
WORDS = ["river", "Riverside", "houses", "a", ",", "é", "水", "\t", "zzz", "ho", "$", "“", "·", "House,hold"]


def reference():
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    made = Tokenizer(models.WordPiece({piece: number for number, piece in enumerate(PIECES)}, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return made


@given(st.lists(st.sampled_from(WORDS)))
def test_pieces_are_those_of_the_tokenizer_that_others_use(words):
    text = " ".join(words)
    assert WordPieces(PIECES)(text) == reference().encode(text).ids


@given(st.text(st.characters(min_codepoint=9, max_codepoint=0x24F), max_size=60))
def test_any_text_is_read_as_the_tokenizer_that_others_use_reads_it(text):
    assert WordPieces(PIECES)(text) == reference().encode(text).ids


def test_words_lose_case_and_accents():
    assert words_of("Zürich-West, ÉCOLE!") == ["zurich", "-", "west", ",", "ecole", "!"]


def test_a_vocabulary_is_packed_and_read_again():
    assert unpack(pack(PIECES)) == PIECES
    with pytest.raises(CheckpointError):
        unpack(np.array([0xFF, 0xFE], np.uint8))


def tensors(seed: int = 0) -> dict[str, torch.Tensor]:
    table, scale = quantised(np.random.default_rng(seed).normal(size=(len(PIECES), 16)).astype(np.float32))
    arrays = {"pieces": pack(PIECES), "table": table, "scale": scale}
    return {name: torch.from_numpy(values) for name, values in arrays.items()}


def test_the_same_words_say_the_same_and_others_something_else(tmp_path):
    save_file(tensors(), tmp_path / "words.safetensors")
    tower = build_text_encoder("static", str(tmp_path / "words.safetensors"), 16)
    vectors = tower.encode(["a river", "A RIVER", "house"])
    assert vectors.shape == (3, 16) and torch.allclose(vectors.norm(dim=1), torch.ones(3))
    assert torch.equal(vectors[0], vectors[1]) and float(vectors[0] @ vectors[2]) < 0.9
    assert tower.origin.source == "words.safetensors" and tower.encode([]).shape == (0, 16)


def test_vectors_lose_little_by_being_kept_small():
    vectors = np.random.default_rng(0).normal(size=(50, 64)).astype(np.float32)
    table, scale = quantised(vectors)
    assert np.abs(table * scale[:, None] - vectors).max() < 0.02


def test_what_is_no_such_tower_is_refused(tmp_path):
    with pytest.raises(WeightsUnavailableError):
        build_text_encoder("static", "", 16)
    with pytest.raises(ConfigError):
        build_text_encoder("static/x", "f", 16)
    save_file({"table": torch.zeros(2, 2)}, tmp_path / "other.safetensors")
    with pytest.raises(CheckpointError, match="static"):
        build_text_encoder("static", str(tmp_path / "other.safetensors"), 16)
    short = tensors()
    short["scale"] = short["scale"][:-1]
    save_file(short, tmp_path / "short.safetensors")
    with pytest.raises(CheckpointError, match="length"):
        build_text_encoder("static", str(tmp_path / "short.safetensors"), 16)
    save_file(tensors(), tmp_path / "words.safetensors")
    with pytest.raises(InvalidInputError):
        StaticTextEncoder.from_file(str(tmp_path / "words.safetensors")).encode([" "])
