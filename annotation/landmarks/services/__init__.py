"""Writes of landmarks and their search, one verb per file."""
