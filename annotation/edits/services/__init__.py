"""Writes of the edits stage: make a changeset, give versions, export."""
