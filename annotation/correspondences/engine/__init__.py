"""Between rows of correspondences and the library's matchers, transforms and points; the only importer of mlcore here.

Whatever imports torch is imported where it is used: the web server starts and lives without it.
"""

from annotation.correspondences.engine.archive import pair_content, parts_by_place, told_of_pair
from annotation.correspondences.engine.corrections import POINT_LIMITS, Correction, checked_correction, correction_of
from annotation.correspondences.engine.exchange import FORMS, PICTURE_PX, PointsFile, points_file
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
from annotation.correspondences.engine.point_files import GivenFile, payload_of
from annotation.correspondences.engine.scan_places import (
    ScanPair,
    scan_pairs,
    scan_picture,
    scan_place,
    scan_source,
    scan_tile_png,
)
from annotation.correspondences.engine.scans import ScanFiles, build_scan_pairs
from annotation.correspondences.engine.shifts import frozen_transforms, known_shifts, thawed_shifts
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
from mlcore.correspondences.dense.neighbours import Known
from mlcore.correspondences.hybrid.pictures import MOST_SIDE as MOST_SCAN_SIDE
from mlcore.correspondences.scanned import ScannedSource
from mlcore.files import whole_file
from mlcore.geometry.transform import Transform
from mlcore.geometry.webmercator import TileAddress
from mlcore.pairs.source import PairSource
from mlcore.progress import Progress, stop_if_asked

__all__ = [
    "FORMS", "MOST_SCAN_SIDE",
    "PICTURE_PX",
    "POINT_LIMITS",
    "Correction",
    "GivenFile",
    "Known",
    "Made",
    "PairSource",
    "PointsFile",
    "Progress",
    "Proposal",
    "ScanFiles",
    "ScanPair",
    "ScannedSource",
    "TileAddress",
    "Transform",
    "apart_m",
    "build_scan_pairs",
    "built_in_file",
    "check_matcher",
    "checked_correction",
    "correction_of",
    "frozen_transforms",
    "known_shifts",
    "make",
    "middle_offset_m",
    "offered",
    "pair_content",
    "pairs_source",
    "parts_by_place",
    "payload_of",
    "points_file",
    "propose",
    "proposed_transform",
    "residuals_of",
    "rings_px",
    "said_transform",
    "scan_pairs",
    "scan_picture",
    "scan_place",
    "scan_source",
    "scan_tile_png",
    "shown_transform",
    "stop_if_asked",
    "stored",
    "thawed_shifts",
    "told_of_pair",
    "whole_file",
]  # fmt: skip
