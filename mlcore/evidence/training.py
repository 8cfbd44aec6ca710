"""Training of the building-evidence network on a map that may be a little stale and a little shifted."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mlcore.errors import InvalidInputError
from mlcore.evidence.config import EvidenceConfig
from mlcore.evidence.model import EvidenceModel
from mlcore.evidence.samples import CropBatch, CropSampler, EvidenceSample
from mlcore.evidence.verified import SURE_WEIGHT
from mlcore.learning.loop import Stage, run_stage
from mlcore.learning.precision import bfloat16_is_native
from mlcore.learning.schedule import warmed_cosine
from mlcore.pairs.prefetch import in_turn
from mlcore.progress import Progress, SilentProgress, stop_if_asked

OUTLINE_GAIN = 3.0
OVERLAP_WEIGHT = 0.5
GRADIENT_NORM = 1.0
STALE_FOOTPRINT, MISSED_BUILDING = 0.15, 0.9
"""Mean evidence of a footprint below which, and evidence of bare ground above which, the label is not believed."""


def train_evidence(
    samples: Sequence[EvidenceSample],
    config: EvidenceConfig,
    *,
    initial: Mapping[str, Tensor] | None = None,
    run_dir: Path,
    seed: int = 0,
    device: str = "cpu",
    progress: Progress | None = None,
) -> EvidenceModel:
    """Train on footprints as they stand in the map, going on where `run_dir` stands.

    A few per cent of random errors in one place's map are learnt around (`benchmarks/stale_labels.py`). Maps of several
    places teach a new one better without the labels that the network is sure are wrong: `config.trim_after`.

    Args:
        samples: mapped tiles of one size.
        initial: weights to start from, such as the shipped ones; the schedule is then `config.tuning()`.
        run_dir: for checkpoints; a folder of another run is refused.

    Returns:
        The network with averaged weights, in eval mode.

    Raises:
        InvalidInputError: no footprint in any sample.
        StoppedError: asked to stop; call again with the same `run_dir` to go on.
    """
    progress = progress or SilentProgress()
    if not any(((sample.ids > 0) & sample.known).any() for sample in samples):
        raise InvalidInputError("no footprint in any training tile: map some buildings or widen the mapped area first")
    torch.manual_seed(seed)
    config = config if initial is None else config.tuning()
    model = EvidenceModel(config).to(device)
    if initial is not None:
        try:
            model.load_state_dict(dict(initial))
        except RuntimeError as error:
            raise InvalidInputError(f"the initial weights are of another evidence network: {error}") from error
    sampler = CropSampler(samples, config.crop_px, config.scale_jitter, config.light)
    trainer = _Trainer(model, sampler, config, seed, device, progress)
    stage = Stage("evidence", trainer.both, trainer.optimiser, config.epochs, trainer.run_epoch,
                  fingerprint=_fingerprint(samples, config, seed, initial))  # fmt: skip
    run_stage(stage, run_dir=run_dir, seed=seed, progress=progress, figures_prefix="evidence/")
    return trainer.average.eval()


class _Trainer:
    """The state of one training: the network, its running average and the optimiser."""

    def __init__(
        self,
        model: EvidenceModel,
        sampler: CropSampler,
        config: EvidenceConfig,
        seed: int,
        device: str,
        progress: Progress,
    ) -> None:
        self.model, self.average = model, copy.deepcopy(model)
        self.both = nn.ModuleDict({"model": self.model, "average": self.average})
        self.optimiser = torch.optim.AdamW(model.parameters(), config.learning_rate, weight_decay=config.weight_decay)
        self.sampler, self.config, self.seed, self.device, self.progress = sampler, config, seed, device, progress
        self.half = config.half_precision and bfloat16_is_native(device)

    def run_epoch(self, epoch: int, generator: torch.Generator) -> dict[str, float]:
        rng = np.random.default_rng(generator.initial_seed())
        losses: list[float] = []
        steps = range(epoch * self.config.steps_per_epoch, (epoch + 1) * self.config.steps_per_epoch)
        batches = in_turn(lambda _: self.sampler.draw(self.config.batch, rng), steps)
        for step, batch in zip(steps, batches, strict=True):
            stop_if_asked(self.progress)
            losses.append(self._step(step, batch))
        return {"loss": float(np.mean(losses))}

    def _step(self, step: int, batch: CropBatch) -> float:
        for group in self.optimiser.param_groups:
            group["lr"] = self.config.learning_rate * warmed_cosine(step, self.config.steps, self.config.warmup)
        images = torch.from_numpy(batch.images).to(self.device).permute(0, 3, 1, 2).float() / 255
        with torch.autocast(torch.device(self.device).type, torch.bfloat16, enabled=self.half):
            logits = self.model(images)
        logits = logits.float()
        weight = pixel_weights(batch, self.config)
        if step >= self.config.trim_after * self.config.steps:
            said = torch.sigmoid(logits[:, 0].detach()).cpu().numpy()
            weight *= np.maximum(believed(said, batch.ids), batch.sure)
        targets = (batch.ids > 0, batch.outline, weight, batch.known)
        inside, outline, weights, known = (
            torch.from_numpy(np.asarray(one, np.float32)).to(self.device) for one in targets
        )
        loss = evidence_loss(logits, inside, outline, weights, known, self.config.boundary_weight)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), GRADIENT_NORM)
        self.optimiser.step()
        decay = min(self.config.ema, (1 + step) / (10 + step))
        kept, new = self.average.state_dict(), self.model.state_dict()
        for name, tensor in kept.items():
            if tensor.is_floating_point():
                tensor.lerp_(new[name], 1 - decay)
        return float(loss.detach())


def pixel_weights(batch: CropBatch, config: EvidenceConfig) -> np.ndarray:
    """(B, H, W) float32: 0 where unknown, less in the band along outlines, where a shifted map is wrong; more where a
    person verified the label.
    """
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * config.edge_px + 1,) * 2)
    weights = []
    for ids, known, sure in zip(batch.ids, batch.known, batch.sure, strict=True):
        inside = (ids > 0).astype(np.uint8)
        band = cv2.dilate(inside, kernel) != cv2.erode(inside, kernel)
        counted = np.where(known, np.where(band, config.edge_weight, 1.0), 0.0)
        weights.append(counted * np.where(sure, SURE_WEIGHT, 1.0))
    return np.stack(weights).astype(np.float32)


def believed(evidence: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """(B, H, W) float32: 0 where the network is confidently against the label, 1 elsewhere.

    A footprint is taken for stale as a whole, by its mean evidence; ground pixel by pixel.

    Args:
        evidence: (B, H, W) probability of building.
        ids: (B, H, W) int32 numbers of footprints, 0 = none.
    """
    keep = np.ones(evidence.shape, np.float32)
    for one, numbers_at, out in zip(evidence, ids, keep, strict=True):
        numbers, compact = np.unique(numbers_at, return_inverse=True)
        compact = compact.reshape(numbers_at.shape)
        mean = np.bincount(compact.ravel(), one.ravel().astype(np.float64)) / np.bincount(compact.ravel())
        stale = (mean < STALE_FOOTPRINT) & (numbers > 0)
        out[stale[compact]] = 0
        out[(numbers_at == 0) & (one > MISSED_BUILDING)] = 0
    return keep


def evidence_loss(
    logits: Tensor, inside: Tensor, outline: Tensor, weight: Tensor, known: Tensor, boundary_weight: float
) -> Tensor:
    """Weighted cross-entropy and soft Jaccard of the interior, plus cross-entropy of the outline.

    Args:
        logits: (B, 2, H, W) interior and outline.
        inside, outline, weight, known: (B, H, W) float, targets in 0..1 and weights.
    """
    total = weight.sum().clamp(min=1.0)
    interior = (F.binary_cross_entropy_with_logits(logits[:, 0], inside, reduction="none") * weight).sum() / total
    p, target = torch.sigmoid(logits[:, 0]) * weight, inside * weight
    common = (p * inside).sum()
    overlap = 1 - (common + 1) / (p.sum() + target.sum() - common + 1)
    gain = logits.new_tensor(OUTLINE_GAIN)
    edge = F.binary_cross_entropy_with_logits(logits[:, 1], outline, reduction="none", pos_weight=gain)
    edge = (edge * known).sum() / known.sum().clamp(min=1.0)
    return interior + OVERLAP_WEIGHT * overlap + boundary_weight * edge


def _fingerprint(
    samples: Sequence[EvidenceSample], config: EvidenceConfig, seed: int, initial: Mapping[str, Tensor] | None
) -> str:
    digest = hashlib.sha256(json.dumps([config.to_dict(), seed], sort_keys=True).encode())
    for sample in samples:
        digest.update(str(sample.tile).encode())
        for plane in (sample.image, sample.ids, sample.known, *([] if sample.sure is None else [sample.sure])):
            digest.update(np.ascontiguousarray(plane).tobytes())
    for name, tensor in sorted((initial or {}).items()):
        digest.update(name.encode() + tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
