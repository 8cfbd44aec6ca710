"""Landmarks with their photos, and the indexes in which tiles and landmarks are searched."""

from annotation.landmarks.models.indexes import IndexState, SearchIndex
from annotation.landmarks.models.landmarks import Landmark, LandmarkPhoto, LandmarkSource

__all__ = ["IndexState", "Landmark", "LandmarkPhoto", "LandmarkSource", "SearchIndex"]
