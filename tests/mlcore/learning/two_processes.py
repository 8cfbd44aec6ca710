"""A tiny training that tests start in two processes: two_processes.py RUN_DIR OUT [CHANGES as JSON].

Without augmentation and with frozen batch normalisation it has to end like the same training in one process.
"""

import json
import sys
from pathlib import Path

import torch

from mlcore.consistency.config import ConsistencyConfig
from mlcore.consistency.model import ConsistencyModel
from mlcore.consistency.training import save_consistency, train_consistency
from mlcore.errors import StoppedError
from mlcore.learning.processes import Processes, join_processes
from tests.mlcore.consistency.samples import make_anchors, make_pairs

EXACT = {"batch": 4, "precision": "float32", "batch_norm": "frozen", "augment": False, "edited_negatives": False}


class Stopper:
    """Asks to stop once `epochs` of them were reported; 0 never asks."""

    def __init__(self, epochs: int) -> None:
        self.left, self.stops = epochs, epochs > 0

    def report(self, fraction, message="", figures=None):
        self.left -= bool(figures)

    def should_stop(self):
        return self.stops and self.left <= 0


def train(run_dir: Path, processes: Processes, changes: dict, stop_after: int = 0) -> ConsistencyModel:
    torch.set_num_threads(1)
    pairs = make_pairs(8)
    config = ConsistencyConfig.preset("tiny", **{**EXACT, **changes})
    progress = Stopper(stop_after if processes.rank == 0 else 0)
    return train_consistency(
        pairs, make_anchors(pairs), config, validation=make_pairs(3, seed=1), run_dir=run_dir, seed=2,
        processes=processes, progress=progress,
    )  # fmt: skip


def main(run_dir: Path, out: Path, changes: dict) -> int:
    processes = join_processes("cpu")
    stop_after = changes.pop("stop_after", 0)
    try:
        model = train(run_dir, processes, changes, stop_after)
    except StoppedError:
        return processes.leave(0)
    save_consistency(out.with_name(f"{out.stem}-{processes.rank}-of-{processes.count}.safetensors"), model)
    return processes.leave(0)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3]) if len(sys.argv) > 3 else {}))
