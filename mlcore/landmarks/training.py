"""Training of the heads and of the coordinates' tower, on features that the frozen towers make once."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from mlcore.errors import InvalidInputError
from mlcore.landmarks.config import LandmarkConfig
from mlcore.landmarks.features import FeatureCache, SampleFeatures
from mlcore.landmarks.gps import equal_earth
from mlcore.landmarks.losses import contrast
from mlcore.landmarks.model import LandmarkModel
from mlcore.landmarks.samples import MODALITIES, SampleSource
from mlcore.learning.loop import Stage, run_stage
from mlcore.learning.schedule import warmed_cosine
from mlcore.progress import Progress, SilentProgress, SpanProgress, stop_if_asked

GRADIENT_NORM = 1.0
LEAST_SAMPLES = 4
TRAINED_BY = ("epochs", "batch", "learning_rate", "weight_decay", "warmup", "variant", "views", "dropout", "learn")
"""Settings that a training brings along where it goes on from a model; the others are the model's."""


def train_landmarks(
    samples: SampleSource,
    config: LandmarkConfig,
    *,
    run_dir: Path,
    weights: Path | None = None,
    seed: int = 0,
    device: str = "cpu",
    progress: Progress | None = None,
) -> LandmarkModel:
    """Train, going on where `run_dir` stands.

    Args:
        samples: what is learnt from; any of the modalities may be missing of any of them.
        weights: of a model to go on from; its towers, heads and sizes are taken, and of `config` how to train.
        seed: of everything that is drawn.

    Raises:
        InvalidInputError: too few samples, or no two modalities of any kind together.
        WeightsUnavailableError, CheckpointError: the towers' weights, or the model's, can't be had or used.
        StoppedError: asked to stop; call again with the same `run_dir` to go on.
    """
    told = progress or SilentProgress()
    torch.manual_seed(seed)
    model = started(config, weights, device)
    cache = FeatureCache(run_dir / "features", f"{tower_digest(model)}/{model.config.views}")
    features = SampleFeatures(model, samples, cache, model.config.views, told)
    trainer = Trainer(model, features, told, fresh=weights is None)
    made_of = [model.config.to_dict(), seed, features.digest, model.about.get("started_from", "")]
    fingerprint = hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()
    stage = Stage("heads", trainer.learnt, trainer.optimiser, model.config.epochs, trainer.run_epoch,
                  fingerprint=fingerprint)  # fmt: skip
    run_stage(stage, run_dir=run_dir, seed=seed, progress=SpanProgress(told, 0.5, 1.0), figures_prefix="landmarks/")
    model._digest = None
    return model.eval()


def started(config: LandmarkConfig, weights: Path | None, device: str) -> LandmarkModel:
    """The model that training begins with: of published towers and fresh heads, or of a model's file."""
    if weights is None:
        return LandmarkModel(config, device=device)
    model = LandmarkModel.load(weights, device=device)
    model.about = {"started_from": model.digest}
    model.config = replace(model.config, **{name: getattr(config, name) for name in TRAINED_BY})
    for head in model.heads.values():
        head.layers[0].p = config.dropout  # type: ignore[union-attr, index]
    return model


def tower_digest(model: LandmarkModel) -> str:
    """Names the image tower, its weights and the size of pictures."""
    origin = model.image_tower.origin
    return f"{origin.model}/{origin.sha256 or origin.source}/{model.config.image_px}"


def fit_heads(model: LandmarkModel, features: SampleFeatures) -> None:
    """Let each head know mean and spread of what it will see; one that sees nothing takes the other pictures'."""
    pictures = {role: features.table[rows[rows >= 0]].flatten(0, 1) for role, rows in features.pictures.items()}
    seen = {**pictures, "text": features.text_table}
    for name, other in (("aerial", "ground"), ("ground", "aerial"), ("text", "text")):
        known = seen[name] if len(seen[name]) else seen[other]
        if len(known):
            model.heads[name].fit(known)  # type: ignore[operator]


