"""Training of the heads and of the coordinates' tower, on features that the frozen towers make once."""

from __future__ import annotations

import copy
import hashlib
import json
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from mlcore.errors import InvalidInputError
from mlcore.landmarks.config import LandmarkConfig
from mlcore.landmarks.features import FeatureCache, SampleFeatures
from mlcore.landmarks.gps import equal_earth
from mlcore.landmarks.heads import Head
from mlcore.landmarks.losses import contrast
from mlcore.landmarks.model import LandmarkModel
from mlcore.landmarks.nonsense import read_nonsense, sensible_names
from mlcore.landmarks.samples import MODALITIES, SampleSource
from mlcore.learning.loop import Stage, run_stage
from mlcore.learning.schedule import warmed_cosine
from mlcore.progress import Progress, SilentProgress, SpanProgress, stop_if_asked

GRADIENT_NORM = 1.0
LEAST_SAMPLES = 4
TRAINED_BY = (
    "epochs", "position_epochs", "batch", "learning_rate", "weight_decay", "warmup", "variant", "views", "dropout",
    "learn",
)  # fmt: skip
"""Settings that a training brings along where it goes on from a model; the others are the model's."""
KEPT_TOLD = ("floors", "floor_shares", "held_out", "positions_from")
"""What is told of a model, and stays true where training goes on from it."""


def train_landmarks(
    samples: SampleSource,
    config: LandmarkConfig,
    *,
    run_dir: Path,
    weights: Path | None = None,
    seed: int = 0,
    device: str = "cpu",
    progress: Progress | None = None,
    features_dir: Path | None = None,
) -> LandmarkModel:
    """Train, going on where `run_dir` stands.

    Args:
        samples: what is learnt from; any of the modalities may be missing of any of them.
        features_dir: where what the towers say of pictures is kept, for several runs; None: in `run_dir`.
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
    cache = FeatureCache(features_dir or run_dir / "features", f"{tower_digest(model)}/{model.config.views}")
    features = SampleFeatures(model, samples, cache, model.config.views, told)
    # where nothing was ever learnt of ground photos, they are read as aerial images are
    as_aerial = not features.has("ground").any() and (weights is None or model.reads_ground_as_aerial)
    if weights is None:
        fit_heads(model, features, seed)
    stages = stages_of(model, features)
    made_of = [model.config.to_dict(), seed, features.digest, model.about.get("started_from", "")]
    fingerprint = hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()
    for number, (name, plan) in enumerate(stages.items()):
        trainer = Trainer(model.eval(), features, told, plan)
        stage = Stage(name, trainer.learnt, trainer.optimiser, plan.epochs, trainer.run_epoch, fingerprint=fingerprint)
        span = SpanProgress(told, 0.5 + 0.5 * number / len(stages), 0.5 + 0.5 * (number + 1) / len(stages))
        run_stage(stage, run_dir=run_dir, seed=seed, progress=span, figures_prefix="landmarks/")
    if as_aerial:
        model.heads["ground"] = copy.deepcopy(model.heads["aerial"])
    model._digest = None
    return model.eval()


def started(config: LandmarkConfig, weights: Path | None, device: str) -> LandmarkModel:
    """The model that training begins with: of published towers and fresh heads, or of a model's file."""
    if weights is None:
        return LandmarkModel(config, device=device)
    model = LandmarkModel.load(weights, device=device)
    kept = {name: value for name, value in model.about.items() if name in KEPT_TOLD}
    model.about = {**kept, "started_from": model.digest}
    model.config = replace(model.config, **{name: getattr(config, name) for name in TRAINED_BY})
    for head in model.heads.values():
        head.layers[0].p = config.dropout  # type: ignore[union-attr, index]
    return model


def tower_digest(model: LandmarkModel) -> str:
    """Names the image tower, its weights and the size of pictures."""
    origin = model.image_tower.origin
    return f"{origin.model}/{origin.sha256 or origin.source}/{model.config.image_px}"


def fit_heads(model: LandmarkModel, features: SampleFeatures, seed: int) -> None:
    """Let each head know what it will see: mean and spread, what is learnt of each kind, and what makes no sense.

    One that sees nothing takes what the other pictures' head sees.
    """
    rng, most = np.random.default_rng(seed), model.config.anchors
    pictures = {role: features.table[rows[rows >= 0]] for role, rows in features.pictures.items()}
    for name, other in (("aerial", "ground"), ("ground", "aerial")):
        head, own = cast(Head, model.heads[name]), name if len(pictures[name]) else other
        if len(pictures[own]):
            head.fit(pictures[own].flatten(0, 1))
            of = features.groups[features.pictures[own] >= 0]
            head.novelty.fit(head.unit(pictures[own][:, 0].float().to(model.device)).cpu(), of, rng, most)
    text = cast(Head, model.heads["text"])
    if len(features.text_table):
        text.fit(features.text_table)
        said = {(row, group) for rows, group in zip(features.texts, features.groups, strict=True) for row in rows}
        count = Counter(row for row, _ in said)
        rows, of = np.array(sorted(one for one in said if count[one[0]] == 1), np.int64).reshape(-1, 2).T
        text.novelty.fit(text.unit(features.text_table[rows].to(model.device)).cpu(), of, rng, most)
        if model.config.nonsense:
            names = model.text_features(sensible_names())
            some = features.text_table[rng.permutation(len(features.text_table))[: len(names)]]
            known, strange = torch.cat([some.to(model.device), names]), model.text_features(read_nonsense("learn"))
            text.nonsense.fit(text.unit(known), text.unit(strange), rng)


