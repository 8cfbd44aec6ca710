"""Makes a static text tower of a sentence encoder: what it says of each piece of a word alone, cut down and weighed.

The way of model2vec (Tulkens and van Dongen 2024): the sentence encoder sees every piece of its vocabulary by itself,
principal components keep what tells pieces apart, and frequent pieces weigh less, since they say less. What is lost is
the order of words.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from mlcore.digests import sha256_of
from mlcore.encoders.sentence_text import SentenceEncoder
from mlcore.encoders.static_text import quantised
from mlcore.encoders.wordpiece import UNKNOWN, pack
from mlcore.errors import InvalidInputError
from mlcore.files import whole_file
from mlcore.progress import Progress, SilentProgress

MOST_FREQUENT = "the"
"""Vocabularies are ordered by frequency from this word on; signs and letters come before it."""
LEAST_WEIGHT, OF_SIGN, OF_MARK = 0.3, 0.05, 0.02


def distil_words(
    sentences: SentenceEncoder, dimension: int = 256, progress: Progress | None = None
) -> dict[str, Tensor]:
    """The tensors of a `StaticTextEncoder`.

    Pieces that no English word is made of (other scripts, places that are kept free) are left out.

    Raises:
        InvalidInputError: the vocabulary has fewer pieces than dimensions.
        StoppedError: `progress` asked to stop.
    """
    vocabulary = sentences.vocabulary()
    kept = [number for number, piece in enumerate(vocabulary) if piece.isascii() and not piece.startswith("[unused")]
    if len(kept) < dimension:
        raise InvalidInputError(f"{len(kept)} pieces can't fill {dimension} dimensions: ask for fewer")
    vectors = sentences.alone(kept, progress or SilentProgress()).double().numpy()
    pieces = [vocabulary[number] for number in kept]
    table, scale = quantised((_cut_down(vectors, dimension) * weights_of(pieces)[:, None]).astype(np.float32))
    return {
        "pieces": torch.from_numpy(pack(pieces)), "table": torch.from_numpy(table), "scale": torch.from_numpy(scale),
    }  # fmt: skip


def write_words(path: Path, sentences: SentenceEncoder, dimension: int = 256, progress: Progress | None = None) -> str:
    """Write them to a safetensors file; its SHA-256."""
    made = distil_words(sentences, dimension, progress)
    with whole_file(path) as scratch:
        save_file(made, scratch, {"distilled_from": sentences.origin.sha256})
    return sha256_of(path)


def weights_of(pieces: Sequence[str]) -> np.ndarray:
    """(V,) how much each piece of a vocabulary in order of frequency weighs, 1 in the middle."""
    first = pieces.index(MOST_FREQUENT) if MOST_FREQUENT in pieces else 0
    weights = np.log1p(np.maximum(np.arange(len(pieces)) - first, 0)) + LEAST_WEIGHT
    weights /= np.median(weights)
    for number, piece in enumerate(pieces):
        if piece.startswith("[") and piece.endswith("]") and len(piece) > 2:
            weights[number] = OF_MARK if piece != UNKNOWN else OF_SIGN
        elif len(piece) == 1 and not piece.isalnum():
            weights[number] = OF_SIGN
    return weights


def _cut_down(vectors: np.ndarray, dimension: int) -> np.ndarray:
    """(V, dimension) principal components, of unit length."""
    centred = vectors - vectors.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    parts = centred @ axes[:, ::-1][:, :dimension]
    return np.asarray(parts / np.maximum(np.linalg.norm(parts, axis=1, keepdims=True), 1e-12))
