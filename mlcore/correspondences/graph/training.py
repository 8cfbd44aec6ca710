"""Training of the graph matcher on pairs of pictures of the same ground, at any angle to each other."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from mlcore.correspondences.graph.config import GraphConfig
from mlcore.correspondences.graph.detector import STRUCTURE, TRUNK, Dense, Points
from mlcore.correspondences.graph.labels import placed, repeated_corners, truth_of
from mlcore.correspondences.graph.losses import (
    assignment_loss,
    contrast_loss,
    detector_loss,
    exit_loss,
    found_share,
)
from mlcore.correspondences.graph.matcher import EvidenceOf
from mlcore.correspondences.graph.model import GraphModel, Keypoints
from mlcore.correspondences.grounds import CropPair, Ground, crop_pair
from mlcore.errors import InvalidInputError
from mlcore.learning.checkpoints import content_digest
from mlcore.learning.loop import Stage, run_stage
from mlcore.learning.precision import bfloat16_is_native
from mlcore.learning.schedule import warmed_cosine
from mlcore.pairs.prefetch import in_turn
from mlcore.progress import Progress, SilentProgress, stop_if_asked

GRADIENT_NORM = 1.0


def train_graph(
    grounds: Sequence[tuple[Ground, float]],
    config: GraphConfig,
    *,
    run_dir: Path,
    initial: Mapping[str, Tensor] | None = None,
    evidence: EvidenceOf | None = None,
    seed: int = 0,
    device: str = "cpu",
    progress: Progress | None = None,
) -> GraphModel:
    """Train, going on where `run_dir` stands.

    Args:
        grounds: with the weight by which each is drawn from.
        initial: weights to start from: a graph matcher's of the same settings, or a trunk of the same widths such as
            the structure matcher's.
        evidence: what stands where, where the settings name classes; it is asked, not taught.

    Raises:
        InvalidInputError: nothing to learn from, weights of another trunk, or evidence that does not fit the settings.
        StoppedError: asked to stop; call again with the same `run_dir` to go on.
    """
    if not grounds or not any(weight > 0 for _, weight in grounds):
        raise InvalidInputError("nothing to learn from: name a place, a map or images")
    if (evidence is None) != (config.classes == 0):
        raise InvalidInputError(f"the settings name {config.classes} classes of evidence: pass what gives them")
    torch.manual_seed(seed)
    model = GraphModel(config).to(device)
    if initial is not None:
        start_from(model, initial)
    trainer = Trainer(model, grounds, evidence, progress or SilentProgress())
    epochs = -(-config.steps // config.steps_per_epoch)
    stage = Stage("graph", model, trainer.optimiser, epochs, trainer.run_epoch,
                  fingerprint=_fingerprint(config, seed, initial))  # fmt: skip
    run_stage(stage, run_dir=run_dir, seed=seed, progress=trainer.progress, figures_prefix="graph/")
    return model.eval()


class Trainer:
    """One model, its optimiser and where its pairs come from."""

    def __init__(
        self,
        model: GraphModel,
        grounds: Sequence[tuple[Ground, float]],
        evidence: EvidenceOf | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.model, self.config, self.evidence = model, model.config, evidence
        self.progress: Progress = progress or SilentProgress()
        self.device = next(model.parameters()).device
        self.half = bfloat16_is_native(str(self.device))
        self.grounds = [ground for ground, _ in grounds]
        self.weights = np.array([weight for _, weight in grounds], np.float64) / sum(weight for _, weight in grounds)
        self.optimiser = torch.optim.AdamW(
            model.parameters(), self.config.learning_rate, weight_decay=self.config.weight_decay
        )

    def run_epoch(self, epoch: int, generator: torch.Generator) -> dict[str, float]:
        """All steps of an epoch; the mean figures of its pairs."""
        rng = np.random.default_rng(generator.initial_seed())
        steps = range(epoch * self.config.steps_per_epoch, (epoch + 1) * self.config.steps_per_epoch)
        figures: list[dict[str, float]] = []
        for step, batch in zip(steps, in_turn(lambda _: self.draw(rng), steps), strict=True):
            stop_if_asked(self.progress)
            figures.append(self.step(step, batch))
        return {name: float(np.mean([one[name] for one in figures])) for name in figures[0]}

    def draw(self, rng: np.random.Generator) -> list[CropPair]:
        """The pairs of a step: everything that is drawn by chance, in one place."""
        config, pairs = self.config, []
        for number in rng.choice(len(self.grounds), size=config.batch, p=self.weights).tolist():
            pairs.append(
                crop_pair(
                    self.grounds[number].draw(rng), config.crop_px, rng, turn_deg=config.turn_deg,
                    scale_jitter=config.scale_jitter, shift_share=config.shift_share, seen_scale=config.seen_scale,
                )
            )  # fmt: skip
        return pairs

    def step(self, step: int, batch: Sequence[CropPair]) -> dict[str, float]:
        """One step of the optimiser; its losses and the share of true matches found."""
        if self.config.keep_trunk:
            self.model.detector.keep_trunk()
        for group in self.optimiser.param_groups:
            group["lr"] = self.config.learning_rate * warmed_cosine(step, self.config.steps, self.config.warmup)
        losses, found = self.losses(batch)
        self.optimiser.zero_grad(set_to_none=True)
        torch.stack(list(losses.values())).sum().backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), GRADIENT_NORM)
        self.optimiser.step()
        return {f"{name}_loss": float(value.detach()) for name, value in losses.items()} | {"found_share": float(found)}

    def losses(self, batch: Sequence[CropPair]) -> tuple[dict[str, Tensor], Tensor]:
        """All losses of some pairs, and the share of their true matches that the last round finds."""
        config, count = self.config, len(batch)
        shown = np.stack([pair.map for pair in batch] + [pair.image for pair in batch])
        known = np.stack([pair.map_valid for pair in batch] + [pair.image_valid for pair in batch])
        pictures = torch.from_numpy(shown).to(self.device).permute(0, 3, 1, 2).float() / 255
        valid = torch.from_numpy(known).to(self.device).float()[:, None]
        there = np.stack([map_to_image(pair) for pair in batch])
        matrix = torch.tensor(there, dtype=torch.float32, device=self.device)
        back = torch.tensor(np.linalg.inv(there), dtype=torch.float32, device=self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            dense = self.model.detector(pictures)
        dense = dense.float()
        keypoints = self._keypoints(dense, pictures, valid)
        sides = slice(None, count), slice(count, None)
        one, other = (_part(keypoints, side) for side in sides)
        truth = truth_of(one.points, other.points, matrix, config.match_px, config.alone_px)
        tables = self.model.match(one, other, every=True)
        known0, known1 = one.points.known, other.points.known
        maps, images = (dense.of(side) for side in sides)
        contrast = self._contrast(one, images, matrix, valid[count:]) + self._contrast(other, maps, back, valid[:count])
        others, others_valid = pictures.roll(count, dims=0), valid.roll(count, dims=0)
        labels = repeated_corners(pictures, valid, others, others_valid, torch.cat([matrix, back]))
        losses = {
            "detector": detector_loss(dense.cells, labels),
            "contrast": 0.5 * contrast,
            "assignment": torch.stack([assignment_loss(table, truth) for table in tables.tables]).mean(),
            "exit": exit_loss(tables.tables, tables.sure0, tables.sure1, known0, known1),
        }
        return losses, found_share(tables.tables[-1].detach(), truth)

    def _contrast(self, keypoints: Keypoints, other: Dense, matrix: Tensor, valid: Tensor) -> Tensor:
        """The contrast of descriptors at keypoints with those at the same places of the other picture.

        At the same places, not at the other's keypoints: at first few are found in both pictures, and a descriptor can
        be taught wherever both are seen.
        """
        there = placed(keypoints.points, matrix, valid)
        truth = truth_of(keypoints.points, there, matrix, self.config.match_px, self.config.alone_px)
        words = self.model.detector.described(other, there.xy)
        return contrast_loss(
            keypoints.descriptors, words, keypoints.points.known, there.known, truth, self.config.temperature
        )

    def _keypoints(self, dense: Dense, pictures: Tensor, valid: Tensor) -> Keypoints:
        evidence = None
        if self.evidence is not None:
            with torch.no_grad():
                evidence = self.evidence(pictures)
        return self.model.keypoints(dense, pictures, valid, self.config.train_keypoints, evidence)


def map_to_image(pair: CropPair) -> np.ndarray:
    """(3, 3) from the map's crop as it is seen to the image's."""
    return np.asarray(pair.map_to_image @ np.linalg.inv(pair.seen))


def _part(keypoints: Keypoints, which: slice) -> Keypoints:
    """Those of some of the pictures."""
    points = keypoints.points
    part = Points(points.xy[which], points.score[which], points.turn[which], points.known[which])
    return Keypoints(part, keypoints.descriptors[which], keypoints.tokens[which])


def start_from(model: GraphModel, initial: Mapping[str, Tensor]) -> None:
    """Take all of another graph matcher, or the trunk of another network and its fields of structure where it has them.

    Raises:
        InvalidInputError: of other widths, or not such a trunk at all.
    """
    if set(initial) == set(model.state_dict()):
        try:
            model.load_state_dict(initial)
        except RuntimeError as error:
            raise InvalidInputError(f"the initial weights are of a graph of other sizes: {error}") from error
        return
    trunk = {name: value for name, value in initial.items() if name.startswith(TRUNK)}
    own = {name for name in model.detector.state_dict() if name.startswith(TRUNK)}
    if set(trunk) != own:
        raise InvalidInputError("the initial weights are not of such a trunk: take a structure or evidence network's")
    fields = {name: value for name, value in initial.items() if name.startswith(STRUCTURE)}
    try:
        model.detector.load_state_dict({**trunk, **fields}, strict=False)
    except RuntimeError as error:
        raise InvalidInputError(f"the initial weights are of a trunk of other widths: {error}") from error


def _fingerprint(config: GraphConfig, seed: int, initial: Mapping[str, Tensor] | None) -> str:
    start = None if initial is None else content_digest(initial)
    return hashlib.sha256(json.dumps([config.to_dict(), seed, start], sort_keys=True).encode()).hexdigest()