@dataclass(frozen=True)
class Plan:
    """One stage of training.

    Attributes:
        learn: whose heads are trained (of gps: its tower); the others stand still.
        of: the modalities that are contrasted.
        epochs: how many.
        usable: numbers of the samples that have two of them or more, and a position where positions alone are learnt.
    """

    learn: tuple[str, ...]
    of: tuple[str, ...]
    epochs: int
    usable: np.ndarray


def stages_of(model: LandmarkModel, features: SampleFeatures) -> dict[str, Plan]:
    """What is trained, one after the other, by name: the heads, then the tower of coordinates; or all of it at once.

    A stage with too few samples is left out: photos of land use have no positions, and a region may have no map.

    Raises:
        InvalidInputError: there are too few for any.
    """
    config = model.config
    has: dict[str, np.ndarray] = {name: features.has(name) for name in MODALITIES}
    pictured = tuple(name for name in MODALITIES if name != "gps")
    of_heads = tuple(name for name in config.learn if name != "gps")
    wanted: list[tuple[str, tuple[str, ...], tuple[str, ...], int]] = []
    if of_heads:
        wanted.append(("heads", of_heads, pictured, config.epochs))
    if "gps" in config.learn:
        wanted.append(("positions", ("gps",), MODALITIES, config.position_epochs))
    if not config.position_epochs:
        wanted = [("heads", config.learn, MODALITIES, config.epochs)]
    most, stages = 0, {}
    for name, learn, of, epochs in wanted:
        there = np.sum([has[one] for one in of], axis=0) >= 2
        usable = np.flatnonzero(there & has["gps"] if learn == ("gps",) else there)
        most = max(most, len(usable))
        if len(usable) >= LEAST_SAMPLES:
            stages[name] = Plan(learn, of, epochs, usable)
    if not stages:
        raise InvalidInputError(
            f"{most} samples have two modalities or more of what is to be learnt, {LEAST_SAMPLES} are needed: give "
            "images together with texts or positions"
        )
    known = has["gps"] & (np.sum(list(has.values()), axis=0) >= 2)
    model.gps_tower.remember(equal_earth(features.lonlat[known]))
    return stages


class Trainer:
    """One model, its optimiser and the features it learns from, for one stage."""

    def __init__(self, model: LandmarkModel, features: SampleFeatures, progress: Progress, plan: Plan) -> None:
        self.model, self.config, self.features, self.progress = model, model.config, features, progress
        self.plan, self.usable = plan, plan.usable
        self.has = {name: features.has(name) & (name in plan.of) for name in MODALITIES}
        self.projected = np.zeros((len(features), 2))
        self.projected[self.has["gps"]] = equal_earth(features.lonlat[self.has["gps"]])
        self.learnt = nn.ModuleDict({name: model.part(name) for name in plan.learn})
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
        share = warmed_cosine(step, self.plan.epochs * self.steps_per_epoch, self.config.warmup)
        for group in self.optimiser.param_groups:
            group["lr"] = self.config.learning_rate * share
        vectors = self.vectors(chosen, rng)
        groups = torch.from_numpy(self.features.groups[chosen]).to(self.model.device)
        losses = contrast(vectors, self.model.scale(), groups, self.config.variant)
        if self.plan.learn == ("gps",):  # what the others are to each other stands
            losses = {name: loss for name, loss in losses.items() if "gps" in name}
        if not losses:
            return {}
        loss = torch.stack(list(losses.values())).mean()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.learnt.parameters(), GRADIENT_NORM)
        self.optimiser.step()
        return {"loss": float(loss.detach())} | {name: float(value.detach()) for name, value in losses.items()}

    def head(self, name: str) -> Head:
        return cast(Head, self.model.heads[name])

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
                found[role] = torch.from_numpy(rows).to(device), self.head(role).learnt(seen)
        rows = np.flatnonzero(self.has["text"][chosen])
        if len(rows):
            said = [features.texts[sample][rng.integers(len(features.texts[sample]))] for sample in chosen[rows]]
            found["text"] = (
                torch.from_numpy(rows).to(device),
                self.head("text").learnt(features.text_table[said].to(device)),
            )
        rows = np.flatnonzero(self.has["gps"][chosen])
        if len(rows):
            where = torch.from_numpy(self.projected[chosen[rows]])
            found["gps"] = torch.from_numpy(rows).to(device), self.model.position_vectors(where)
        for name in set(found) - set(self.plan.learn):
            found[name] = found[name][0], found[name][1].detach()
        return found
