"""Training of the locator on pictures of the ground, seen at any angle and as bases (TopicGeo, Section 3.5)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from mlcore.errors import InvalidInputError
from mlcore.geolocation import losses
from mlcore.geolocation.assignment import Assignment, assign_cells, moved
from mlcore.geolocation.coarse import dual_softmax, similarity
from mlcore.geolocation.config import CELL_PX, FINE_PX, WINDOW_PX, GeolocationConfig
from mlcore.geolocation.features import to_images
from mlcore.geolocation.fine import expected_places, window_centres, window_tables, within
from mlcore.geolocation.grounds import PictureGround, TrainingPair, draw_pair
from mlcore.geolocation.lessons import Lesson, distilled, from_labels, token_weights
from mlcore.geolocation.model import LocatorModel, Tokens, valid_cells
from mlcore.geolocation.teachers import ClassTeacher, ClipTeacher, Teacher
from mlcore.geolocation.topics import read_prompts
from mlcore.learning.loop import Stage, run_stage
from mlcore.learning.schedule import warmed_cosine
from mlcore.pairs.prefetch import prefetched
from mlcore.progress import Progress, SilentProgress, stop_if_asked

GRADIENT_NORM = 1.0
EARLY_SHARE = 0.2
"""Until then the teacher's distribution weighs the tokens, afterwards the topics' own (TopicGeo, below Eq. 12)."""
EARLY_BATCH = 8
FINE_PAIRS, FINE_POINTS = 3, 96
"""Pairs of a step that learn the fine levels, and points of each."""


def train_locator(
    grounds: Sequence[tuple[PictureGround, float]],
    config: GeolocationConfig,
    *,
    run_dir: Path,
    weights: str | None = None,
    seed: int = 0,
    device: str = "cpu",
    progress: Progress | None = None,
) -> LocatorModel:
    """Train, going on where `run_dir` stands.

    Args:
        grounds: with the weight by which each is drawn from.
        weights: of the encoder, where it starts from published ones (see `encoder.Pretrained.start`).

    Raises:
        InvalidInputError: nothing to learn from.
        WeightsUnavailableError, CheckpointError: the encoder's weights can't be had.
        StoppedError: asked to stop; call again with the same `run_dir` to go on.
    """
    if not grounds or not any(weight > 0 for _, weight in grounds):
        raise InvalidInputError("nothing to learn from: name a place, or a folder of photos")
    torch.manual_seed(seed)
    model = LocatorModel(config)
    model.start(weights)
    teacher = teacher_of(model.to(device), [ground for ground, _ in grounds])
    trainer = Trainer(model, grounds, teacher, progress or SilentProgress())
    epochs = -(-config.steps // trainer.steps_per_epoch)
    fingerprint = hashlib.sha256(json.dumps([config.to_dict(), seed], sort_keys=True).encode()).hexdigest()
    stage = Stage("locator", model, trainer.optimiser, epochs, trainer.run_epoch, fingerprint=fingerprint)
    run_stage(stage, run_dir=run_dir, seed=seed, progress=trainer.progress, figures_prefix="locator/")
    model._digest = None
    return model.eval()


def teacher_of(model: LocatorModel, grounds: Sequence[PictureGround]) -> Teacher | None:
    """Who teaches the topics, by the settings; None: the photos' labels alone, or nobody."""
    config = model.config
    if not config.topics or not (config.distillation or config.weighted) or config.teacher == "labels":
        return None
    if config.teacher == "clip":
        return ClipTeacher(config, str(model.device))
    return ClassTeacher(model.trunk, grounds, config)


