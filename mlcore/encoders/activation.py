"""Finds which activation CLIP weights were trained with: weights of QuickGELU run with GELU give other vectors.

OpenAI trained with QuickGELU, x * sigmoid(1.702 x), most others with GELU, and a file of tensors does not say which.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, get_args

from mlcore.errors import ConfigError

Activation = Literal["gelu", "quick_gelu"]
OPENAI_NAMES = frozenset({"input_resolution", "context_length", "vocab_size"})
"""Beside its tensors OpenAI's own files, and copies of them, hold these three numbers; nobody else's do."""
DIGEST = re.compile(r"(?:/([0-9a-f]{64})/[^/]+|-([0-9a-f]{8,64})\.(?:pt|pth|bin|safetensors))$")
"""How an address names its file's SHA-256: as a folder (OpenAI), or the first digits in the name (open_clip)."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trained:
    """The activation of weights, and how it is known; `known` is False for a guess."""

    activation: Activation
    known: bool

    @property
    def quick(self) -> bool:
        return self.activation == "quick_gelu"

    def __str__(self) -> str:
        return self.activation if self.known else f"{self.activation} (assumed)"


def asked_for(setting: str) -> Trained | None:
    """The activation that a person set; None for an empty setting.

    Raises:
        ConfigError: there is no such activation.
    """
    if not setting:
        return None
    for activation in get_args(Activation):
        if setting == activation:
            return Trained(activation, True)
    raise ConfigError(f"no activation {setting!r} of a text tower: set text_activation to gelu, quick_gelu or nothing")


def activation_of_config(config: Mapping[str, Any], *, of_these_weights: bool = False) -> Trained | None:
    """What a model's configuration says; where it is silent, None, or GELU if it was published with the weights."""
    if config.get("quick_gelu"):
        return Trained("quick_gelu", True)
    return Trained("gelu", True) if of_these_weights else None


def activation_of_file(names: Iterable[str], sha256: str, *, file: str, architecture: str) -> Trained:
    """What a file of weights was trained with, by the names in it or its digest; else GELU, with a warning.

    Args:
        names: of the file's tensors.
        sha256: of the file.
    """
    if set(names) >= OPENAI_NAMES:
        return Trained("quick_gelu", True)
    for digest, quick in published_digests().items():
        if sha256.startswith(digest):
            return Trained("quick_gelu" if quick else "gelu", True)
    logger.warning(
        "%s does not say which activation it was trained with: %s runs it with GELU. Weights of OpenAI and others "
        "named quickgelu need text_activation=quick_gelu; set text_activation=gelu where GELU is right.",
        file, architecture,
    )  # fmt: skip
    return Trained("gelu", False)


@lru_cache(maxsize=1)
def published_digests() -> Mapping[str, bool]:
    """First digits of the SHA-256 of files that open_clip knows -> whether they were trained with QuickGELU."""
    import open_clip

    found: dict[str, bool] = {}
    for model in open_clip.list_models():
        for tag in open_clip.list_pretrained_tags_by_model(model):
            settings = open_clip.pretrained.get_pretrained_cfg(model, tag)
            digest = DIGEST.search(settings.get("url", "") or "")
            if digest:
                found[digest.group(1) or digest.group(2)] = bool(settings.get("quick_gelu"))
    return found
