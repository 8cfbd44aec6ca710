"""The training loop: epochs with their own seed, a checkpoint after each, and exact resumption.

Everything random in an epoch comes from a generator seeded by (seed, name of the stage, epoch). A run that was killed
goes on from the last whole checkpoint and, on a CPU, ends with the same weights as a run that was never disturbed.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mlcore.errors import CheckpointError, MlcoreError, StoppedError
from mlcore.learning.checkpoints import Checkpoint, load_newest, save_checkpoint
from mlcore.learning.processes import Processes
from mlcore.progress import STOPPED, Progress

EpochFunction = Callable[[int, torch.Generator], Mapping[str, float]]


class DivergedError(MlcoreError):
    """The loss became infinite or not a number."""

    code = "training_diverged"


@dataclass(frozen=True)
class Stage:
    """One stage of training.

    Attributes:
        name: names its checkpoints' folder and its figures, such as "contrastive".
        module: everything that is trained or kept, as one module.
        optimiser: over (a part of) the module's parameters.
        epochs: how many epochs make the stage complete.
        run_epoch: (epoch, generator) -> figures; takes all of the epoch's steps.
        schedule: stepped once per epoch, if any.
        fingerprint: describes data and settings; a checkpoint of another fingerprint is not resumed.
        scaler: of a loss in float16, if any; its state is kept too.
    """

    name: str
    module: nn.Module
    optimiser: torch.optim.Optimizer
    epochs: int
    run_epoch: EpochFunction
    schedule: torch.optim.lr_scheduler.LRScheduler | None = None
    fingerprint: str = ""
    scaler: torch.amp.GradScaler | None = None


def epoch_generator(seed: int, name: str, epoch: int) -> torch.Generator:
    """The CPU generator that everything random of one epoch is drawn from."""
    digest = hashlib.sha256(f"{seed}/{name}/{epoch}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))


def run_stage(
    stage: Stage,
    *,
    run_dir: Path,
    seed: int,
    progress: Progress,
    figures_prefix: str = "",
    processes: Processes | None = None,
) -> dict[str, float]:
    """Train `stage` to its end, going on from the newest checkpoint of `run_dir`/`stage.name`.

    Figures of every epoch are reported as "<figures_prefix><name>", those of a stage found finished once more; a
    checkpoint is on the disk before a stop. Of several processes the first alone writes; all read the same folder.

    Returns:
        The figures of the last epoch.

    Raises:
        StoppedError: asked to stop; start again to go on.
        DivergedError: a figure is not finite.
        CheckpointError: the folder holds checkpoints of another run, or the processes don't see the same folder.
    """
    folder, processes = Path(run_dir) / stage.name, processes or Processes()
    first, figures = _resume(stage, folder, progress)
    _check_together(processes, first, folder)
    if first >= stage.epochs:
        progress.report(1.0, f"{stage.name}: done before", _named(figures, first, figures_prefix))
    for epoch in range(first, stage.epochs):
        stop_together(progress, processes)
        generator = epoch_generator(seed, stage.name, epoch)
        torch.manual_seed(generator.initial_seed())
        stage.module.train()
        figures = dict(stage.run_epoch(epoch, generator))
        if stage.schedule is not None:
            stage.schedule.step()
        bad = [name for name, value in figures.items() if not math.isfinite(value)]
        if bad:
            raise DivergedError(
                f"{stage.name} diverged in epoch {epoch + 1} ({', '.join(bad)} not finite): lower the learning rate"
            )
        if processes.rank == 0:
            meta = {"fingerprint": stage.fingerprint, "state": _plain(stage, figures)}
            save_checkpoint(folder, epoch + 1, _tensors(stage), meta)
        processes.wait()
        done = (epoch + 1) / stage.epochs
        shown = _named(figures, epoch + 1, figures_prefix)
        progress.report(done, f"{stage.name}: epoch {epoch + 1} of {stage.epochs}", shown)
    return figures


def stop_together(progress: Progress, processes: Processes) -> None:
    """Raise StoppedError in every process once one of them was asked to stop."""
    if processes.any(progress.should_stop()):
        raise StoppedError(STOPPED)


def _check_together(processes: Processes, first: int, folder: Path) -> None:
    here = torch.tensor([first], device=processes.device)
    if bool((processes.gather(here) != here).any()):
        raise CheckpointError(
            f"the processes don't find the same checkpoint in {folder}: use a folder that all machines share"
        )


def _named(figures: Mapping[str, float], epoch: int, prefix: str) -> dict[str, float]:
    return {"epoch": epoch} | {f"{prefix}{name}": value for name, value in figures.items()}


def _resume(stage: Stage, folder: Path, progress: Progress) -> tuple[int, dict[str, float]]:
    checkpoint = load_newest(folder)
    if checkpoint is None:
        return 0, {}
    if checkpoint.meta.get("fingerprint") != stage.fingerprint:
        raise CheckpointError(f"{folder} belongs to a run with other data or settings; choose another folder")
    _restore(stage, checkpoint)
    for sentence in checkpoint.skipped:
        progress.report(checkpoint.step / stage.epochs, f"used the previous checkpoint: {sentence}")
    progress.report(min(1.0, checkpoint.step / stage.epochs), f"{stage.name}: going on after epoch {checkpoint.step}")
    return checkpoint.step, dict(checkpoint.meta["state"]["figures"])


def _tensors(stage: Stage) -> dict[str, Tensor]:
    """Weights, optimiser state and random state as flat, named tensors."""
    tensors = {f"module.{name}": tensor for name, tensor in stage.module.state_dict().items()}
    for index, state in stage.optimiser.state_dict()["state"].items():
        for name, value in state.items():
            tensors[f"optimiser.{index}.{name}"] = torch.as_tensor(value)
    tensors["random.torch"] = torch.get_rng_state()
    return tensors


def _plain(stage: Stage, figures: Mapping[str, float]) -> dict[str, Any]:
    return {
        "groups": stage.optimiser.state_dict()["param_groups"],
        "schedule": None if stage.schedule is None else _schedule_numbers(stage.schedule.state_dict()),
        "figures": dict(figures),
        "scaler": None if stage.scaler is None else stage.scaler.state_dict(),
    }


def _schedule_numbers(state: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers of a schedule's state; functions in it are rebuilt by the caller, not stored."""
    return {
        name: value
        for name, value in state.items()
        if isinstance(value, bool | int | float | list) and name != "lr_lambdas"
    }


def _restore(stage: Stage, checkpoint: Checkpoint) -> None:
    weights: dict[str, Tensor] = {}
    states: dict[int, dict[str, Tensor]] = {}
    for name, tensor in checkpoint.tensors.items():
        kind, _, rest = name.partition(".")
        if kind == "module":
            weights[rest] = tensor
        elif kind == "optimiser":
            index, _, field = rest.partition(".")
            states.setdefault(int(index), {})[field] = tensor
    try:
        stage.module.load_state_dict(weights)
        stage.optimiser.load_state_dict({"state": states, "param_groups": checkpoint.meta["state"]["groups"]})
    except (RuntimeError, ValueError, KeyError) as error:
        raise CheckpointError(f"the checkpoint does not fit this model: {error}; choose another folder") from error
    if stage.schedule is not None and checkpoint.meta["state"]["schedule"]:
        stage.schedule.load_state_dict(checkpoint.meta["state"]["schedule"])
    if stage.scaler is not None and checkpoint.meta["state"].get("scaler"):
        stage.scaler.load_state_dict(checkpoint.meta["state"]["scaler"])
    torch.set_rng_state(checkpoint.tensors["random.torch"])
