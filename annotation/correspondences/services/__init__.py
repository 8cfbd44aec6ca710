"""Writes of correspondences."""
