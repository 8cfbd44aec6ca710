"""How networks and other work share the cores that a process may use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from mlcore.cores import MOST_HELPERS, Cores


@contextmanager
def shared_cores() -> Iterator[Cores]:
    """As many cores as PyTorch has threads (OMP_NUM_THREADS, `torch.set_num_threads`), shared out in another way.

    Meanwhile a network runs on one thread, and as many of its batches at once as there are cores: they wait for each
    other less, and what they say does not depend on how many there are.
    """
    count = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with Cores(count) as cores:
            yield cores
    finally:
        torch.set_num_threads(count)


def batches_at_once(cores: Cores | None, device: torch.device) -> int:
    """How many batches a network is given at once: a card has one queue, and each batch takes memory."""
    return 1 if cores is None or device.type != "cpu" else min(cores.count, MOST_HELPERS + 1)
