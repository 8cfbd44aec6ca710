"""Cleans rasters and maps from outside in a guarded child process."""
