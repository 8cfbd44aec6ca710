"""B8: training steps per second of U-CSA against the bare forward and backward passes on ready tensors.

    python benchmarks/train_speed.py [--device cuda] [--threads 2] [--steps 12]

The same network, batch, losses and precision on both sides, on drawn tiles of 256 px:

* bare: encode, loss and backward on a batch that lies ready on the device. Nothing is loaded, turned, edited or
  recoloured, and no weight changes.
* step: the batch is cut, turned, edited and recoloured from pairs in memory, moved to the device, and the optimiser
  takes its step, as training does it.

Rounds alternate bare, step, bare ... bare, each of `--steps` batches; a round of steps is held against the mean of the
bare rounds around it, and medians count. `..._ratio` is bare seconds divided by step seconds: 1 would mean that
everything beside the networks costs nothing. `..._cpu_ratio` is the same in processor seconds of all threads, which a
busy machine hardly moves. `compact` is measured for both stages (stage 1 trains the encoders, stage
2 everything, with edited maps). `paper` takes few steps with random weights: WideResNet-50 at 256 px is meant for a
GPU; there its whole batch of 64 is used, on a CPU `paper_batch`.

On CUDA, `..._share_of_matrix_rate` is the floating-point work of the bare passes (counted by torch) per second,
divided by the rate of a large matrix product in the same precision, measured in the same run.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.common import write_result
from mlcore.consistency.batches import Batch, PairBatches
from mlcore.consistency.config import ConsistencyConfig
from mlcore.consistency.model import ConsistencyModel
from mlcore.consistency.stages import Seen, cell_vectors, contrastive_losses, matching_losses
from mlcore.consistency.steps import Stepper
from mlcore.geometry.webmercator import TileAddress
from mlcore.learning.processes import Processes
from mlcore.pairs.source import Pair

MATRIX = 4096
STAGES = ("contrastive", "matching")


def main() -> int:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2, help="of the networks, on both sides")
    parser.add_argument("--steps", type=int, default=4, help="batches of a round, compact preset")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--paper-batch", type=int, default=2, help="on a CPU; 0 leaves the paper preset out")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    pairs = drawn_pairs(64)
    cuda = torch.device(args.device).type == "cuda"
    figures: dict[str, float] = {}
    for stage in STAGES:
        figures |= measure("compact", ConsistencyConfig.preset("compact"), stage, pairs, args)
    if cuda or args.paper_batch:
        settings = {"batch": 64 if cuda else args.paper_batch}
        args.steps, args.rounds = (8, 3) if cuda else (1, 1)
        for stage in STAGES:
            figures |= measure("paper", ConsistencyConfig.preset("paper", **settings), stage, pairs, args)
        figures["paper_batch"] = settings["batch"]
    figures |= {"threads": args.threads, "load_average": round(os.getloadavg()[0], 1)}
    write_result("train_speed" + ("_cuda" if cuda else ""), figures, seeds=[0])
    return 0


def measure(
    name: str, config: ConsistencyConfig, stage: str, pairs: list[Pair], args: argparse.Namespace
) -> dict[str, float]:
    """Figures of one preset and stage, named "<preset>_<stage>_..."."""
    side = Side(config, stage, pairs, args.device)
    flops = side.flops()
    if args.rounds > 1:
        side.steps(1)
    bare, steps = [seconds(side.bare, args.steps, args.device)], []
    for _ in range(args.rounds):
        steps.append(seconds(side.steps, args.steps, args.device))
        bare.append(seconds(side.bare, args.steps, args.device))
    ratio, cpu_ratio = np.median((np.array(bare[:-1]) + np.array(bare[1:])) / 2 / np.array(steps), axis=0).tolist()
    per_step, per_bare = (float(np.median(each, axis=0)[0]) / args.steps for each in (steps, bare))
    found = {
        "ratio": ratio, "cpu_ratio": cpu_ratio, "steps_per_s": 1 / per_step, "bare_steps_per_s": 1 / per_bare,
        "pairs_per_s": config.batch / per_step, "gflop_per_step": flops / 1e9,
    }  # fmt: skip
    if torch.device(args.device).type == "cuda":
        rate = matrix_rate(side.stepper.precision or torch.float32, args.device)
        found |= {"matrix_tflops": rate / 1e12, "share_of_matrix_rate": flops / per_bare / rate}
    print(
        f"{name} {stage}: {found['pairs_per_s']:.2f} pairs/s, ratio {ratio:.2f}, of processors {cpu_ratio:.2f}",
        file=sys.stderr,
    )
    return {f"{name}_{stage}_{key}": round(value, 3) for key, value in found.items()}


class Side:
    """One stage of one preset: its steps, and the bare passes on a batch that is ready."""

    def __init__(self, config: ConsistencyConfig, stage: str, pairs: list[Pair], device: str) -> None:
        torch.manual_seed(0)
        matching = stage == "matching"
        self.model = ConsistencyModel(config).to(device).train()
        rate = config.matching_rate if matching else config.contrastive_rate
        optimiser = torch.optim.AdamW(self.model.parameters(), rate, weight_decay=config.weight_decay)
        self.stepper = Stepper(
            self.model, optimiser, Processes(device), frozen=matching and config.freeze_encoders,
            edited=matching and config.edited_negatives,
        )  # fmt: skip
        self.stepper.prepare()
        self.batches, self.stage, self.device = PairBatches(pairs, config), stage, device
        texts = torch.randn(len(pairs), config.dimension, generator=torch.Generator().manual_seed(0))
        self.texts = torch.nn.functional.normalize(texts, dim=1).to(device)
        self.cells = cell_vectors().to(device)
        random = np.random.default_rng(0)
        ready = self.batches.make(np.arange(config.batch), random, edited=self.stepper.edited, augment=True)
        self.ready = Batch(*(getattr(ready, field.name).to(device) for field in fields(Batch)))

    def losses(self, seen: Seen, batch: Batch) -> dict[str, Tensor]:
        """As training takes them; stage 2 mismatches neighbours."""
        if self.stage == "matching":
            return matching_losses(self.model, seen, batch, 1)
        return contrastive_losses(self.model, seen, batch, self.texts[batch.index], self.cells)

    def bare(self, count: int) -> None:
        """Forward and backward alone."""
        for _ in range(count):
            self.model.zero_grad(set_to_none=True)
            self.stepper._gradients(self.ready, self.losses)

    def steps(self, count: int) -> None:
        """Load, augment, forward, backward, optimise."""
        generator = torch.Generator().manual_seed(1)
        taken = 0
        while taken < count:
            for batch in self.batches.epoch(generator, edited=self.stepper.edited):
                self.stepper.take(batch, self.losses)
                taken += 1
                if taken == count:
                    return

    def flops(self) -> int:
        """Of one bare pass."""
        with FlopCounterMode(display=False) as counter:
            self.bare(1)
        return int(counter.get_total_flops())


def drawn_pairs(count: int) -> list[Pair]:
    """Tiles with some dozen roofs each, at zoom 19."""
    random, pairs = np.random.default_rng(0), []
    for number in range(count):
        image = random.integers(80, 130, (256, 256, 3)).astype(np.uint8)
        map_, mask = np.full((256, 256, 3), 240, np.uint8), np.zeros((256, 256), np.uint8)
        for place in random.choice(64, 14, replace=False):
            x, y = 32 * (place % 8) + 4, 32 * (place // 8) + 4
            width, height = random.integers(10, 24, 2)
            box = np.s_[y : y + height, x : x + width]
            image[box], map_[box], mask[box] = (190, 90, 70), (200, 180, 165), 255
        valid = np.ones((256, 256), bool)
        pairs.append(Pair(TileAddress(19, 386_000 + number, 220_000), image, map_, mask, valid, 1.0, True))
    return pairs


def seconds(work: Callable[[int], None], count: int, device: str) -> tuple[float, float]:
    """On the clock and of all this process's threads, the device's queue emptied before and after."""
    wait = torch.cuda.synchronize if torch.device(device).type == "cuda" else (lambda: None)
    wait()
    start = time.perf_counter(), time.process_time()
    work(count)
    wait()
    return time.perf_counter() - start[0], time.process_time() - start[1]


def matrix_rate(precision: torch.dtype, device: str) -> float:
    """Floating-point operations per second of a large matrix product."""
    first, second = (torch.randn(MATRIX, MATRIX, device=device, dtype=precision) for _ in range(2))

    def products(count: int) -> None:
        for _ in range(count):
            first @ second

    products(3)
    return 20 * 2 * MATRIX**3 / seconds(products, 20, device)[0]


if __name__ == "__main__":
    sys.exit(main())
