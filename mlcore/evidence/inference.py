"""Makes networks ready to be asked only: normalisations folded, channels last, half precision where it is fast."""

from __future__ import annotations

import copy

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from mlcore.evidence.ensemble import EvidenceEnsemble
from mlcore.evidence.readout import ReadAnew
from mlcore.learning.precision import bfloat16_is_native


def ready(ensemble: EvidenceEnsemble, *, half: bool | None = None) -> EvidenceEnsemble:
    """A copy that says the same up to rounding, two to three times as fast; it can't be trained or saved.

    One that is ready already is given back as it is.

    Args:
        half: compute in bfloat16; None: where the machine multiplies it natively.
    """
    if ensemble.ready:
        return ensemble
    fast = copy.deepcopy(ensemble).eval()
    if half is None:
        half = bfloat16_is_native(str(fast.device))
    for member in fast.members:
        _fold(member)
        network = member.network if isinstance(member, ReadAnew) else member  # a readout stays exact
        network.to(torch.bfloat16 if half else torch.float32).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    fast.ready = True
    return fast


def _fold(module: nn.Module) -> None:
    """Fold every normalisation that is registered right after a convolution of its channels into that convolution."""
    last: tuple[str, nn.Conv2d] | None = None
    for name, child in list(module.named_children()):
        if isinstance(child, nn.BatchNorm2d) and last is not None and last[1].out_channels == child.num_features:
            setattr(module, last[0], fuse_conv_bn_eval(last[1], child))
            setattr(module, name, nn.Identity())
        _fold(child)
        last = (name, child) if isinstance(child, nn.Conv2d) else None
