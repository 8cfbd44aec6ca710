"""Reads imagery and maps, renders map tiles, makes image-map pairs and geographic splits."""
