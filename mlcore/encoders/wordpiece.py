"""Reads a text as pieces of words, as BERT's uncased vocabularies cut it (Devlin et al. 2019; Wu et al. 2016)."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np

from mlcore.errors import CheckpointError

UNKNOWN = "[UNK]"
INNER = "##"
LONGEST_WORD = 100
CJK = ((0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F))


class WordPieces:
    """Texts -> numbers of the pieces of a vocabulary: lower case, without accents, the longest piece first."""

    def __init__(self, pieces: Sequence[str]) -> None:
        """
        Raises:
            CheckpointError: the vocabulary has no piece for what it doesn't know.
        """
        self._number_of: Mapping[str, int] = {piece: number for number, piece in enumerate(pieces)}
        if UNKNOWN not in self._number_of:
            raise CheckpointError(f"a vocabulary of word pieces needs {UNKNOWN}: use that of a BERT model")
        self.unknown = self._number_of[UNKNOWN]
        self._of_word = lru_cache(maxsize=20_000)(self._cut)

    def __call__(self, text: str) -> list[int]:
        """The pieces of a text; a word that no pieces make is one unknown piece."""
        return [number for word in words_of(text) for number in self._of_word(word)]

    def _cut(self, word: str) -> tuple[int, ...]:
        if len(word) > LONGEST_WORD:
            return (self.unknown,)
        found: list[int] = []
        start = 0
        while start < len(word):
            for end in range(len(word), start, -1):
                number = self._number_of.get((INNER if start else "") + word[start:end])
                if number is not None:
                    found.append(number)
                    start = end
                    break
            else:
                return (self.unknown,)
        return tuple(found)


def words_of(text: str) -> list[str]:
    """Words and signs of a text, in lower case and without accents."""
    plain = unicodedata.normalize("NFD", text.lower())
    spaced = []
    for sign in plain:
        category = unicodedata.category(sign)
        if category == "Mn" or (category.startswith("C") and sign not in "\t\n\r"):
            continue
        apart = category.startswith(("P", "S")) and (category[0] == "P" or ord(sign) < 128)
        spaced.append(f" {sign} " if apart or _is_cjk(ord(sign)) else sign)
    return "".join(spaced).split()


def pack(pieces: Sequence[str]) -> np.ndarray:
    """A vocabulary as (N,) uint8, to be kept beside tensors."""
    return np.frombuffer("\n".join(pieces).encode(), np.uint8).copy()


def unpack(packed: np.ndarray) -> list[str]:
    """What `pack` made; CheckpointError where it is no text."""
    try:
        return packed.tobytes().decode().split("\n")
    except UnicodeDecodeError as error:
        raise CheckpointError(f"the vocabulary is damaged ({error}): restore the weights' file") from error


def _is_cjk(code: int) -> bool:
    return any(first <= code <= last for first, last in CJK)
