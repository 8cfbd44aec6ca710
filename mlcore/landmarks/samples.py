"""What is learnt from: landmarks, or tiles, with whatever is known of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

import numpy as np

Modality = Literal["aerial", "ground", "text", "gps"]
MODALITIES: tuple[Modality, ...] = get_args(Modality)


@dataclass(frozen=True, eq=False)
class Sample:
    """One landmark, or one tile; what is not known of it is None or empty.

    Attributes:
        name: of the sample, one of its kind in its source.
        place: what is near belongs to one place; held-out parts are chosen by place.
        aerial, ground: (H, W, 3) uint8 RGB.
        texts: sentences about it; a training step draws one of them.
        gps: (longitude, latitude) in degrees, WGS 84.
        group: samples of one group, such as a class of land use, are not held to differ from each other in what they
            are called; "" stands for itself alone.
    """

    name: str
    place: str
    aerial: np.ndarray | None = None
    ground: np.ndarray | None = None
    texts: tuple[str, ...] = ()
    gps: tuple[float, float] | None = None
    group: str = ""

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """What is known of it."""
        known = (self.aerial is not None, self.ground is not None, bool(self.texts), self.gps is not None)
        return tuple(name for name, there in zip(MODALITIES, known, strict=True) if there)


class SampleSource(Protocol):
    """Samples by number; pictures may be read only when they are asked for."""

    def __len__(self) -> int: ...

    def get(self, number: int) -> Sample:
        """The sample of that number, the same at every call."""


class SampleList:
    """A source whose samples lie in memory."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self._samples = tuple(samples)

    def __len__(self) -> int:
        return len(self._samples)

    def get(self, number: int) -> Sample:
        return self._samples[number]
