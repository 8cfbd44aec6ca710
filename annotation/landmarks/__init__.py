"""Landmarks, and the search that finds tiles and landmarks by words, by a photo, by another tile or by coordinates."""
