"""Texts that name nothing that could be seen from above: what floors and the sense of a text are measured against."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

Part = Literal["learn", "report"]


def read_nonsense(part: Part) -> tuple[str, ...]:
    """One half of the texts: "learn", which a model may know, or "report", which it must not."""
    texts = json.loads((Path(__file__).parent / "sentences" / "nonsense_v1.json").read_text("utf-8"))
    return tuple(texts[part])
