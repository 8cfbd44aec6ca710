"""Between rows of correspondences and the library's matchers, transforms and points; the only importer of mlcore here.

Whatever imports torch is imported where it is used: the web server starts and lives without it.
"""

from annotation.correspondences.engine.corrections import Correction, checked_correction, correction_of
from annotation.correspondences.engine.matchers import (
    Made,
    Proposal,
    built_in_file,
    check_matcher,
    make,
    offered,
    pairs_source,
    propose,
)
from annotation.correspondences.engine.shifts import frozen_transforms, known_shifts, thawed_shifts
from annotation.correspondences.engine.transforms import (
    apart_m,
    middle_offset_m,
    proposed_transform,
    residuals_of,
    said_transform,
    shown_transform,
    stored,
)
from mlcore.correspondences.dense.neighbours import Known
from mlcore.geometry.transform import Transform
from mlcore.geometry.webmercator import TileAddress
from mlcore.pairs.source import PairSource
from mlcore.progress import Progress, stop_if_asked

__all__ = [
    "Correction", "Known", "Made", "PairSource", "Progress", "Proposal", "TileAddress", "Transform", "apart_m",
    "built_in_file", "check_matcher", "checked_correction", "correction_of", "frozen_transforms", "known_shifts",
    "make", "middle_offset_m", "offered", "pairs_source", "propose", "proposed_transform", "residuals_of",
    "said_transform", "shown_transform", "stop_if_asked", "stored", "thawed_shifts",
]  # fmt: skip
