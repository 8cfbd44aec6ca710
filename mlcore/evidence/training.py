"""Training of the building-evidence network on a map that may be a little stale and a little shifted."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from mlcore.errors import InvalidInputError
from mlcore.evidence.aligned import aligned
from mlcore.evidence.config import EvidenceConfig
from mlcore.evidence.held_out import held_out_f1
from mlcore.evidence.losses import believed, evidence_loss, pixel_weights
from mlcore.evidence.many_places import PlaceSamples, PlacesSampler
from mlcore.evidence.model import EvidenceNetwork, evidence_network
from mlcore.evidence.pyramid import PyramidEvidence
from mlcore.evidence.samples import CropBatch, CropSampler, EvidenceSample
from mlcore.learning.loop import Stage, run_stage
from mlcore.learning.precision import bfloat16_is_native
from mlcore.learning.schedule import warmed_cosine
from mlcore.pairs.prefetch import in_turn
from mlcore.progress import Progress, SilentProgress, stop_if_asked

GRADIENT_NORM = 1.0


def train_evidence(
    samples: Sequence[EvidenceSample],
    config: EvidenceConfig,
    *,
    initial: Mapping[str, Tensor] | None = None,
    held_out: Sequence[EvidenceSample] = (),
    run_dir: Path,
    seed: int = 0,
    device: str = "cpu",
    progress: Progress | None = None,
) -> EvidenceNetwork:
    """Train on footprints as they stand in the map, going on where `run_dir` stands.

    A few per cent of random errors in one place's map are learnt around (`benchmarks/stale_labels.py`). Maps of several
    places teach a new one better without the labels that the network is sure are wrong: `config.trim_after`.

    Args:
        samples: mapped tiles of one size.
        initial: weights to start from, such as the shipped ones; the schedule is then `config.tuning()`.
        held_out: tiles that are not learnt from: each epoch's F1 on them is reported, and changes nothing.
        run_dir: for checkpoints; a folder of another run is refused.

    Returns:
        The network with averaged weights, in eval mode.

    Raises:
        InvalidInputError: no footprint in any sample.
        StoppedError: asked to stop; call again with the same `run_dir` to go on.
    """
    config = config if initial is None else config.tuning()
    sampler = CropSampler(samples, config.crop_px, config.scale_jitter, config.light)
    return _train(
        samples, sampler, config, initial, Path(run_dir), seed, device, progress or SilentProgress(), held_out
    )


def train_on_places(
    places: Sequence[PlaceSamples],
    config: EvidenceConfig,
    *,
    initial: Mapping[str, Tensor] | None = None,
    run_dir: Path,
    seed: int = 0,
    device: str = "cpu",
    progress: Progress | None = None,
) -> EvidenceNetwork:
    """As `train_evidence`, for places never seen: places count by their share, at all resolutions of regions.

    Args:
        initial: weights to go on from, with the schedule of `config` as it stands.
    """
    samples = [sample for place in places for sample in place.samples]
    sampler = PlacesSampler(places, config.crop_px, config.light)
    return _train(samples, sampler, config, initial, Path(run_dir), seed, device, progress or SilentProgress())


class _Sampler(Protocol):
    def draw(self, count: int, rng: np.random.Generator) -> CropBatch: ...


def _train(
    samples: Sequence[EvidenceSample],
    sampler: _Sampler,
    config: EvidenceConfig,
    initial: Mapping[str, Tensor] | None,
    run_dir: Path,
    seed: int,
    device: str,
    progress: Progress,
    held_out: Sequence[EvidenceSample] = (),
) -> EvidenceNetwork:
    if not any(((sample.ids > 0) & sample.known).any() for sample in samples):
        raise InvalidInputError("no footprint in any training tile: map some buildings or widen the mapped area first")
    torch.manual_seed(seed)
    model = evidence_network(config)
    if initial is not None:
        try:
            model.load_state_dict(dict(initial))
        except RuntimeError as error:
            raise InvalidInputError(f"the initial weights are of another evidence network: {error}") from error
    elif isinstance(model, PyramidEvidence):
        model.load_published(config.encoder_weights)
    model.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    trainer = _Trainer(model, sampler, config, seed, device, progress, held_out)
    stage = Stage("evidence", trainer.both, trainer.optimiser, config.epochs, trainer.run_epoch,
                  fingerprint=_fingerprint(samples, config, seed, initial))  # fmt: skip
    run_stage(stage, run_dir=run_dir, seed=seed, progress=progress, figures_prefix="evidence/")
    return trainer.average.eval()


class _Trainer:
    """The state of one training: the network, its running average and the optimiser."""

    def __init__(
        self,
        model: EvidenceNetwork,
        sampler: _Sampler,
        config: EvidenceConfig,
        seed: int,
        device: str,
        progress: Progress,
        held_out: Sequence[EvidenceSample],
    ) -> None:
        self.model, self.average = model, copy.deepcopy(model)
        self.both = nn.ModuleDict({"model": self.model, "average": self.average})
        self.optimiser = torch.optim.AdamW(
            _groups(model, config), config.learning_rate, weight_decay=config.weight_decay
        )
        self.sampler, self.config, self.seed, self.device, self.progress = sampler, config, seed, device, progress
        self.held_out = held_out
        self.half = config.half_precision and bfloat16_is_native(device)

    def run_epoch(self, epoch: int, generator: torch.Generator) -> dict[str, float]:
        rng = np.random.default_rng(generator.initial_seed())
        losses: list[float] = []
        steps = range(epoch * self.config.steps_per_epoch, (epoch + 1) * self.config.steps_per_epoch)
        batches = in_turn(lambda _: self.sampler.draw(self.config.batch, rng), steps)
        for step, batch in zip(steps, batches, strict=True):
            stop_if_asked(self.progress)
            losses.append(self._step(step, batch))
        held = held_out_f1(self.average, self.held_out, device=self.device, half=self.half)
        return {"loss": float(np.mean(losses))} | ({} if held is None else {"held_out_f1": held})

    def _step(self, step: int, batch: CropBatch) -> float:
        for group in self.optimiser.param_groups:
            group["lr"] = group["rate"] * warmed_cosine(step, self.config.steps, self.config.warmup)
        images = torch.from_numpy(batch.images).to(self.device).permute(0, 3, 1, 2).float() / 255  # channels last
        with torch.autocast(torch.device(self.device).type, torch.bfloat16, enabled=self.half):
            logits = self.model(images)
        logits, done = logits.float(), step / self.config.steps
        said = torch.sigmoid(logits[:, 0].detach()).cpu().numpy()
        if done >= self.config.register_after:
            batch = aligned(batch, said, self.config.register_m)
        weight = pixel_weights(batch, self.config)
        if done >= self.config.trim_after:
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


def _groups(model: EvidenceNetwork, config: EvidenceConfig) -> list[dict[str, Any]]:
    """Parameters with their learning rates: those of a pre-trained encoder move less, its first stages not at all."""
    if not isinstance(model, PyramidEvidence):
        return [{"params": list(model.parameters()), "rate": config.learning_rate}]
    model.freeze(config.frozen_stages)
    inherited = {id(parameter) for parameter in model.encoder.parameters()}
    own = [parameter for parameter in model.parameters() if id(parameter) not in inherited]
    tuned = [parameter for parameter in model.encoder.parameters() if parameter.requires_grad]
    rates = (config.learning_rate, config.learning_rate * config.encoder_rate)
    return [{"params": params, "rate": rate} for params, rate in zip((own, tuned), rates, strict=True) if params]


def _fingerprint(
    samples: Sequence[EvidenceSample], config: EvidenceConfig, seed: int, initial: Mapping[str, Tensor] | None
) -> str:
    told = config.to_dict()
    told.pop("tuning_frozen_stages")  # in `frozen_stages` by now; runs of before this setting go on
    digest = hashlib.sha256(json.dumps([told, seed], sort_keys=True).encode())
    for sample in samples:
        digest.update(str(sample.tile).encode())
        for plane in (sample.image, sample.ids, sample.known, *([] if sample.sure is None else [sample.sure])):
            digest.update(np.ascontiguousarray(plane).tobytes())
    for name, tensor in sorted((initial or {}).items()):
        digest.update(name.encode() + tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
