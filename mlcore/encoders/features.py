"""What every image encoder returns."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

CELL_STRIDE_PX = 4


@dataclass(frozen=True)
class ImageFeatures:
    """What an encoder sees.

    Attributes:
        embedding: (B, D) unit vectors in the space of the text encoder.
        cells: (B, C, S / 4, S / 4) features of the cells of 4 x 4 input pixels.
    """

    embedding: Tensor
    cells: Tensor

    def single(self) -> ImageFeatures:
        """The same in single precision."""
        return ImageFeatures(self.embedding.float(), self.cells.float())
