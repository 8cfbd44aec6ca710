"""Writes of the queue, one verb per file."""
