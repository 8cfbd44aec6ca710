"""Topics: what land covers are called, their embeddings, and how tokens of a picture are brought together with them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mlcore.encoders.text import build_text_encoder
from mlcore.errors import ConfigError
from mlcore.geolocation.attention import CrossAttention

FOLDER = Path(__file__).parent / "prompts"


@dataclass(frozen=True)
class Prompts:
    """The texts of one version.

    Attributes:
        categories: K names, in the order of every distribution.
        category_texts: K sentences; attribute_texts: A sentences.
        category_of: A numbers, the category of each attribute.
    """

    version: str
    categories: tuple[str, ...]
    category_texts: tuple[str, ...]
    attribute_texts: tuple[str, ...]
    category_of: tuple[int, ...]


def read_prompts(version: str) -> Prompts:
    """The prompts that ship under this version.

    Raises:
        ConfigError: there is no such version.
    """
    record = read_record(version)
    entries = record["categories"]
    pairs = [(number, each["name"], text) for number, each in enumerate(entries) for text in each["attributes"]]
    return Prompts(
        version,
        tuple(each["name"] for each in entries),
        tuple(record["category_template"].format(name=each["name"]) for each in entries),
        tuple(record["attribute_template"].format(category=name, attribute=text) for _, name, text in pairs),
        tuple(number for number, _, _ in pairs),
    )


def read_record(version: str) -> dict[str, Any]:
    """A file of `prompts/`; ConfigError where there is none of this version."""
    known = sorted(path.stem for path in FOLDER.glob("*.json"))
    if version not in known:
        raise ConfigError(f"no prompts {version!r}: choose one of {', '.join(known)}")
    record: dict[str, Any] = json.loads((FOLDER / f"{version}.json").read_text(encoding="utf-8"))
    return record


def class_shares(mapping: str, prompts: str) -> dict[str, np.ndarray]:
    """What pictures of each class show, (K,) shares of the categories: the teacher where there is no CLIP.

    Args:
        mapping: version of the mapping's file; prompts: version of the categories it must be written for.

    Raises:
        ConfigError: no such version, or one for other prompts.
    """
    record, known = read_record(mapping), read_prompts(prompts).categories
    if record.get("prompts") != prompts:
        raise ConfigError(f"{mapping} maps no classes to the categories of {prompts}: choose another mapping")
    return {
        name: np.array([shares.get(category, 0.0) for category in known], np.float32)
        for name, shares in record["classes"].items()
    }


def embed_prompts(prompts: Prompts, text_encoder: str, weights: str, dimension: int) -> tuple[Tensor, Tensor]:
    """F_category (K, dimension) and F_attribute (A, dimension), unit vectors of a frozen text tower.

    Raises:
        ConfigError, WeightsUnavailableError, CheckpointError: the tower can't be had.
    """
    encoder = build_text_encoder(text_encoder, weights, dimension)
    return encoder.encode(prompts.category_texts), encoder.encode(prompts.attribute_texts)


class TopicAttention(nn.Module):
    """F_topic: tokens ask the categories, then the attributes (TopicGeo, Section 3.1).

    The embeddings are kept with the weights: a trained locator needs no text tower.
    """

    categories: Tensor
    attributes: Tensor

    def __init__(self, channels: int, heads: int, counts: tuple[int, int], *, attributes: bool = True) -> None:
        super().__init__()
        self.register_buffer("categories", torch.zeros(counts[0], channels))
        self.register_buffer("attributes", torch.zeros(counts[1], channels))
        self.to_categories = CrossAttention(channels, heads)
        self.to_attributes = CrossAttention(channels, heads) if attributes else None

    def embed(self, categories: Tensor, attributes: Tensor) -> None:
        """Take the embeddings of the prompts, (K, C) and (A, C)."""
        self.categories.copy_(categories)
        self.attributes.copy_(attributes)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, T, C) -> F_topic (B, T, C)."""
        topics = self.to_categories(tokens, self.categories)
        return topics if self.to_attributes is None else self.to_attributes(topics, self.attributes)
