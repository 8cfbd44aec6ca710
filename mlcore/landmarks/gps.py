"""The tower of coordinates: Equal Earth projection, random Fourier features, one capsule per scale, their sum.

part        output for N positions
projected   (N, 2) float64, x and y of Equal Earth, x in -1..1: areas are kept, 1 unit is 17,244 km on average
features    (N, 2F) cosines and sines of F random frequencies of N(0, sigma^2)
capsule     (N, D), an MLP on the features of one sigma
tower       (N, D), the sum over all sigmas, the finer ones near what was learnt alone
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from mlcore.errors import InvalidInputError

A1, A2, A3, A4 = 1.340264, -0.081106, 0.000893, 0.003796
"""Of Savric, Patterson and Jenny, "The Equal Earth map projection" (2019)."""
UNITS_PER_RADIAN = 66.50336 / 180
"""GeoCLIP's scale: x spans -1..1."""
EARTH_RADIUS_M = 6_371_008.8
METRES_PER_UNIT = EARTH_RADIUS_M / UNITS_PER_RADIAN


def equal_earth(lonlat: np.ndarray) -> np.ndarray:
    """(N, 2) longitude and latitude in degrees -> (N, 2) float64 of the Equal Earth projection, x in -1..1.

    Raises:
        InvalidInputError: not such positions.
    """
    positions = np.asarray(lonlat, np.float64)
    if positions.ndim != 2 or positions.shape[1] != 2:
        raise InvalidInputError(f"positions must be (N, 2) longitude and latitude, not {positions.shape}")
    if not np.isfinite(positions).all() or np.abs(positions[:, 1]).max(initial=0) > 90:
        raise InvalidInputError("longitude and latitude must be finite degrees, latitude within -90..90")
    longitude = np.radians((positions[:, 0] + 180) % 360 - 180)
    theta = np.arcsin(math.sqrt(3) / 2 * np.sin(np.radians(positions[:, 1])))
    square = theta**2
    scale = 3 * (A1 + 3 * A2 * square + square**3 * (7 * A3 + 9 * A4 * square))
    x = 2 * math.sqrt(3) * longitude * np.cos(theta) / scale
    y = theta * (A1 + A2 * square + square**3 * (A3 + A4 * square))
    return np.stack([x, y], axis=1) * UNITS_PER_RADIAN


class Capsule(nn.Module):
    """Random Fourier features of one scale and an MLP.

    Phases are computed in double precision: of the finer scales a float's last digit is a tenth of a turn.
    """

    frequencies: Tensor

    def __init__(self, sigma: float, fourier: int, width: int, layers: int, dimension: int) -> None:
        super().__init__()
        self.register_buffer("frequencies", (torch.randn(fourier, 2, dtype=torch.float64) * sigma).float())
        inner: list[nn.Module] = []
        size = 2 * fourier
        for _ in range(layers):
            inner += [nn.Linear(size, width), nn.ReLU()]
            size = width
        self.layers = nn.Sequential(*inner)
        self.head = nn.Linear(size, dimension)

    def features(self, projected: Tensor) -> Tensor:
        """(N, 2) float64 -> (N, 2F) float32."""
        phases = 2 * math.pi * (projected @ self.frequencies.double().T)
        return torch.cat([phases.cos(), phases.sin()], dim=1).float()

    def forward(self, projected: Tensor) -> Tensor:
        """(N, 2) float64 -> (N, D)."""
        return self.head(self.layers(self.features(projected)))


class GpsTower(nn.Module):
    """Positions -> the sum of the capsules' vectors; the finer ones speak near what they learnt alone.

    Elsewhere the finer features are noise: nothing was learnt of them. Each is weighted by how near the nearest
    position is that was learnt, exp(-(distance / reach)^2), so that far off only the coarse ones are left.
    """

    known: Tensor

    def __init__(
        self, sigmas: Sequence[float], fine_sigmas: Sequence[float], *, fourier: int, width: int, layers: int,
        dimension: int, reach_m: float,
    ) -> None:  # fmt: skip
        super().__init__()
        shape = fourier, width, layers, dimension
        self.capsules = nn.ModuleList(Capsule(sigma, *shape) for sigma in sigmas)
        self.fine = nn.ModuleList(Capsule(sigma, *shape) for sigma in fine_sigmas)
        self.reach = reach_m / METRES_PER_UNIT
        self.register_buffer("known", torch.zeros(0, 2, dtype=torch.float64))

    def remember(self, projected: np.ndarray) -> None:
        """Take (N, 2) positions of `equal_earth` as learnt, beside those known: one for each square of half the reach.

        It is called before training, on what will be learnt.
        """
        if not len(self.fine):
            return
        everything = np.concatenate([self.known.cpu().numpy(), np.asarray(projected, np.float64)])
        cells = np.unique(np.floor(everything / (self.reach / 2)), axis=0)
        self.known = torch.from_numpy((cells + 0.5) * self.reach / 2).to(self.known.device)

    def nearness(self, projected: Tensor) -> Tensor:
        """(N, 2) -> (N, 1) in 0..1: 1 where something was learnt, 0 far from all of it."""
        if not len(self.known):
            return torch.zeros(len(projected), 1, device=projected.device)
        nearest = torch.cdist(projected, self.known).min(dim=1, keepdim=True).values / self.reach
        return torch.exp(-(nearest**2)).float()

    def forward(self, projected: Tensor) -> Tensor:
        """(N, 2) float64 of `equal_earth` -> (N, D)."""
        total = torch.stack([capsule(projected) for capsule in self.capsules]).sum(dim=0)
        if len(self.fine):
            total = total + self.nearness(projected) * torch.stack([fine(projected) for fine in self.fine]).sum(dim=0)
        return total
