"""Writes of tiles and pairs."""
