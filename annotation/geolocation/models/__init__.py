"""Reference imagery with its feature database, and images without a place with where they may lie."""

from annotation.geolocation.models.databases import DatabaseState, FeatureDatabase
from annotation.geolocation.models.images import (
    Against,
    CandidateState,
    Flight,
    ImageState,
    PlacementCandidate,
    PriorKind,
    UnplacedImage,
)
from annotation.geolocation.models.references import (
    BaseState,
    ReferenceBase,
    ReferenceFile,
    ReferenceKind,
    ReferenceSet,
    ReferenceState,
)

__all__ = [
    "Against",
    "BaseState",
    "CandidateState",
    "DatabaseState",
    "FeatureDatabase",
    "Flight",
    "ImageState",
    "PlacementCandidate",
    "PriorKind",
    "ReferenceBase",
    "ReferenceFile",
    "ReferenceKind",
    "ReferenceSet",
    "ReferenceState",
    "UnplacedImage",
]
