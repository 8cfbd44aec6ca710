"""The methods that are measured, by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from mlcore.errors import InvalidInputError
from mlcore.evaluation.classical import edge_ncc
from mlcore.geometry.webmercator import TileAddress
from mlcore.pairs.source import PairSource
from mlcore.progress import Progress
from mlcore.suites.consistency_methods import ABLATIONS, ConsistencyMethod
from mlcore.suites.region_methods import LargestBox, RegionFamily, change_head, combined
from mlcore.suites.task import Method, Settings, Task


@dataclass
class EdgeNcc:
    """Classical: correlation of the edges of image and map, the best over shifts of about 2 m."""

    name: str = "edge_ncc"
    probability: bool = False

    def fit(self, task: Task, settings: Settings, progress: Progress) -> None:
        """Nothing to learn."""

    def score(self, source: PairSource, tiles: Sequence[TileAddress]) -> dict[TileAddress, float]:
        views = (source.view(tile) for tile in tiles)
        return {view.tile: edge_ncc(view.image, view.map, view.valid) for view in views}


@dataclass
class Chance:
    """Numbers drawn by chance: what any method must beat."""

    name: str = "chance"
    probability: bool = False
    random: np.random.Generator = field(default_factory=np.random.default_rng)

    def fit(self, task: Task, settings: Settings, progress: Progress) -> None:
        self.random = np.random.default_rng([settings.seed, 97])

    def score(self, source: PairSource, tiles: Sequence[TileAddress]) -> dict[TileAddress, float]:
        return dict(zip(tiles, self.random.random(len(tiles)).tolist(), strict=True))


def _variant(name: str) -> Callable[[RegionFamily], Method]:
    return lambda family: ConsistencyMethod(name)


METHODS: dict[str, Callable[[RegionFamily], Method]] = {
    **{name: _variant(name) for name in ABLATIONS},
    "change_head": change_head,
    "combined": combined,
    "largest_box": LargestBox,
    "edge_ncc": lambda family: EdgeNcc(),
    "chance": lambda family: Chance(),
}
REGION_METHODS = ("change_head", "combined", "largest_box")
"""These share one region model."""
CONTROLS = ("global_anchors", "cell_anchors", "shuffled_anchors", "mismatched_only", "mismatched_only_no_anchors")
"""Only measured where they are asked for."""
UNTAUGHT = ("edge_ncc", "chance")
"""These learn nothing."""

DESCRIPTIONS = {
    "ucsa": "U-CSA whole: anchored contrast, prototypes, adversarial matching",
    "no_anchors": "U-CSA with direct image-map contrast instead of anchors, global and local",
    "no_prototypes": "U-CSA without prototypes: the discriminator alone",
    "no_masking": "U-CSA, equal anchors of a batch left in as (false) negatives",
    "global_anchors": "U-CSA with one anchor per tile alone, without the anchors of cells",
    "cell_anchors": "U-CSA with the anchors of cells alone, beside direct image-map contrast",
    "shuffled_anchors": "`global_anchors` with every tile's anchor exchanged for another's: do anchors carry meaning?",
    "mismatched_only": "U-CSA whole, its negatives other tiles' maps alone, as in the paper: no edited maps",
    "mismatched_only_no_anchors": "the same with direct image-map contrast instead of anchors",
    "change_head": "building evidence against map, as one number",
    "combined": "the calibrated probability that the queue uses: consistency and change evidence",
    "largest_box": "the largest 21 px box of |evidence - map|",
    "edge_ncc": "correlation of the edges of image and map, best over shifts",
    "chance": "numbers drawn by chance",
}


def check_methods(names: Sequence[str]) -> list[str]:
    """The names in the order of METHODS, each once.

    Raises:
        InvalidInputError: a name that is none of METHODS, or no name at all.
    """
    unknown = sorted(set(names) - set(METHODS))
    if unknown or not names:
        raise InvalidInputError(f"no method {', '.join(unknown) or '(none given)'}: choose from {', '.join(METHODS)}")
    return [name for name in METHODS if name in names]
