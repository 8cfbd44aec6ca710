"""The graph matcher's network: pictures to keypoints, keypoints of two pictures to the table of their matches."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from mlcore.correspondences.graph.assignment import Assigner
from mlcore.correspondences.graph.attention import Round, graph_of
from mlcore.correspondences.graph.config import GraphConfig
from mlcore.correspondences.graph.context import Context
from mlcore.correspondences.graph.detector import CELL_PX, Dense, Detector, Points, detect, sampled
from mlcore.errors import CheckpointError
from mlcore.learning.checkpoints import read_tensors, write_tensors

MODEL_KIND = "graph-matcher"


@dataclass(frozen=True)
class Keypoints:
    """Keypoints of pictures with what the network knows of them.

    Attributes:
        points: their places.
        descriptors: (B, N, channels) unit vectors; tokens: (B, N, channels) before they heard of each other.
    """

    points: Points
    descriptors: Tensor
    tokens: Tensor


@dataclass(frozen=True)
class Tables:
    """What the rounds made of two pictures.

    Attributes:
        tables: (B, M + 1, N + 1) log probabilities of the last round, or of each.
        sure0, sure1: (B, M) and (B, N) logits that a keypoint's match is final, of all these rounds but the last.
        rounds: how many were done.
    """

    tables: list[Tensor]
    sure0: list[Tensor]
    sure1: list[Tensor]
    rounds: int


class GraphModel(nn.Module):
    """Detector, context, the dual graph and the assignment as one module."""

    def __init__(self, config: GraphConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or GraphConfig()
        self.detector = Detector(config.widths, config.channels)
        self.context = Context(config.channels, config.widths[2], config.classes)
        self.rounds = nn.ModuleList(Round(config.channels, config.heads) for _ in range(config.rounds))
        self.assigners = nn.ModuleList(
            Assigner(config.channels, config.assignment, config.sinkhorn_rounds) for _ in range(config.rounds)
        )
        self.sure = nn.ModuleList(nn.Linear(config.channels, 1) for _ in range(config.rounds - 1))

    def keypoints(
        self, dense: Dense, pictures: Tensor, valid: Tensor, count: int, evidence: Tensor | None = None
    ) -> Keypoints:
        """At most `count` keypoints of each picture.

        Args:
            dense: what `self.detector` said of the pictures.
            pictures: (B, 3, H, W) RGB in 0..1; valid: (B, 1, H, W) 0/1.
            evidence: (B, classes, h, w) of any resolution, of a matcher that learnt with evidence.
        """
        points = detect(dense.cells, pictures, valid, count, self.config.saliency_share)
        descriptors = self.detector.described(dense, points.xy)
        known = None if evidence is None else sampled(evidence, points.xy, pictures.shape[3] / evidence.shape[3])
        deep = sampled(dense.deep, points.xy, CELL_PX)
        return Keypoints(points, descriptors, self.context(descriptors, deep, points.score, known))

    def match(self, one: Keypoints, other: Keypoints, *, every: bool = False) -> Tables:
        """The table of matches of keypoints of two pictures (or of as many pairs as both hold).

        Args:
            every: the tables of all rounds, as training needs them; the rounds never end early then.
        """
        config, known0, known1 = self.config, one.points.known, other.points.known
        graph0, graph1 = (
            graph_of(each.points.xy, each.points.turn, each.points.known, config.neighbours) for each in (one, other)
        )
        tokens0, tokens1 = one.tokens, other.tokens
        tables: list[Tensor] = []
        sure: tuple[list[Tensor], list[Tensor]] = [], []
        done = 0
        for number, step in enumerate(self.rounds):
            tokens0, tokens1 = step(tokens0, tokens1, graph0, graph1)
            done, last = number + 1, number + 1 == config.rounds
            if not last and (every or config.exit_share < 1):
                says = [self.sure[number](tokens.detach())[..., 0] for tokens in (tokens0, tokens1)]
                for logits, kept in zip(says, sure, strict=True):
                    kept.append(logits)
                last = not every and self._all_sure(number, says, (known0, known1))
            if every or last:
                tables.append(self.assigners[number](tokens0, tokens1, known0, known1))
            if last:
                break
        return Tables(tables, *sure, done)

    def _all_sure(self, number: int, says: list[Tensor], known: tuple[Tensor, Tensor]) -> bool:
        """Whether more than `exit_share` of every pair's keypoints are sure enough (LightGlue, section 3.3)."""
        needed = sure_enough(number, self.config.rounds)
        sure = torch.cat([logits.sigmoid() for logits in says], dim=1) > needed
        there = torch.cat(known, dim=1)
        share = (sure & there).sum(dim=1) / there.sum(dim=1).clamp(min=1)
        return bool((share > self.config.exit_share).all())

    def save(self, path: Path, extra: dict[str, object] | None = None) -> str:
        """Write weights and settings to one safetensors file in half precision; returns its SHA-256."""
        tensors = {
            name: value.half() if value.is_floating_point() else value for name, value in self.state_dict().items()
        }
        return write_tensors(path, tensors, {**(extra or {}), "kind": MODEL_KIND, "config": self.config.to_dict()})

    @classmethod
    def load(cls, path: Path, sha256: str | None = None) -> GraphModel:
        """Read what `save` wrote, in eval mode; CheckpointError where the file is damaged or another than asked for."""
        tensors, meta = read_tensors(path, sha256=sha256)
        if meta.get("kind") != MODEL_KIND:
            raise CheckpointError(
                f"{path} holds a {meta.get('kind')!r} model, not a graph matcher: choose a graph matcher's file"
            )
        model = cls(GraphConfig.from_dict(meta["config"]))
        try:
            model.load_state_dict({name: value.float() if value.is_floating_point() else value
                                   for name, value in tensors.items()})  # fmt: skip
        except RuntimeError as error:
            raise CheckpointError(f"{path} does not fit the settings it names: {error}") from error
        return model.eval()


def sure_enough(number: int, rounds: int) -> float:
    """How sure a keypoint must be after round `number` (from 0) to count: 0.9 falling to 0.8 (LightGlue, 3.3)."""
    return 0.8 + 0.1 * math.exp(-4.0 * number / rounds)
