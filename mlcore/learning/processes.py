"""Training in one process or in several, on one machine or on many: what the processes tell each other.

Several are started by `python -m accelerate.commands.launch -m mlcore train consistency ...`; each finds its place in
the environment.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from mlcore.errors import ConfigError, MissingPackageError


class Processes:
    """One process alone, and what several have in common.

    Attributes:
        rank: 0..count - 1; only rank 0 writes files and reports.
        count: how many processes train together.
        device: what this process computes on.
    """

    rank = 0
    count = 1

    def __init__(self, device: str = "cpu") -> None:
        self.device = device

    def gather(self, tensor: Tensor) -> Tensor:
        """(N, ...) of every process, equally long -> (count N, ...) in the order of ranks; no gradient passes."""
        return tensor

    def add_up(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by its sum over all processes."""

    def any(self, flag: bool) -> bool:
        """Whether the flag is up in any process."""
        return flag

    def wait(self) -> None:
        """Until every process has come here."""

    def close(self) -> None:
        """Leave the group."""

    def leave(self, code: int) -> int:
        """Leave the group; the last call of a process. Of several, this one ends here and now with the exit `code`."""
        self.close()
        return code


class LaunchedProcesses(Processes):
    """This process among those that `accelerate launch` started."""

    def __init__(self, device: str) -> None:
        try:
            from accelerate import PartialState
        except ImportError as error:
            raise MissingPackageError(f"several processes need accelerate ({error}): pip install accelerate") from error
        self._state: Any = PartialState(cpu=torch.device(device).type == "cpu")
        self.rank, self.count = int(self._state.process_index), int(self._state.num_processes)
        super().__init__(str(self._state.device))

    def gather(self, tensor: Tensor) -> Tensor:
        from accelerate.utils import gather

        if not tensor.numel():
            return tensor.new_zeros(len(tensor) * self.count, *tensor.shape[1:])
        gathered: Tensor = gather(tensor.contiguous())
        return gathered

    def add_up(self, tensors: Sequence[Tensor]) -> None:
        from accelerate.utils import reduce

        for kind in {tensor.dtype for tensor in tensors}:
            same = [tensor for tensor in tensors if tensor.dtype == kind]
            total = reduce(torch.cat([tensor.reshape(-1) for tensor in same]), reduction="sum")
            parts = total.split([tensor.numel() for tensor in same])
            for tensor, part in zip(same, parts, strict=True):
                tensor.copy_(part.reshape(tensor.shape))

    def any(self, flag: bool) -> bool:
        return bool(self.gather(torch.tensor([float(flag)], device=self.device)).any())

    def wait(self) -> None:
        self._state.wait_for_everyone()

    def close(self) -> None:
        self._state.destroy_process_group()

    def leave(self, code: int) -> int:
        # Everything is on the disk. On a busy machine one end in a dozen aborted because a native thread still ran, and
        # the launcher called a whole run failed: so nothing is taken down here.
        self.close()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def join_processes(device: str) -> Processes:
    """This process's place: alone, or among those that `accelerate launch` started."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        return LaunchedProcesses(device)
    return Processes(device)


def check_share(batch: int, accumulate: int, processes: Processes) -> None:
    """Raise ConfigError unless every process gets an equal share of a batch, in `accumulate` equal parts."""
    if batch % (processes.count * accumulate):
        raise ConfigError(
            f"a batch of {batch} can't be shared equally by {processes.count} processes in {accumulate} parts each: "
            f"use a multiple of {processes.count * accumulate}"
        )
