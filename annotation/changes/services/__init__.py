"""Writes of the changes stage: find candidates, keep what people decide."""
