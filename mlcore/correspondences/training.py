"""Training of the structure network on pairs of pictures of the same ground."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mlcore.correspondences.config import StructureConfig
from mlcore.correspondences.correlate import centred
from mlcore.correspondences.grounds import CropPair, Ground, crop_pair
from mlcore.correspondences.losses import PATCH_CELLS, WINDOW_REACH, coarse_loss, fine_loss
from mlcore.correspondences.structure import COARSE_STRIDE, FIELD_STRIDE, StructureModel
from mlcore.errors import InvalidInputError
from mlcore.learning.loop import Stage, run_stage
from mlcore.learning.precision import bfloat16_is_native
from mlcore.learning.schedule import warmed_cosine
from mlcore.pairs.prefetch import in_turn
from mlcore.progress import Progress, SilentProgress, stop_if_asked

GRADIENT_NORM = 1.0
LEAST_SEEN = 0.7  # of a patch, or it teaches nothing
WINDOW_CELLS = PATCH_CELLS + 2 * WINDOW_REACH


def train_structure(
    grounds: Sequence[tuple[Ground, float]],
    config: StructureConfig,
    *,
    run_dir: Path,
    initial: Mapping[str, Tensor] | None = None,
    seed: int = 0,
    device: str = "cpu",
    progress: Progress | None = None,
) -> StructureModel:
    """Train, going on where `run_dir` stands.

    Where a ground is not exact, its pairs teach where pictures lie as wholes, not where their patches do.

    Args:
        grounds: with the weight by which each is drawn from.
        initial: weights to start from: of a matcher, or of a trunk such as a building-evidence network of the same
            widths, whose head is left out.

    Raises:
        InvalidInputError: nothing to learn from, or weights of other widths.
        StoppedError: asked to stop; call again with the same `run_dir` to go on.
    """
    if not grounds or not any(weight > 0 for _, weight in grounds):
        raise InvalidInputError("nothing to learn from: name a place, a map or images")
    torch.manual_seed(seed)
    model = StructureModel(config).to(device)
    if initial is not None:
        _start_from(model, initial)
    trainer = _Trainer(model, grounds, config, device, progress or SilentProgress())
    epochs = -(-config.steps // config.steps_per_epoch)
    stage = Stage("structure", model, trainer.optimiser, epochs, trainer.run_epoch,
                  fingerprint=_fingerprint(config, seed, initial))  # fmt: skip
    run_stage(stage, run_dir=run_dir, seed=seed, progress=trainer.progress, figures_prefix="structure/")
    return model.eval()


class _Trainer:
    def __init__(
        self,
        model: StructureModel,
        grounds: Sequence[tuple[Ground, float]],
        config: StructureConfig,
        device: str,
        progress: Progress,
    ) -> None:
        self.model, self.config, self.device, self.progress = model, config, device, progress
        self.grounds = [ground for ground, _ in grounds]
        self.weights = np.array([weight for _, weight in grounds], np.float64) / sum(weight for _, weight in grounds)
        self.optimiser = torch.optim.AdamW(model.parameters(), config.learning_rate, weight_decay=config.weight_decay)
        self.half = bfloat16_is_native(device)

    def run_epoch(self, epoch: int, generator: torch.Generator) -> dict[str, float]:
        rng = np.random.default_rng(generator.initial_seed())
        each = self.config.steps_per_epoch
        steps = range(epoch * each, min((epoch + 1) * each, self.config.steps))
        figures: list[tuple[float, float, float]] = []
        for step, batch in zip(steps, in_turn(lambda _: self._batch(rng), steps), strict=True):
            stop_if_asked(self.progress)
            figures.append(self._step(step, batch))
        coarse, fine, near = np.mean(figures, axis=0).tolist()
        return {"coarse_loss": coarse, "fine_loss": fine, "near_share": near}

    def _batch(self, rng: np.random.Generator) -> list[tuple[CropPair, list[Sought]]]:
        """Pairs and the patches that are looked for on them: everything that is drawn by chance, in one place."""
        config, pairs = self.config, []
        for number in rng.choice(len(self.grounds), size=config.batch, p=self.weights).tolist():
            seen = self.grounds[number].draw(rng)
            pair = crop_pair(
                seen, config.crop_px, rng, turn_deg=config.turn_deg, scale_jitter=config.scale_jitter,
                shift_share=config.shift_share, seen_scale=config.seen_scale,
            )  # fmt: skip
            pairs.append((pair, list(sought(pair, config, rng)) if seen.exact else []))
        return pairs

    def _step(self, step: int, drawn: Sequence[tuple[CropPair, list[Sought]]]) -> tuple[float, float, float]:
        batch = [pair for pair, _ in drawn]
        for group in self.optimiser.param_groups:
            group["lr"] = self.config.learning_rate * warmed_cosine(step, self.config.steps, self.config.warmup)
        pictures = np.stack([pair.image for pair in batch] + [pair.map for pair in batch])
        seen = np.stack([pair.image_valid for pair in batch] + [pair.map_valid for pair in batch])
        images = torch.from_numpy(pictures).to(self.device).permute(0, 3, 1, 2).float() / 255
        with torch.autocast(torch.device(self.device).type, torch.bfloat16, enabled=self.half):
            fine_fields, coarse_fields = self.model(images)
        known = torch.from_numpy(seen).to(self.device).float()[:, None]
        count, config = len(batch), self.config
        back = torch.tensor(np.stack([pair.seen for pair in batch]), dtype=torch.float32, device=self.device)
        sides = []
        for fields, stride in ((fine_fields.float(), FIELD_STRIDE), (coarse_fields.float(), COARSE_STRIDE)):
            valid = (F.avg_pool2d(known, stride) > 0.99).float()
            turned, turned_valid = turned_back(fields[count:], valid[count:], back, stride)
            sides.append((fields[:count], valid[:count], turned, turned_valid))
        image, image_valid, maps, maps_valid = sides[1]
        coarse = coarse_loss(
            centred(image, image_valid), image_valid, centred(maps, maps_valid), maps_valid,
            _shifts(batch, config).to(self.device), self.model.log_coarse.exp(),
        )  # fmt: skip
        fine, near = self._fine(*sides[0], [places for _, places in drawn])
        loss = coarse + fine
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), GRADIENT_NORM)
        self.optimiser.step()
        return float(coarse.detach()), float(fine.detach()), float(near)

    def _fine(
        self,
        image: Tensor,
        image_valid: Tensor,
        maps: Tensor,
        maps_valid: Tensor,
        drawn: Sequence[Sequence[Sought]],
    ) -> tuple[Tensor, Tensor]:
        patches, parts, windows, seen, places = [], [], [], [], []
        for number, several in enumerate(drawn):
            for one in several:
                shown = np.s_[..., one.top : one.top + WINDOW_CELLS, one.left : one.left + WINDOW_CELLS]
                cut = np.s_[..., one.row : one.row + PATCH_CELLS, one.column : one.column + PATCH_CELLS]
                if float(maps_valid[number][cut].mean()) < LEAST_SEEN:
                    continue
                patches.append(maps[number][cut])
                parts.append(maps_valid[number][cut])
                windows.append(image[number][shown])
                seen.append(image_valid[number][shown])
                places.append(one.place)
        if not patches:
            return maps.sum() * 0, torch.tensor(0.0)
        around = torch.stack(seen)
        where = torch.tensor(np.array(places), dtype=torch.float32, device=maps.device)
        return fine_loss(
            centred(torch.stack(patches), torch.stack(parts)), centred(torch.stack(windows), around), around, where,
            self.model.log_fine.exp(),
        )  # fmt: skip


def turned_back(fields: Tensor, valid: Tensor, seen: Tensor, stride_px: int) -> tuple[Tensor, Tensor]:
    """Fields (B, C, S, S) of crops that were seen under `seen` (B, 3, 3), as if they had been seen upright.

    Returns:
        The fields, zero where the crop had nothing, and (B, 1, S, S) where it had something.
    """
    side = fields.shape[2]
    to_unit = torch.tensor([[2 / side, 0, -1], [0, 2 / side, -1], [0, 0, 1]], device=seen.device)
    to_pixels = torch.linalg.inv(to_unit) * torch.tensor([[stride_px], [stride_px], [1.0]], device=seen.device)
    theta = (torch.linalg.inv(to_pixels) @ seen @ to_pixels)[:, :2]
    grid = F.affine_grid(theta, [len(fields), 1, side, side], align_corners=False)
    both = F.grid_sample(torch.cat([fields, valid], 1), grid, align_corners=False)
    known = (both[:, -1:] > 0.99).float()
    return both[:, :-1] * known, known


def _shifts(batch: Sequence[CropPair], config: StructureConfig) -> Tensor:
    """(B, 2) by how many coarse cells the middle of the shared ground is moved from the map to the image."""
    middle = np.array([config.crop_px / 2, config.crop_px / 2, 1.0])
    moves = []
    for pair in batch:
        there = (pair.map_to_image @ middle)[:2]
        back = (np.linalg.inv(pair.map_to_image) @ middle)[:2]
        moves.append(((there - middle[:2]) + (middle[:2] - back)) / 2 / COARSE_STRIDE)
    return torch.tensor(np.array(moves), dtype=torch.float32)


@dataclass(frozen=True)
class Sought:
    """A patch of the map and the window of the image in which it lies, in cells.

    Attributes:
        row, column: of the patch's first cell; top, left: of the window's.
        place: (2,) where in the window, (x, y) of the score surface, the patch belongs.
    """

    row: int
    column: int
    top: int
    left: int
    place: np.ndarray


def sought(pair: CropPair, config: StructureConfig, rng: np.random.Generator) -> Iterator[Sought]:
    """Patches of a pair, with windows about their true place but not in their middle."""
    side = config.crop_px // FIELD_STRIDE
    half = PATCH_CELLS / 2
    for row, column in rng.integers(0, side - PATCH_CELLS + 1, (config.patches, 2)).tolist():
        middle = np.array([(column + half) * FIELD_STRIDE, (row + half) * FIELD_STRIDE, 1.0])
        at = (pair.map_to_image @ middle)[:2] / FIELD_STRIDE - half
        left, top = np.rint(at - WINDOW_REACH + rng.integers(-WINDOW_REACH + 2, WINDOW_REACH - 1, 2)).astype(int)
        if min(left, top) < 0 or max(left, top) + WINDOW_CELLS > side:
            continue
        yield Sought(row, column, int(top), int(left), at - (left, top))


def _start_from(model: StructureModel, initial: Mapping[str, Tensor]) -> None:
    whole = "coarse_head.weight" in initial
    trunk = {name: value for name, value in initial.items() if whole or not name.startswith("head.")}
    try:
        model.load_state_dict(trunk, strict=False)
    except RuntimeError as error:
        raise InvalidInputError(f"the initial weights are of a trunk of other widths: {error}") from error


def _fingerprint(config: StructureConfig, seed: int, initial: Mapping[str, Tensor] | None) -> str:
    start = sorted(initial) if initial is not None else []
    text = json.dumps([config.to_dict(), seed, start], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