class Trainer:
    """One model, its optimiser and the features it learns from."""

    def __init__(self, model: LandmarkModel, features: SampleFeatures, progress: Progress, *, fresh: bool) -> None:
        self.model, self.config, self.features, self.progress = model, model.config, features, progress
        has = {name: features.has(name) for name in MODALITIES}
        self.usable = np.flatnonzero(np.sum(list(has.values()), axis=0) >= 2)
        if len(self.usable) < LEAST_SAMPLES:
            raise InvalidInputError(
                f"{len(self.usable)} samples have two modalities or more, {LEAST_SAMPLES} are needed: give images "
                "together with texts or positions"
            )
        self.has = has
        if fresh:
            fit_heads(model, features)
        known = has["gps"] & (np.sum(list(has.values()), axis=0) >= 2)
        self.projected = np.zeros((len(features), 2))
        self.projected[has["gps"]] = equal_earth(features.lonlat[has["gps"]])
        model.gps_tower.remember(self.projected[known])
        self.learnt = nn.ModuleDict({name: model.part(name) for name in MODALITIES if name in self.config.learn})
        self.learnt["scale"] = model.scale
        self.optimiser = torch.optim.AdamW(
            self.learnt.parameters(), self.config.learning_rate, weight_decay=self.config.weight_decay
        )
        self.batch = min(self.config.batch, len(self.usable))
        self.steps_per_epoch = len(self.usable) // self.batch

    def run_epoch(self, epoch: int, generator: torch.Generator) -> dict[str, float]:
        """All steps of an epoch; the mean of their losses."""
        rng = np.random.default_rng(generator.initial_seed())
        order = rng.permutation(self.usable)
        figures: list[dict[str, float]] = []
        for number in range(self.steps_per_epoch):
            stop_if_asked(self.progress)
            chosen = order[number * self.batch : (number + 1) * self.batch]
            figures.append(self.step(epoch * self.steps_per_epoch + number, np.sort(chosen), rng))
        names = {name for each in figures for name in each}
        return {name: float(np.mean([each[name] for each in figures if name in each])) for name in sorted(names)}

    def step(self, step: int, chosen: np.ndarray, rng: np.random.Generator) -> dict[str, float]:
        """One step of the optimiser; the loss of each pair of modalities."""
        share = warmed_cosine(step, self.config.epochs * self.steps_per_epoch, self.config.warmup)
        for group in self.optimiser.param_groups:
            group["lr"] = self.config.learning_rate * share
        vectors = self.vectors(chosen, rng)
        groups = torch.from_numpy(self.features.groups[chosen]).to(self.model.device)
        losses = contrast(vectors, self.model.scale(), groups, self.config.variant)
        if not losses:
            return {}
        loss = torch.stack(list(losses.values())).mean()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.learnt.parameters(), GRADIENT_NORM)
        self.optimiser.step()
        return {"loss": float(loss.detach())} | {name: float(value.detach()) for name, value in losses.items()}

    def vectors(self, chosen: np.ndarray, rng: np.random.Generator) -> dict[str, tuple[Tensor, Tensor]]:
        """By modality, which of the chosen samples have it, and their vectors; views and sentences are drawn."""
        features, device = self.features, self.model.device
        found: dict[str, tuple[Tensor, Tensor]] = {}
        for role in ("aerial", "ground"):
            rows = np.flatnonzero(self.has[role][chosen])
            if len(rows):
                pictures = features.pictures[role][chosen[rows]]
                # nobody turns a street photo: its first view alone is drawn
                view = rng.integers(features.table.shape[1] if role == "aerial" else 1, size=len(rows))
                seen = features.table[torch.from_numpy(pictures), torch.from_numpy(view)].float().to(device)
                found[role] = torch.from_numpy(rows).to(device), self.model.heads[role](seen)
        rows = np.flatnonzero(self.has["text"][chosen])
        if len(rows):
            said = [features.texts[sample][rng.integers(len(features.texts[sample]))] for sample in chosen[rows]]
            found["text"] = (
                torch.from_numpy(rows).to(device),
                self.model.heads["text"](features.text_table[said].to(device)),
            )
        rows = np.flatnonzero(self.has["gps"][chosen])
        if len(rows):
            where = torch.from_numpy(self.projected[chosen[rows]])
            found["gps"] = torch.from_numpy(rows).to(device), self.model.position_vectors(where)
        return found
