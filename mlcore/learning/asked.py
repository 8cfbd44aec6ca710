"""Networks made to be asked only: normalisations and activations become part of the convolutions before them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from mlcore.learning.precision import bfloat16_is_native

ACTIVATIONS: dict[type[nn.Module], tuple[str, list[float]]] = {
    nn.ReLU: ("relu", []),
    nn.ReLU6: ("hardtanh", [0.0, 6.0]),
}
"""Those that oneDNN applies while it convolves, as it calls them: one pass over memory less, and the same numbers."""


class ActivatedConv(nn.Module):
    """A convolution and the activation after it in one step; on a processor alone."""

    def __init__(self, convolution: nn.Conv2d, activation: nn.Module) -> None:
        super().__init__()
        self.convolution = convolution
        self.told = ACTIVATIONS[type(activation)]

    def forward(self, x: Tensor) -> Tensor:
        """As the two say one after the other."""
        by = self.convolution
        said: Tensor = torch.ops.mkldnn._convolution_pointwise(
            x, by.weight, by.bias, by.padding, by.stride, by.dilation, by.groups, *self.told, None
        )
        return said


def joins_activations(half: bool) -> bool:
    """Whether this processor convolves and activates in one step; bfloat16 so only with the instructions for it."""
    return torch.backends.mkldnn.is_available() and (not half or torch.ops.mkldnn._is_mkldnn_bf16_supported())


def made_to_be_asked(network: nn.Module, *, half: bool | None = None) -> None:
    """Change a network so that it says the same up to rounding, faster; it can't be trained or saved any more.

    Args:
        network: its convolutions are followed by their own normalisation and activation, as they are registered.
        half: compute in bfloat16; None: where the machine multiplies it natively.
    """
    device = next(network.parameters()).device
    if half is None:
        half = bfloat16_is_native(str(device))
    _fold(network.eval())
    if device.type == "cpu" and joins_activations(half):
        _activate(network)
    kind: dict[str, Any] = {"memory_format": torch.channels_last}
    network.to(torch.bfloat16 if half else torch.float32).to(**kind)


def _fold(module: nn.Module) -> None:
    """Fold every normalisation that is registered right after a convolution of its channels into that convolution."""
    last: tuple[str, nn.Conv2d] | None = None
    for name, child in list(module.named_children()):
        if isinstance(child, nn.BatchNorm2d) and last is not None and last[1].out_channels == child.num_features:
            setattr(module, last[0], fuse_conv_bn_eval(last[1], child))
            setattr(module, name, nn.Identity())
        _fold(child)
        last = (name, child) if isinstance(child, nn.Conv2d) else None


def _activate(module: nn.Module) -> None:
    """Join every activation with the convolution before it in a sequence; folded normalisations may lie between."""
    last: tuple[str, nn.Conv2d] | None = None
    for name, child in list(module.named_children()):
        if last is not None and type(child) in ACTIVATIONS and isinstance(module, nn.Sequential):
            setattr(module, last[0], ActivatedConv(last[1], child))
            setattr(module, name, nn.Identity())
        _activate(child)
        if isinstance(child, nn.Conv2d) and child.padding_mode == "zeros" and not isinstance(child.padding, str):
            last = name, child
        elif not isinstance(child, nn.Identity):
            last = None
