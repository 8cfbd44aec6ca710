"""Trains U-CSA: anchored contrast, then adversarial matching, then the standardisation of its score."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mlcore.anchors.schema import Anchor, anchor_text
from mlcore.consistency.batches import Batch, PairBatches
from mlcore.consistency.config import ConsistencyConfig
from mlcore.consistency.model import ConsistencyModel
from mlcore.consistency.scan import score_held
from mlcore.consistency.score import Standardisation
from mlcore.consistency.stages import Seen, anchor_vectors, cell_vectors, contrastive_losses, matching_losses
from mlcore.consistency.steps import Losses, Stepper
from mlcore.encoders.text import build_text_encoder
from mlcore.encoders.timm_image import TimmEncoder
from mlcore.encoders.weights import Origin
from mlcore.errors import ConfigError, InvalidInputError
from mlcore.geometry.webmercator import TileAddress
from mlcore.learning.checkpoints import read_tensors, write_tensors
from mlcore.learning.loop import EpochFunction, Stage, run_stage, stop_together
from mlcore.learning.processes import Processes, check_share
from mlcore.pairs.source import Pair
from mlcore.progress import Progress, SilentProgress, SpanProgress

MODEL_KIND = "consistency"
MIN_PAIRS = 4
MATCHING_COST = 2.0
"""Time of an epoch of matching, in epochs of contrast."""


def train_consistency(
    pairs: Sequence[Pair],
    anchors: Mapping[TileAddress, Anchor],
    config: ConsistencyConfig,
    *,
    validation: Sequence[Pair],
    initial: ConsistencyModel | None = None,
    run_dir: Path,
    seed: int = 0,
    device: str = "cpu",
    processes: Processes | None = None,
    progress: Progress | None = None,
) -> ConsistencyModel:
    """Train both stages of U-CSA on matched pairs, going on where `run_dir` stands.

    Args:
        pairs: tiles whose map is taken to be true, at least 4; all of one size and zoom.
        anchors: the anchor of every tile of `pairs`; not asked for where `config.tile_anchors` is false.
        config: sizes, rates and options.
        validation: other matched pairs; Eq. 10 is standardised on them. Empty: on `pairs`, which flatters the model.
            Not used where training starts from `initial`, whose standardisation is kept: the folds of a region then
            score on one scale, and a handful of validation tiles would tell less than the many it was learnt on.
        initial: a model of the same sizes to start from; it is left as it is, and the schedule is `config.tuning()`.
        run_dir: for checkpoints; a folder of another run (other data, settings or initial weights) is refused.
        seed: with the same seed, data and machine the weights come out the same.
        device: "cpu" or a torch device.
        processes: who trains together, from `join_processes`; `device` is theirs then. Every process must be given the
            same data and settings, and comes out with the same model; the first alone writes to `run_dir`.
        progress: receives losses as "consistency/<name>".

    Raises:
        InvalidInputError: too few pairs, a tile without an anchor, or initial weights of another network.
        ConfigError: the settings don't go together, with one another or with the machine.
        WeightsUnavailableError, CheckpointError: published weights can't be had or used.
        StoppedError: asked to stop; call again with the same `run_dir` to go on.
    """
    progress = progress or SilentProgress()
    if len(pairs) < MIN_PAIRS:
        raise InvalidInputError(
            f"U-CSA needs at least {MIN_PAIRS} mapped tiles to train on, not {len(pairs)}: map more"
        )
    processes = processes or Processes(device)
    check_share(config.batch, config.accumulate, processes)
    torch.manual_seed(seed)
    model = _started(config, initial)
    text = build_text_encoder(
        config.text_encoder, config.text_weights, config.dimension,
        activation=config.text_activation, device=processes.device,
    )  # fmt: skip
    model.origins["text"] = text.origin.to_dict()
    for origin in model.origins.values():
        progress.report(0.0, str(Origin(**origin)))
    texts = torch.zeros(len(pairs), config.dimension)
    if config.tile_anchors:
        texts = anchor_vectors([pair.tile for pair in pairs], anchors, text)
    mark = _fingerprint(pairs, anchors, config, seed, initial, model)
    trainer = _Trainer(model.to(processes.device), PairBatches(pairs, config), texts, processes, mark)
    share = 0.98 * contrastive_share(model.config)
    for make, part in (
        (trainer.contrastive, SpanProgress(progress, 0, share)),
        (trainer.matching, SpanProgress(progress, share, 0.98)),
    ):
        run_stage(
            make(part), run_dir=run_dir, seed=seed, progress=part, figures_prefix="consistency/", processes=processes
        )
    if initial is None:  # else its own is kept, see the docstring
        matched = score_held(model, validation or pairs)
        model.set_standardisation(Standardisation.fit(matched.disc, matched.proto))
    progress.report(1.0, "consistency model trained")
    return model.eval()


def _started(config: ConsistencyConfig, initial: ConsistencyModel | None) -> ConsistencyModel:
    """A fresh network with published weights where it takes them, or initial ones and the schedule for tuning."""
    if initial is None:
        model = ConsistencyModel(config)
        encoders = [each for each in (model.image_encoder, model.map_encoder) if isinstance(each, TimmEncoder)]
        if config.image_weights and not encoders:
            raise ConfigError(f"the encoder {config.encoder!r} takes no published weights: leave image_weights empty")
        for encoder in encoders:
            model.origins["image"] = encoder.load_published(config.image_weights).to_dict()
        return model
    model = ConsistencyModel(config.tuning())
    model.origins.update(initial.origins)
    try:
        model.load_state_dict(initial.state_dict())
    except RuntimeError as error:
        raise InvalidInputError(f"the initial weights are of another consistency network: {error}") from error
    return model


def contrastive_share(config: ConsistencyConfig) -> float:
    """Share of the training's time that the first stage takes, about."""
    return config.contrastive_epochs / (config.contrastive_epochs + MATCHING_COST * config.matching_epochs)


