"""Small weights trained by this project, with model cards; a new region starts from them."""

from __future__ import annotations

from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor

EVIDENCE_FILE = Path(__file__).with_name("evidence.safetensors")
CONSISTENCY_FILE = Path(__file__).with_name("consistency.safetensors")


def initial_evidence() -> dict[str, Tensor] | None:
    """Weights of the evidence network to start from; None where the file was left out of the installation."""
    if not EVIDENCE_FILE.is_file():
        return None
    return load_file(EVIDENCE_FILE)
