"""What things look like from above: a text that names some of them is read together with their looks.

Words alone say little of how a place looks that nobody showed; "a river" and "a winding band of dark water" have little
in common for a sentence encoder. Describing kinds of places by what is visible of them is the side information of
zero-shot recognition (Lampert et al. 2009; Menon and Vondrick 2023).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

LOOKS = "looks_v1"
WORD = re.compile(r"[a-z]+")


@lru_cache
def read_looks(version: str = LOOKS) -> dict[str, str]:
    """Looks by word, such as "river"; several words may share one."""
    told = json.loads((Path(__file__).parent / "sentences" / f"{version}.json").read_text("utf-8"))
    return {word: one["look"] for one in told["looks"] for word in one["words"]}


def looks_of(text: str) -> tuple[str, ...]:
    """The looks of what a text names, each once, in its order; none where it names nothing that is known."""
    known = read_looks()
    return tuple(dict.fromkeys(known[word] for word in WORD.findall(text.lower()) if word in known))


def with_looks(texts: Sequence[str], encode: Callable[[Sequence[str]], Tensor], weight: float) -> Tensor:
    """Features of texts with those of their looks.

    Args:
        encode: texts -> (N, C) features.
        weight: of the looks beside the text itself, 0 or more; 0: the texts alone, as `encode` gives them.

    Returns:
        (len(texts), C); of unit length where there is a weight.
    """
    said = encode(texts)
    if not weight:
        return said
    looks = [looks_of(text) for text in texts]
    every = list(dict.fromkeys(look for each in looks for look in each))
    said = F.normalize(said, dim=1)
    if not every:
        return said
    seen, number = encode(every), {look: row for row, look in enumerate(every)}
    share = torch.zeros(len(texts), len(every), device=said.device)
    for row, each in enumerate(looks):
        share[row, [number[look] for look in each]] = 1.0
    return F.normalize(said + weight * F.normalize(share @ F.normalize(seen, dim=1), dim=1), dim=1)
