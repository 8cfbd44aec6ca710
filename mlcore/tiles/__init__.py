"""Reads imagery and maps from outside, draws map tiles, and pairs image with map on the XYZ grid."""
