"""Writes of regions and sources."""
