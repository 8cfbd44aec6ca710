"""Texts that name nothing that could be seen from above: what floors and the sense of a text are measured against."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from mlcore.encoders.imagenet import class_names
from mlcore.landmarks.looks import read_looks

Part = Literal["learn", "report"]
FIRST_THING = 398
"""Of ImageNet's classes those before are animals, many with names that no dictionary of places has."""


def read_nonsense(part: Part) -> tuple[str, ...]:
    """One half of the texts: "learn", which a model may know, or "report", which it must not."""
    texts = json.loads((Path(__file__).parent / "sentences" / "nonsense_v1.json").read_text("utf-8"))
    return tuple(texts[part])


def sensible_names() -> tuple[str, ...]:
    """Names of things that can be seen, whether or not they were learnt: what makes sense is like some of them."""
    return (*class_names()[FIRST_THING:], *read_looks())
