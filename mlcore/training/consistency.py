"""Trains U-CSA: anchored contrast, then adversarial matching, then the standardisation of its score."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from mlcore.anchors.schema import Anchor, anchor_text
from mlcore.consistency.batches import Batch, PairBatches
from mlcore.consistency.config import ConsistencyConfig
from mlcore.consistency.model import ConsistencyModel
from mlcore.consistency.scan import score_held
from mlcore.consistency.score import Standardisation
from mlcore.consistency.stages import anchor_vectors, cell_vectors, contrastive_step, matching_step
from mlcore.errors import InvalidInputError
from mlcore.geometry.webmercator import TileAddress
from mlcore.progress import Progress, SilentProgress, SpanProgress, stop_if_asked
from mlcore.tiles.pairs import Pair
from mlcore.training.checkpoints import read_tensors, write_tensors
from mlcore.training.evidence import bfloat16_is_native
from mlcore.training.loop import Stage, run_stage

MODEL_KIND = "consistency"
MIN_PAIRS = 4
MATCHING_COST = 2.0
"""Time of an epoch of matching, in epochs of contrast."""
GRADIENT_NORM = 5.0


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
    progress: Progress | None = None,
) -> ConsistencyModel:
    """Train both stages of U-CSA on matched pairs, going on where `run_dir` stands.

    Args:
        pairs: tiles whose map is taken to be true, at least 4; all of one size and zoom.
        anchors: the anchor of every tile of `pairs`.
        config: sizes, rates and options.
        validation: other matched pairs; Eq. 10 is standardised on them. Empty: on `pairs`, which flatters the model.
        initial: a model of the same sizes to start from; it is left as it is, and the schedule is `config.tuning()`.
        run_dir: for checkpoints; a folder of another run (other data, settings or initial weights) is refused.
        seed: with the same seed, data and machine the weights come out the same.
        device: "cpu" or a torch device.
        progress: receives losses as "consistency/<name>".

    Raises:
        InvalidInputError: too few pairs, a tile without an anchor, or initial weights of another network.
        StoppedError: asked to stop; call again with the same `run_dir` to go on.
    """
    progress = progress or SilentProgress()
    if len(pairs) < MIN_PAIRS:
        raise InvalidInputError(
            f"U-CSA needs at least {MIN_PAIRS} mapped tiles to train on, not {len(pairs)}: map more"
        )
    torch.manual_seed(seed)
    model = _started(config, initial).to(device)
    texts = anchor_vectors([pair.tile for pair in pairs], anchors, config.dimension)
    batches = PairBatches(pairs, config)
    mark = _fingerprint(pairs, anchors, config, seed, initial)
    share = 0.98 * contrastive_share(model.config)
    stages = (
        _contrastive_stage(model, batches, texts, mark, device, SpanProgress(progress, 0, share)),
        _matching_stage(model, batches, mark, device, SpanProgress(progress, share, 0.98)),
    )
    for stage, part in stages:
        run_stage(stage, run_dir=run_dir, seed=seed, progress=part, figures_prefix="consistency/")
    matched = score_held(model, validation or pairs)
    model.set_standardisation(Standardisation.fit(matched.disc, matched.proto))
    progress.report(1.0, "consistency model trained")
    return model.eval()


def _started(config: ConsistencyConfig, initial: ConsistencyModel | None) -> ConsistencyModel:
    """A fresh network, or one with the initial weights and the schedule for tuning them."""
    if initial is None:
        return ConsistencyModel(config)
    model = ConsistencyModel(config.tuning())
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
    return write_tensors(path, model.to_tensors(), meta)


def load_consistency(path: Path, *, sha256: str | None = None) -> ConsistencyModel:
    """Read what `save_consistency` wrote; CheckpointError or InvalidInputError says what is wrong with the file."""
    tensors, meta = read_tensors(path, sha256=sha256)
    if meta.get("kind") != MODEL_KIND:
        raise InvalidInputError(f"{path} holds a {meta.get('kind')!r} model, not a consistency model")
    return ConsistencyModel.from_tensors(meta["config"], tensors)


def _contrastive_stage(
    model: ConsistencyModel, batches: PairBatches, texts: Tensor, mark: str, device: str, progress: Progress
) -> tuple[Stage, Progress]:
    config = model.config
    optimiser = torch.optim.AdamW(model.parameters(), config.contrastive_rate, weight_decay=config.weight_decay)
    cells = cell_vectors().to(device)

    def run_epoch(epoch: int, generator: torch.Generator) -> dict[str, float]:
        def step(batch: Batch) -> dict[str, Tensor]:
            return contrastive_step(model, batch, texts[batch.index.cpu()].to(device), cells)

        epoch_batches = batches.epoch(generator, edited=False)
        return _take_steps(step, epoch_batches, optimiser, model, device, progress)

    return _stage("contrastive", model, optimiser, config.contrastive_epochs, run_epoch, mark), progress


def _matching_stage(
    model: ConsistencyModel, batches: PairBatches, mark: str, device: str, progress: Progress
) -> tuple[Stage, Progress]:
    config = model.config
    groups = [
        {"params": list(model.matching_parameters()), "lr": config.matching_rate},
        {"params": [model.prototypes], "lr": config.prototype_rate},
    ]
    encoders = [model.image_encoder, model.map_encoder]
    if not config.freeze_encoders:
        groups.append({"params": [p for each in encoders for p in each.parameters()], "lr": config.matching_rate * 0.5})
    optimiser = torch.optim.AdamW(groups, weight_decay=config.weight_decay)

    def run_epoch(epoch: int, generator: torch.Generator) -> dict[str, float]:
        if config.freeze_encoders:
            for encoder in encoders:
                encoder.eval()

        def step(batch: Batch) -> dict[str, Tensor]:
            offset = int(torch.randint(1, len(batch.index), (1,), generator=generator))
            return matching_step(model, batch, offset)

        epoch_batches = batches.epoch(generator, edited=config.edited_negatives)
        return _take_steps(step, epoch_batches, optimiser, model, device, progress)

    return _stage("matching", model, optimiser, config.matching_epochs, run_epoch, mark), progress


def _stage(
    name: str,
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    epochs: int,
    run_epoch: Callable[[int, torch.Generator], dict[str, float]],
    mark: str,
) -> Stage:
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, max(epochs, 1))
    return Stage(name, model, optimiser, epochs, run_epoch, schedule, mark)


def _take_steps(
    step: Callable[[Batch], dict[str, Tensor]],
    batches: Iterable[Batch],
    optimiser: torch.optim.Optimizer,
    model: ConsistencyModel,
    device: str,
    progress: Progress,
) -> dict[str, float]:
    """One optimiser step per batch; the mean of every figure."""
    sums: dict[str, float] = {}
    count = 0
    half = model.config.half_precision and bfloat16_is_native(device)
    for batch in batches:
        stop_if_asked(progress)
        with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=half):
            figures = step(Batch(*(getattr(batch, name).to(device) for name in Batch.__dataclass_fields__)))
        optimiser.zero_grad(set_to_none=True)
        figures["total"].backward()
        nn.utils.clip_grad_norm_(model.parameters(), GRADIENT_NORM)
        optimiser.step()
        for name, value in figures.items():
            sums[name] = sums.get(name, 0.0) + float(value.detach())
        count += 1
    return {name: value / count for name, value in sums.items() if name != "total"}


def _fingerprint(
    pairs: Sequence[Pair],
    anchors: Mapping[TileAddress, Anchor],
    config: ConsistencyConfig,
    seed: int,
    initial: ConsistencyModel | None,
) -> str:
    """Names data and settings, so that a run never goes on from another run's checkpoint."""
    digest = hashlib.sha256(json.dumps([config.to_dict(), seed], sort_keys=True).encode())
    for pair in pairs:
        digest.update(f"{pair.tile}{anchor_text(anchors[pair.tile])}".encode())
        for plane in (pair.image, pair.map, pair.mask, pair.valid):
            digest.update(np.ascontiguousarray(plane).tobytes())
    for name, tensor in sorted(initial.to_tensors().items() if initial else ()):
        digest.update(name.encode() + tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()
