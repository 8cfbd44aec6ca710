"""How the learning rate of a run rises and falls."""

import math


def warmed_cosine(step: int, steps: int, warmup: float) -> float:
    """The share of the learning rate at a step: linear warm-up, then half a cosine down to nothing.

    Args:
        steps: of the whole run.
        warmup: share of the steps that warm up, 0..1.
    """
    warm = max(1.0, warmup * steps)
    if step < warm:
        return min(1.0, (step + 1) / warm)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warm) / max(1.0, steps - warm))))
