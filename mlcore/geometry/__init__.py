"""Tile mathematics of the Web-Mercator grid and polygon repairs."""
