"""Makes a consistency network ready to be asked only: its encoders, which are most of its work, faster."""

from __future__ import annotations

import copy

from mlcore.consistency.model import ConsistencyModel
from mlcore.encoders.image import CompactEncoder
from mlcore.learning.asked import made_to_be_asked


def ready(model: ConsistencyModel, *, half: bool | None = None) -> ConsistencyModel:
    """A copy that says the same up to rounding; it can't be trained or saved. What judges the features stays exact.

    Args:
        half: encode in bfloat16; None: where the machine multiplies it natively.
    """
    fast = copy.deepcopy(model).eval()
    for encoder in (fast.image_encoder, fast.map_encoder):
        if isinstance(encoder, CompactEncoder):
            made_to_be_asked(encoder, half=half)
    return fast
