"""Writes of geolocation, one verb per file."""
