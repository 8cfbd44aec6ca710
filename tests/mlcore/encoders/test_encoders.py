"""Encoders: a frozen text space that knows how much two anchors share, and a small image encoder."""

import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mlcore.encoders.image import CompactEncoder, build_image_encoder, to_input
from mlcore.encoders.text import _WORD, HashedTextEncoder
from mlcore.errors import ConfigError, InvalidInputError

BASE = [f"attribute_{number}=value" for number in range(11)]


def test_texts_are_unit_vectors_and_the_same_on_every_machine():
    vectors = HashedTextEncoder(64).encode(["a=b c=d. Some houses.", "a=b"])
    assert torch.allclose(vectors.norm(dim=1), torch.ones(2))
    assert torch.equal(vectors, HashedTextEncoder(64).encode(["a=b c=d. Some houses.", "a=b"]))
    assert not torch.equal(vectors, HashedTextEncoder(64, seed=1).encode(["a=b c=d. Some houses.", "a=b"]))


def test_texts_that_share_more_attributes_are_closer():
    texts = [" ".join([*BASE[:shared], *(f"other_{i}=x" for i in range(11 - shared))]) for shared in (11, 8, 4, 0)]
    vectors = HashedTextEncoder(1024).encode(texts)
    cosines = (vectors @ vectors[0]).tolist()
    assert cosines[0] == pytest.approx(1.0, abs=1e-5)
    assert cosines[0] > cosines[1] > cosines[2] > cosines[3]
    assert cosines[1] == pytest.approx(8 / 11, abs=0.12) and abs(cosines[3]) < 0.15


def test_attributes_weigh_more_than_the_words_of_the_summary():
    vectors = HashedTextEncoder(1024).encode(["a=x word", "a=x other", "a=y word"])
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.3


def test_a_text_without_words_is_refused():
    with pytest.raises(InvalidInputError, match="empty text"):
        HashedTextEncoder(16).encode(["..."])


def test_words_of_every_script_have_their_place():
    vectors = HashedTextEncoder(256).encode(["बनेपा", "清水寺", "Кремль", "café", "caf"])
    assert torch.allclose(vectors @ vectors.T, torch.eye(5), atol=0.3)
    assert torch.equal(*HashedTextEncoder(64).encode(["КРЕМЛЬ", "кремль"]))


@given(st.text(st.characters(max_codepoint=127)))
def test_words_of_ascii_are_those_that_weights_were_trained_with(text):
    assert _WORD.findall(text.lower()) == re.findall(r"[a-z0-9_]+(?:=[a-z0-9_]+)?", text.lower())


def test_the_compact_encoder_is_small_and_keeps_where_things_are():
    encoder = CompactEncoder(256).eval()
    assert sum(parameter.numel() for parameter in encoder.parameters()) < 1_000_000
    images = torch.full((1, 3, 128, 128), 0.5)
    spot = images.clone()
    spot[:, :, 8:16, 100:108] = 1.0
    with torch.no_grad():
        plain, marked = encoder(images), encoder(spot)
    assert plain.embedding.shape == (1, 256) and plain.cells.shape == (1, 48, 32, 32)
    assert torch.allclose(marked.embedding.norm(dim=1), torch.ones(1), atol=1e-5)
    change = (marked.cells - plain.cells).abs().sum(dim=1)[0]
    row, column = divmod(int(change.argmax()), 32)
    assert abs(row - 3) <= 2 and abs(column - 26) <= 2


@pytest.mark.parametrize("width", [4, 8, 12, 16])
def test_gradients_reach_every_weight_at_every_width(width):
    encoder = CompactEncoder(32, width=width, cell_channels=8).to(memory_format=torch.channels_last)
    features = encoder(to_input(torch.randint(0, 255, (4, 64, 64, 3), dtype=torch.uint8), 64))
    weights = torch.randn_like(features.embedding)
    ((features.embedding * weights).sum() + features.cells.square().sum()).backward()
    assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in encoder.parameters())


def test_wrong_shapes_and_unknown_encoders_are_refused():
    with pytest.raises(InvalidInputError, match="multiple of 16"):
        CompactEncoder(32)(torch.zeros(1, 3, 40, 40))
    with pytest.raises(ConfigError, match="compact"):
        build_image_encoder("nothing", 32, width=4, cell_channels=4)


def test_tiles_become_area_averaged_inputs():
    tiles = torch.zeros(1, 64, 64, 3, dtype=torch.uint8)
    tiles[:, ::2] = 255
    assert torch.allclose(to_input(tiles, 32), torch.full((1, 3, 32, 32), 0.5))
