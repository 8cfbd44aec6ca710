"""Landmarks with their photos, and the indexes in which tiles and landmarks are searched."""

from annotation.landmarks.models.indexes import IndexState, SearchIndex
from annotation.landmarks.models.landmarks import LANDMARKS, Landmark, LandmarkPhoto, LandmarkSource, PositionFrom

__all__ = [
    "LANDMARKS",
    "IndexState",
    "Landmark",
    "LandmarkPhoto",
    "LandmarkSource",
    "PositionFrom",
    "SearchIndex",
]
