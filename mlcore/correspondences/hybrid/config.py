"""What a set of pairs is to be: how many windows, of what size, what is cleaned out, what stands without a person."""

from __future__ import annotations

from dataclasses import dataclass

from mlcore.errors import ConfigError

SIZE_PX = 512
"""Side of a window as it is matched and kept."""


@dataclass(frozen=True)
class HybridConfig:
    """Settings of a set.

    Attributes:
        side: of a window, in pixels of the image; it is kept at 512 px whatever it is.
        windows: at most so many sampling points, spread over the image.
        stride: distance of sampling points, in sides; below 1 windows overlap.
        jitter: by how much a point leaves its grid, in strides.
        block: side of the blocks that a set is split by, in strides.
        shares: of validation and test, of the blocks.
        least_valid: share of a window that has data on both sides.
        least_map_edges: share of a map's pixels on an edge, below which it is empty.
        least_texture: standard deviation of the image's fine detail, in grey levels of 255.
        duplicate_bits: of 64, that two windows may differ in and be one, on both sides.
        most_offset_px: how far a window's corners may be moved on top of the coarse transform.
        most_apart_px: how far a window's middle may be moved from where its neighbours are.
        gate_log10_nfa, gate_rmse_px: a pair that chance explains no oftener, and whose points lie as near, is marked
            verified without a person; None: none is.
        ratio: pixels of the image per pixel of a map without a georeference; None: both show about the same ground.
        tries: pairs of views that are matched at most to find a map without a georeference.
        seed: of the sampling points, and of which blocks are kept apart.
    """

    side: int = SIZE_PX
    windows: int = 1000
    stride: float = 1.0
    jitter: float = 0.2
    block: int = 4
    shares: tuple[float, float] = (0.1, 0.1)
    least_valid: float = 0.98
    least_map_edges: float = 0.01
    least_texture: float = 3.0
    duplicate_bits: int = 3
    most_offset_px: float = 48.0
    most_apart_px: float = 12.0
    gate_log10_nfa: float | None = None
    gate_rmse_px: float = 1.5
    ratio: float | None = None
    tries: int = 300
    seed: int = 0

    def __post_init__(self) -> None:
        ranges = {
            "side": (64, 8192), "windows": (1, 1_000_000), "stride": (0.1, 100), "jitter": (0, 0.5), "block": (1, 1000),
            "least_valid": (0, 1), "least_map_edges": (0, 1), "least_texture": (0, 255), "duplicate_bits": (0, 64),
            "most_offset_px": (1, SIZE_PX), "most_apart_px": (1, SIZE_PX), "tries": (1, 100_000),
        }  # fmt: skip
        for name, (low, high) in ranges.items():
            if not low <= getattr(self, name) <= high:
                raise ConfigError(f"{name} is {getattr(self, name)}: it may be {low:g} to {high:g}")
        if not (len(self.shares) == 2 and all(share >= 0 for share in self.shares) and sum(self.shares) < 1):
            raise ConfigError("shares are those of validation and test: give two that leave something to learn from")
        if self.ratio is not None and not 0.01 <= self.ratio <= 100:
            raise ConfigError("ratio is pixels of the image per pixel of the map: it may be 0.01 to 100")
