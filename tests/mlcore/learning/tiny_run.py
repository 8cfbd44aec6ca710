"""A tiny training run that a test starts as a process of its own and kills: tiny_run.py FOLDER OUT EPOCHS."""

import sys
from pathlib import Path

import torch
from torch import nn

from mlcore.learning.checkpoints import write_tensors
from mlcore.learning.loop import Stage, run_stage
from mlcore.progress import SilentProgress


def make_stage(epochs: int, fingerprint: str = "tiny") -> Stage:
    torch.manual_seed(3)
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 1))
    optimiser = torch.optim.AdamW(model.parameters(), 1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs)

    def run_epoch(epoch: int, generator: torch.Generator) -> dict[str, float]:
        total = 0.0
        for _ in range(3):
            inputs = torch.randn(16, 4, generator=generator)
            loss = (model(inputs) - inputs.sum(1, keepdim=True)).square().mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            total += float(loss.detach())
        return {"loss": total / 3}

    return Stage("tiny", model, optimiser, epochs, run_epoch, schedule, fingerprint)


if __name__ == "__main__":
    torch.set_num_threads(1)
    stage = make_stage(int(sys.argv[3]))
    run_stage(stage, run_dir=Path(sys.argv[1]), seed=5, progress=SilentProgress())
    write_tensors(Path(sys.argv[2]), stage.module.state_dict(), {})
