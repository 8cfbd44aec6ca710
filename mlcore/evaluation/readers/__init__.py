"""Readers of published data sets of images and maps, as they lie on disk."""
