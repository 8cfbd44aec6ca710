"""Tables of correspondences: proposals with their points, map scans, and the places that people stand by."""

from annotation.correspondences.models.proposals import (
    FARTHEST_PX,
    IN_FORCE,
    NEAREST_PX,
    ControlPoint,
    Correspondences,
    CorrespondencesReview,
    CorrespondencesState,
    PointOrigin,
    PointRole,
    TransformKind,
)
from annotation.correspondences.models.scans import MapScan
from annotation.correspondences.models.verified import VerifiedPlace

__all__ = [
    "FARTHEST_PX",
    "IN_FORCE",
    "NEAREST_PX",
    "ControlPoint",
    "Correspondences",
    "CorrespondencesReview",
    "CorrespondencesState",
    "MapScan",
    "PointOrigin",
    "PointRole",
    "TransformKind",
    "VerifiedPlace",
]
