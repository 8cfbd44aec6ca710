"""Between rows of correspondences and the library's matchers, transforms and points; the only importer of mlcore here.

Whatever imports torch is imported where it is used: the web server starts and lives without it.
"""

from annotation.correspondences.engine.corrections import POINT_LIMITS, Correction, checked_correction, correction_of
from annotation.correspondences.engine.matchers import (
    Made,
    Proposal,
    check_matcher,
    make,
    offered,
    pairs_source,
    propose,
)
from annotation.correspondences.engine.transforms import (
    apart_m,
    middle_offset_m,
    proposed_transform,
    residuals_of,
    rings_px,
    said_transform,
    shown_transform,
    stored,
)
from mlcore.geometry.transform import Transform
from mlcore.geometry.webmercator import TileAddress
from mlcore.pairs.source import PairSource
from mlcore.progress import Progress, stop_if_asked

__all__ = [
    "POINT_LIMITS", "Correction", "Made", "PairSource", "Progress", "Proposal", "TileAddress", "Transform", "apart_m",
    "check_matcher", "checked_correction", "correction_of", "make", "middle_offset_m", "offered", "pairs_source",
    "propose", "proposed_transform", "residuals_of", "rings_px", "said_transform", "shown_transform", "stop_if_asked",
    "stored",
]  # fmt: skip
