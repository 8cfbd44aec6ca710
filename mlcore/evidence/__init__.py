"""Building evidence: how much each pixel of an image looks like a building."""
