"""Semantic anchors: the schema of the 11 attributes and the generators that fill it."""
