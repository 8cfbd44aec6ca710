"""The structure network: any picture of the ground as a few fields that look alike where the ground does."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from mlcore.correspondences.config import StructureConfig
from mlcore.encoders.unet import SmallUNet
from mlcore.errors import CheckpointError
from mlcore.learning.checkpoints import read_tensors, write_tensors

MODEL_KIND = "structure-matcher"
FIELD_STRIDE, COARSE_STRIDE = 2, 8
FIRST_TEMPERATURE = 0.05


class StructureModel(SmallUNet):
    """Fields of structure; the same network reads both sides, so that any two kinds of picture can be held together."""

    def __init__(self, config: StructureConfig | None = None) -> None:
        config = config or StructureConfig()
        super().__init__(config.widths)
        self.config = config
        self.head = nn.Conv2d(config.widths[0], config.channels, 1)
        self.coarse_head = nn.Conv2d(config.widths[2], config.coarse_channels, 1)
        self.log_coarse = nn.Parameter(torch.tensor(FIRST_TEMPERATURE).log())
        self.log_fine = nn.Parameter(torch.tensor(FIRST_TEMPERATURE).log())

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, H, W) float RGB in 0..1, sides multiples of 16 -> fine and coarse fields.

        Returns:
            (B, channels, H / 2, W / 2) and (B, coarse_channels, H / 8, W / 8).
        """
        half, eighth = self.levels(pictures)
        return self.head(half), self.coarse_head(eighth)

    def save(self, path: Path, extra: dict[str, object] | None = None) -> str:
        """Write weights and settings to one safetensors file in half precision; returns its SHA-256."""
        tensors = {
            name: value.half() if value.is_floating_point() else value for name, value in self.state_dict().items()
        }
        return write_tensors(path, tensors, {**(extra or {}), "kind": MODEL_KIND, "config": self.config.to_dict()})

    @classmethod
    def load(cls, path: Path, sha256: str | None = None) -> StructureModel:
        """Read what `save` wrote, in eval mode; CheckpointError where the file is damaged or another than asked for."""
        tensors, meta = read_tensors(path, sha256=sha256)
        if meta.get("kind") != MODEL_KIND:
            raise CheckpointError(f"{path} holds a {meta.get('kind')!r} model, not a matcher: choose a matcher's file")
        model = cls(StructureConfig.from_dict(meta["config"]))
        try:
            model.load_state_dict({name: value.float() if value.is_floating_point() else value
                                   for name, value in tensors.items()})  # fmt: skip
        except RuntimeError as error:
            raise CheckpointError(f"{path} does not fit the settings it names: {error}") from error
        return model.eval()
