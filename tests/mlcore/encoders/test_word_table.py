"""A sentence encoder's words as a table: small, of the same vocabulary, and near to what it came from."""

from pathlib import Path

import numpy as np
import pytest
import torch

from mlcore.cli import main
from mlcore.encoders.sentence_text import SentenceEncoder
from mlcore.encoders.static_text import StaticTextEncoder
from mlcore.encoders.torchvision_shim import ensure_torchvision
from mlcore.encoders.word_table import distil_words, weights_of

SPECIAL = ["[PAD]", "[unused0]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = [".", "a", "the", "of", "river", "house", "road", "##s", "field", "tree", "ship", "\u6cb3"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    ensure_torchvision()
    from transformers import BertConfig, BertModel, BertTokenizerFast

    where = tmp_path_factory.mktemp("sentences")
    pieces = SPECIAL + WORDS
    (where / "vocab.txt").write_text("\n".join(pieces), encoding="utf-8")
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    BertModel(BertConfig(vocab_size=len(pieces), **sizes)).save_pretrained(where)
    BertTokenizerFast(vocab=str(where / "vocab.txt")).save_pretrained(where)
    return where


def test_a_word_alone_is_as_like_to_others_as_the_encoder_says(folder: Path) -> None:
    sentences = SentenceEncoder(str(folder))
    numbers = [sentences.vocabulary().index(word) for word in ("river", "house", "road", "field", "tree", "ship")]

    alone = sentences.alone(numbers, _Silent()).numpy()
    made = StaticTextEncoder(distil_words(sentences, 16), sentences.origin)
    found = made.encode(["river", "house", "road", "field", "tree", "ship"]).numpy()

    def likeness(vectors: np.ndarray) -> np.ndarray:
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return (unit @ unit.T)[np.triu_indices(len(unit), 1)]

    assert np.corrcoef(likeness(alone - alone.mean(axis=0)), likeness(found))[0, 1] > 0.9


def test_frequent_pieces_signs_and_marks_weigh_little() -> None:
    weights = dict(zip(SPECIAL + WORDS, weights_of(SPECIAL + WORDS), strict=True))
    assert weights["[CLS]"] < weights["."] < weights["the"] < weights["river"] < weights["ship"]


def test_words_are_written_by_command_without_pieces_of_other_scripts(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "words.safetensors"
    assert main(["train", "words", "--sentences", str(folder), "--dimension", "8", "--out", str(out)]) == 0
    assert "sha256" in capsys.readouterr().out
    tower = StaticTextEncoder.from_file(str(out))
    assert tower.dimension == 8 and len(tower.table) == len(SPECIAL) - 1 + len(WORDS) - 1
    assert main(["train", "words", "--sentences", str(folder), "--dimension", "99", "--out", str(out)]) == 1
    assert "ask for fewer" in capsys.readouterr().err


class _Silent:
    def report(self, fraction: float, message: str = "", figures: object = None) -> None: ...

    def should_stop(self) -> bool:
        return False
