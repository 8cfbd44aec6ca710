"""Makes evidence networks ready to be asked only: faster, and in half precision where that is fast."""

from __future__ import annotations

import copy

from mlcore.evidence.ensemble import EvidenceEnsemble
from mlcore.evidence.readout import ReadAnew
from mlcore.learning.asked import made_to_be_asked


def ready(ensemble: EvidenceEnsemble, *, half: bool | None = None) -> EvidenceEnsemble:
    """A copy that says the same up to rounding, two to three times as fast; it can't be trained or saved.

    One that is ready already is given back as it is.

    Args:
        half: compute in bfloat16; None: where the machine multiplies it natively.
    """
    if ensemble.ready:
        return ensemble
    fast = copy.deepcopy(ensemble).eval()
    for member in fast.members:
        made_to_be_asked(member.network if isinstance(member, ReadAnew) else member, half=half)  # a readout stays exact
    fast.ready = True
    return fast
