"""Frozen text encoders: the space in which image and map meet."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from mlcore.encoders.open_clip_text import OpenClipTextEncoder
from mlcore.encoders.sentence_text import SentenceEncoder
from mlcore.encoders.static_text import StaticTextEncoder
from mlcore.encoders.weights import Origin
from mlcore.errors import ConfigError, InvalidInputError, WeightsUnavailableError

_WORD = re.compile(r"\w+(?:=\w+)?")
"""Of any script; of ASCII letters, digits and underscores alone the words are what `[a-z0-9_]` makes of them."""


class TextEncoder(Protocol):
    """Turns texts into unit vectors and is never trained."""

    dimension: int
    origin: Origin

    def encode(self, texts: Sequence[str]) -> Tensor:
        """texts -> (len(texts), dimension) float32 of unit length."""


class HashedTextEncoder:
    """Random features of a text's tokens: needs no weights, knows no language.

    A token is a word or an `attribute=value`; each has its own Gaussian vector, seeded by the token's SHA-256, so it is
    the same on every machine. A text is the normalised sum, hence the cosine of two texts is about the share of tokens
    they have in common: anchors that agree in more attributes are closer. It stands where U-CSA has CLIP's text tower,
    for places without weights; `attribute=value` tokens weigh `attribute_weight`, the words of the summary 1.
    """

    def __init__(self, dimension: int = 256, *, attribute_weight: float = 3.0, seed: int = 0) -> None:
        if dimension < 8:
            raise InvalidInputError("a text space needs at least 8 dimensions")
        self.dimension, self.attribute_weight, self.seed = dimension, attribute_weight, seed
        self.origin = Origin("hashed", "no weights needed")
        self._tokens: dict[str, np.ndarray] = {}

    def encode(self, texts: Sequence[str]) -> Tensor:
        """texts -> (len(texts), dimension) float32 of unit length; a text without any token is an error."""
        return torch.from_numpy(np.stack([self._encode_one(text) for text in texts]).astype(np.float32))

    def _encode_one(self, text: str) -> np.ndarray:
        tokens = sorted(set(_WORD.findall(text.lower())))
        if not tokens:
            raise InvalidInputError("an empty text has no place in the text space: give it at least one word")
        total = np.sum(
            [self._vector(token) * (self.attribute_weight if "=" in token else 1.0) for token in tokens], axis=0
        )
        return total / np.linalg.norm(total)

    def _vector(self, token: str) -> np.ndarray:
        if token not in self._tokens:
            digest = hashlib.sha256(f"{self.seed}/{token}".encode()).digest()
            draw = np.random.default_rng(int.from_bytes(digest[:8], "big")).standard_normal(self.dimension)
            self._tokens[token] = draw / np.linalg.norm(draw)
        return self._tokens[token]


def build_text_encoder(
    name: str, weights: str, dimension: int, *, activation: str = "", device: str = "cpu"
) -> TextEncoder:
    """The frozen encoder registered as `name`.

    Args:
        name: "hashed"; "open_clip/<architecture>" (see `mlcore.encoders.open_clip_text`); "minilm/<folder or package>"
            (`mlcore.encoders.sentence_text`); or "static" (`mlcore.encoders.static_text`).
        weights: of an open_clip tower or a file of a static one; empty for the others.
        dimension: of the vectors; a static or sentence encoder has its own, whatever is asked for.
        activation: which an open_clip tower's weights were trained with; empty: found out.
        device: where texts are encoded.

    Raises:
        ConfigError: no such encoder, or weights for one that has none.
        WeightsUnavailableError, CheckpointError: the weights can't be had or used.
    """
    kind, _, architecture = name.partition("/")
    if kind not in TEXT_ENCODERS:
        raise ConfigError(f"no text encoder {name!r}: choose one of {', '.join(sorted(TEXT_ENCODERS))}")
    return TEXT_ENCODERS[kind](architecture, weights, dimension, activation, device)


def _hashed(architecture: str, weights: str, dimension: int, activation: str, device: str) -> TextEncoder:
    if architecture or weights or activation:
        raise ConfigError(
            "the hashed text encoder has one form and no weights: leave text_weights and text_activation empty"
        )
    return HashedTextEncoder(dimension)


def _open_clip(architecture: str, weights: str, dimension: int, activation: str, device: str) -> TextEncoder:
    return OpenClipTextEncoder(architecture, weights, activation=activation, dimension=dimension, device=device)


def _minilm(where: str, weights: str, dimension: int, activation: str, device: str) -> TextEncoder:
    if weights or activation:
        raise ConfigError("a sentence encoder's folder holds its weights: leave text_weights and text_activation empty")
    return SentenceEncoder(where, device=device)


def _static(architecture: str, weights: str, dimension: int, activation: str, device: str) -> TextEncoder:
    if architecture or activation:
        raise ConfigError('write "static" alone and name its file in text_weights')
    if not weights:
        raise WeightsUnavailableError(
            "the static text encoder needs its file: name it in text_weights, or start from a model that carries it"
        )
    return StaticTextEncoder.from_file(weights).to(device)


TEXT_ENCODERS: dict[str, Callable[[str, str, int, str, str], TextEncoder]] = {
    "hashed": _hashed,
    "open_clip": _open_clip,
    "minilm": _minilm,
    "static": _static,
}
