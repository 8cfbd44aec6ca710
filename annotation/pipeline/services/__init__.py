"""Writes of the pipeline: the main job."""