def save_consistency(path: Path, model: ConsistencyModel, *, metrics: Mapping[str, float] | None = None) -> str:
    """Write the model to one safetensors file; returns its SHA-256."""
    meta = {"kind": MODEL_KIND, "config": model.config.to_dict(), "metrics": dict(metrics or {})}
    meta["origins"] = model.origins
    return write_tensors(path, model.to_tensors(), meta)


def load_consistency(path: Path, *, sha256: str | None = None) -> ConsistencyModel:
    """Read what `save_consistency` wrote; CheckpointError or InvalidInputError says what is wrong with the file."""
    tensors, meta = read_tensors(path, sha256=sha256)
    if meta.get("kind") != MODEL_KIND:
        raise InvalidInputError(f"{path} holds a {meta.get('kind')!r} model, not a consistency model")
    model = ConsistencyModel.from_tensors(meta["config"], tensors)
    model.origins = dict(meta.get("origins", {}))
    return model


class _Trainer:
    """The two stages of a training, over the same model and pairs."""

    def __init__(
        self, model: ConsistencyModel, batches: PairBatches, texts: Tensor, processes: Processes, mark: str
    ) -> None:
        self.model, self.config, self.batches, self.texts = model, model.config, batches, texts
        self.processes, self.mark = processes, mark

    def contrastive(self, progress: Progress) -> Stage:
        """Stage 1: every parameter (those that it doesn't touch get no gradient and stay)."""
        model, config, device = self.model, self.config, self.processes.device
        optimiser = torch.optim.AdamW(model.parameters(), config.contrastive_rate, weight_decay=config.weight_decay)
        stepper = Stepper(model, optimiser, self.processes)
        cells = cell_vectors().to(device)

        def losses(seen: Seen, batch: Batch) -> dict[str, Tensor]:
            return contrastive_losses(model, seen, batch, self.texts[batch.index.cpu()].to(device), cells)

        def run_epoch(epoch: int, generator: torch.Generator) -> dict[str, float]:
            return self._steps(stepper, generator, lambda size: losses, progress)

        return self._stage("contrastive", stepper, config.contrastive_epochs, run_epoch)

    def matching(self, progress: Progress) -> Stage:
        """Stage 2: generator, discriminator and prototypes, and the encoders where they learn on."""
        model, config = self.model, self.config
        groups = [
            {"params": list(model.matching_parameters()), "lr": config.matching_rate},
            {"params": [model.prototypes], "lr": config.prototype_rate},
        ]
        if not config.freeze_encoders:
            encoders = [*model.image_encoder.parameters(), *model.map_encoder.parameters()]
            groups.append({"params": encoders, "lr": config.matching_rate * 0.5})
        optimiser = torch.optim.AdamW(groups, weight_decay=config.weight_decay)
        stepper = Stepper(
            model, optimiser, self.processes, frozen=config.freeze_encoders, edited=config.edited_negatives
        )

        def run_epoch(epoch: int, generator: torch.Generator) -> dict[str, float]:
            def draw(size: int) -> Losses:
                offset = int(torch.randint(1, size, (1,), generator=generator))
                return lambda seen, batch: matching_losses(model, seen, batch, offset)

            return self._steps(stepper, generator, draw, progress)

        return self._stage("matching", stepper, config.matching_epochs, run_epoch)

    def _stage(self, name: str, stepper: Stepper, epochs: int, run_epoch: EpochFunction) -> Stage:
        schedule: torch.optim.lr_scheduler.LRScheduler | None = None
        if self.config.schedule == "cosine":
            schedule = torch.optim.lr_scheduler.CosineAnnealingLR(stepper.optimiser, max(epochs, 1))
        return Stage(name, self.model, stepper.optimiser, epochs, run_epoch, schedule, self.mark, stepper.scaler)

    def _steps(
        self,
        stepper: Stepper,
        generator: torch.Generator,
        draw: Callable[[int], Losses],
        progress: Progress,
    ) -> dict[str, float]:
        """One step per batch of an epoch; the mean of every figure."""
        stepper.prepare()
        sums: dict[str, float] = {}
        epoch = self.batches.epoch(
            generator, edited=stepper.edited, augment=self.config.augment, rank=self.processes.rank,
            processes=self.processes.count,
        )  # fmt: skip
        for batch in epoch:
            stop_together(progress, self.processes)
            for name, value in stepper.take(batch, draw(self.config.batch)).items():
                sums[name] = sums.get(name, 0.0) + value
        stepper.finish()
        return {name: value / self.batches.steps() for name, value in sums.items() if name != "total"}


def _fingerprint(
    pairs: Sequence[Pair],
    anchors: Mapping[TileAddress, Anchor],
    config: ConsistencyConfig,
    seed: int,
    initial: ConsistencyModel | None,
    model: ConsistencyModel,
) -> str:
    """Names data and settings, so that a run never goes on from another run's checkpoint."""
    digest = hashlib.sha256(json.dumps([config.to_dict(), seed, model.origins], sort_keys=True).encode())
    for pair in pairs:
        said = anchor_text(anchors[pair.tile]) if config.tile_anchors else ""
        digest.update(f"{pair.tile}{said}".encode())
        for plane in (pair.image, pair.map, pair.mask, pair.valid):
            digest.update(np.ascontiguousarray(plane).tobytes())
    for name, tensor in sorted(initial.to_tensors().items() if initial else ()):
        digest.update(name.encode() + tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()