class Trainer:
    """One model, its optimiser and where its pairs come from."""

    def __init__(
        self, model: LocatorModel, grounds: Sequence[tuple[PictureGround, float]], teacher: Teacher | None = None,
        progress: Progress | None = None,
    ) -> None:  # fmt: skip
        self.model, self.config, self.teacher = model, model.config, teacher
        self.progress: Progress = progress or SilentProgress()
        self.grounds = [ground for ground, _ in grounds]
        self.weights = np.array([weight for _, weight in grounds], np.float64) / sum(weight for _, weight in grounds)
        self.optimiser = torch.optim.AdamW(
            [value for value in model.parameters() if value.requires_grad],
            self.config.learning_rate, weight_decay=self.config.weight_decay,
        )  # fmt: skip
        self.steps_per_epoch = self.config.pairs_per_epoch // self.config.batch * self.config.passes
        self.category_of = torch.tensor(read_prompts(self.config.prompts).category_of, device=model.device)

    def run_epoch(self, epoch: int, generator: torch.Generator) -> dict[str, float]:
        """All steps of an epoch over pairs drawn for it; the mean figures of its steps."""
        config, rng = self.config, np.random.default_rng(generator.initial_seed())
        pairs = self.draw(rng)
        early = [self._early(pairs, part) for part in ("query", "base")] if config.frozen else None
        lesson = self._lesson(pairs)
        figures: list[dict[str, float]] = []
        for _ in range(config.passes):
            order = rng.permutation(len(pairs))
            for start in range(0, len(order), config.batch):
                stop_if_asked(self.progress)
                chosen = order[start : start + config.batch].tolist()
                stems = None if early is None else [each[chosen] for each in early]
                step = epoch * self.steps_per_epoch + len(figures)
                heard = None if lesson is None else lesson.of(chosen)
                figures.append(self.step(step, [pairs[number] for number in chosen], stems, heard, rng))
        return {name: float(np.mean([one[name] for one in figures])) for name in figures[0]}

    def draw(self, rng: np.random.Generator) -> list[TrainingPair]:
        """The pairs of an epoch; each from a generator of its own, so that threads may cut them."""
        count = self.config.pairs_per_epoch
        numbers = rng.choice(len(self.grounds), size=count, p=self.weights).tolist()
        seeds = rng.integers(2**63, size=count).tolist()
        jobs = list(zip(numbers, seeds, strict=True))
        return list(
            prefetched(
                lambda job: draw_pair(self.grounds[job[0]], self.config, np.random.default_rng(job[1])), jobs, workers=1
            )
        )

    @torch.no_grad()
    def _early(self, pairs: list[TrainingPair], part: str) -> Tensor:
        """What the frozen stages make of every picture, in half precision."""
        made = []
        for start in range(0, len(pairs), EARLY_BATCH):
            images = to_images([getattr(pair, part) for pair in pairs[start : start + EARLY_BATCH]], self.model.device)
            made.append(self.model.trunk.early(images)[1].half())
        return torch.cat(made)

    def _lesson(self, pairs: list[TrainingPair]) -> Lesson | None:
        """What the teacher says of every query; None where their labels are all there is."""
        if self.teacher is None:
            return None
        heard = [
            self.teacher(to_images([pair.query for pair in pairs[start : start + EARLY_BATCH]], self.model.device))
            for start in range(0, len(pairs), EARLY_BATCH)
        ]
        known = torch.ones(len(pairs), dtype=torch.bool, device=self.model.device)
        return Lesson(torch.cat([each[0] for each in heard]), torch.cat([each[1] for each in heard]), known)

    def step(
        self, step: int, pairs: list[TrainingPair], stems: list[Tensor] | None, lesson: Lesson | None,
        rng: np.random.Generator,
    ) -> dict[str, float]:  # fmt: skip
        """One step of the optimiser; the losses, and how much was found."""
        share = warmed_cosine(step, self.config.steps, self.config.warmup)
        for group in self.optimiser.param_groups:
            group["lr"] = self.config.learning_rate * share
        parts, found = self.losses(pairs, stems, lesson, rng, early=step < EARLY_SHARE * self.config.steps)
        loss = losses.total_loss(parts["distillation"], parts["coarse"] + parts["extra"], parts["fine"])
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), GRADIENT_NORM)
        self.optimiser.step()
        return {"loss": float(loss.detach())} | {name: float(value.detach()) for name, value in parts.items()} | found

    def losses(
        self, pairs: list[TrainingPair], stems: list[Tensor] | None, lesson: Lesson | None, rng: np.random.Generator,
        *, early: bool,
    ) -> tuple[dict[str, Tensor], dict[str, float]]:  # fmt: skip
        """The terms of Eq. 15, the extra ones that the paper does not have, and shares of what was found."""
        config, model = self.config, self.model
        keep = "both"
        if config.topics and config.context and rng.random() < config.masking:
            keep = ("topics", "context")[int(rng.integers(2))]
        query, query_valid, shape = self._tokens(pairs, "query", stems[0] if stems else None, keep)
        base, base_valid, base_shape = self._tokens(pairs, "base", stems[1] if stems else None, keep)
        matrix = torch.tensor(np.stack([pair.matrix for pair in pairs]), dtype=torch.float32, device=model.device)
        truth = assign_cells(matrix, query_valid.reshape(-1, *shape), base_valid.reshape(-1, *base_shape), CELL_PX,
                             centres=config.centre_assignment)  # fmt: skip
        table = similarity(query.tokens, base.tokens, model.token_scale.exp())
        forth, back = dual_softmax(table, query_valid, base_valid, model.alone)
        lesson = lesson or from_labels(pairs, (shape[0] // 2) * (shape[1] // 2), self.category_of)
        weights = token_weights(model, query, shape, lesson, early=early)
        parts = {
            "coarse": losses.coarse_loss(forth, back, truth, weights, config.focal_alpha, config.focal_gamma),
            "distillation": distilled(model, query, shape, lesson),
            "fine": self._fine(pairs, rng) if config.fine_matching else table.new_zeros(()),
            "extra": self._extra(query, base, query_valid, base_valid, truth),
        }
        with torch.no_grad():
            right = (forth.argmax(dim=2, keepdim=True) == truth.forth.float().argmax(dim=2, keepdim=True))[..., 0]
            asked = truth.forth.any(dim=2)
            nearest = (query.descriptor @ base.descriptor.T).argmax(dim=1) == torch.arange(len(pairs))
            found = {
                "tokens_found": float((right & asked).sum() / asked.sum().clamp(min=1)),
                "bases_found": float(nearest.float().mean()),
            }
        return parts, found

    def _tokens(
        self, pairs: list[TrainingPair], part: str, stems: Tensor | None, keep: str
    ) -> tuple[Tokens, Tensor, tuple[int, int]]:
        device = self.model.device
        if stems is None:
            stems = self.model.trunk.early(to_images([getattr(pair, part) for pair in pairs], device))[1]
        cells = self.model.trunk.late(stems.float())[1]
        valid = valid_cells(torch.from_numpy(np.stack([getattr(pair, f"{part}_valid") for pair in pairs])).to(device))
        return self.model.tokens(cells, valid, keep=keep), valid.flatten(1), (cells.shape[2], cells.shape[3])

    def _extra(self, query: Tokens, base: Tokens, query_valid: Tensor, base_valid: Tensor, truth: Assignment) -> Tensor:
        """Contrast over the batch: of tokens, and of descriptors."""
        config, model = self.config, self.model
        extra = query.tokens.new_zeros(())
        if config.contrast:
            extra = extra + config.contrast * losses.contrast_loss(
                query.tokens, base.tokens, query_valid, base_valid, truth, model.token_scale.exp(), model.alone
            )
        if config.descriptor_weight:
            extra = extra + config.descriptor_weight * losses.descriptor_loss(query.descriptor, base.descriptor)
        return extra

    def _fine(self, pairs: list[TrainingPair], rng: np.random.Generator) -> Tensor:
        """L_f of some of the pairs (Eq. 13-14)."""
        config, model = self.config, self.model
        some = [pairs[number] for number in rng.permutation(len(pairs))[:FINE_PAIRS].tolist()]
        count = len(some)
        images = to_images([pair.near_query for pair in some] + [pair.near_base for pair in some], model.device)
        windows, fine = model.dense(images)
        assert windows is not None  # noqa: S101 - narrows the type
        shape = (windows.shape[2], windows.shape[3])
        valid = torch.from_numpy(np.stack([pair.near_valid for pair in some])).to(model.device)
        seen = nn.functional.avg_pool2d(valid[:, None].float(), WINDOW_PX)[:, 0] > 0.9
        matrix = torch.tensor(np.stack([pair.near_matrix for pair in some]), dtype=torch.float32, device=model.device)
        truth = assign_cells(matrix, seen, torch.ones_like(seen), WINDOW_PX, centres=config.centre_assignment)
        reach = within(shape, config.window).to(model.device)
        truth = Assignment(truth.forth & reach, truth.back & reach, truth.near)
        forth, back = window_tables(windows[:count], windows[count:], model.window_scale.exp(), config.window)
        window = losses.window_loss(forth, back, truth, config.focal_alpha, config.focal_gamma)
        centres = window_centres(shape).to(model.device)
        there = moved(matrix, centres)
        parts = []
        for number in range(count):
            rows = truth.forth[number].any(dim=1).nonzero()[:, 0]
            rows = rows[torch.from_numpy(rng.permutation(len(rows))[:FINE_POINTS]).to(rows.device)]
            start = there[number][rows]
            jitter = torch.from_numpy(rng.uniform(-1, 1, (len(rows), 2))).to(start) * (config.fine_window - 1) * FINE_PX
            found, spread = expected_places(
                fine[number], fine[count + number], centres[rows], start + jitter, model.fine_scale.exp(),
                config.fine_window,
            )  # fmt: skip
            parts.append(losses.expectation_loss(found / FINE_PX, start / FINE_PX, spread))
        return losses.fine_loss(window, torch.stack(parts).mean())
