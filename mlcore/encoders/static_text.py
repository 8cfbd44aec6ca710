"""A text tower of one vector per piece of a word, distilled from a sentence encoder: small, and fast without a GPU."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mlcore.encoders.weights import Origin, read_weights
from mlcore.encoders.wordpiece import WordPieces, unpack
from mlcore.errors import CheckpointError, InvalidInputError

STEPS = 127
"""Vectors are kept as whole numbers of -127..127 and a scale each."""


class StaticTextEncoder(nn.Module):
    """Texts -> the normalised sum of their pieces' vectors, which hold how much a piece weighs.

    Tensors, by name, of its file and of every model that carries it:
        pieces: (B,) uint8, the vocabulary as UTF-8, a line each.
        table: (V, D) int8; scale: (V,) float32: a piece's vector is their product.
    """

    pieces: Tensor
    table: Tensor
    scale: Tensor

    def __init__(self, tensors: Mapping[str, Tensor], origin: Origin) -> None:
        """
        Raises:
            CheckpointError: these are not the tensors of such a tower.
        """
        super().__init__()
        for name, kind in (("pieces", torch.uint8), ("table", torch.int8), ("scale", torch.float32)):
            if name not in tensors or tensors[name].dtype != kind:
                raise CheckpointError(f"no static text tower: {name} is missing or not {kind}; check the path")
            self.register_buffer(name, tensors[name])
        vocabulary = unpack(self.pieces.numpy())
        if self.table.ndim != 2 or len({len(vocabulary), len(self.table), len(self.scale)}) != 1:
            raise CheckpointError("no static text tower: vocabulary, table and scale differ in length; check the path")
        self.dimension = int(self.table.shape[1])
        self.origin = origin
        self._pieces = WordPieces(vocabulary)

    @classmethod
    def from_file(cls, reference: str) -> StaticTextEncoder:
        """Of a file of weights (see `mlcore.encoders.weights`); errors as there."""
        tensors, digest = read_weights(reference)
        name = Path(reference.partition("#")[0]).name
        return cls(tensors, Origin("static", name, digest))

    @torch.inference_mode()
    def encode(self, texts: Sequence[str]) -> Tensor:
        """texts -> (len(texts), dimension) float32 of unit length.

        Raises:
            InvalidInputError: a text without a word.
        """
        numbers = [self._pieces(text) for text in texts]
        if not all(numbers):
            raise InvalidInputError("an empty text has no place in the text space: give it at least one word")
        if not numbers:
            return torch.zeros(0, self.dimension)
        flat = torch.tensor([number for each in numbers for number in each], device=self.table.device)
        owner = torch.tensor([row for row, each in enumerate(numbers) for _ in each], device=self.table.device)
        vectors = self.table[flat].float() * self.scale[flat][:, None]
        total = torch.zeros(len(numbers), self.dimension, device=self.table.device).index_add_(0, owner, vectors)
        return F.normalize(total, dim=1)


def quantised(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(V, D) float -> (V, D) int8 and (V,) float32 whose product is nearest."""
    scale = np.maximum(np.abs(vectors).max(axis=1), 1e-12) / STEPS
    return np.rint(vectors / scale[:, None]).astype(np.int8), scale.astype(np.float32)
